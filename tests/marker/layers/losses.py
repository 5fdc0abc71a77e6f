import torch
from marker.layers.layer import draw, drawer, layer
from torch.nn import functional as F


def targets(k, *shapes):
    drawn = draw(k, *shapes)
    generator = torch.Generator().manual_seed(k)
    classes = drawn[0].shape[-1]
    return (*drawn, torch.randint(0, classes, drawn[0].shape[:-1], generator=generator))


def softmax_forward(x):
    e = torch.exp(x - x.max(-1, keepdim=True).values)
    return e / e.sum(-1, keepdim=True)


@layer("softmax", softmax_forward, drawer("nd"))
def softmax(g, x):
    s = torch.softmax(x, -1)
    return s * (g - (g * s).sum(-1, keepdim=True))


@softmax.mistake(r"diagonal|own share")
def diagonal_only(g, x):
    s = torch.softmax(x, -1)
    return g * s * (1 - s)


@softmax.mistake(r"sum.*(held constant|not followed)")
def sum_held_constant(g, x):
    return g * torch.softmax(x, -1)


@softmax.mistake(r"shape|factor|mean|multiplied|averaged")
def mean_for_sum(g, x):
    s = torch.softmax(x, -1)
    return s * (g - (g * s).mean(-1, keepdim=True))


@layer("log softmax", lambda x: F.log_softmax(x, -1), drawer("nd"))
def log_softmax(g, x):
    return g - torch.softmax(x, -1) * g.sum(-1, keepdim=True)


@log_softmax.mistake(r"upstream|left out|ones|sum|total", ())
def sum_of_gradient_forgotten(g, x):
    return g - torch.softmax(x, -1)


@log_softmax.mistake(r"total|sum|log.*(held constant|not followed)")
def normaliser_held_constant(g, x):
    return g


@layer("cross entropy", lambda x, t: F.cross_entropy(x, t), lambda k: targets(k, "nm"))
def cross_entropy(g, x, t):
    return g * (torch.softmax(x, -1) - F.one_hot(t, x.shape[-1])) / len(x), None


@cross_entropy.mistake(r"summed|times|not divided|shape\[0\]")
def not_averaged(g, x, t):
    return g * (torch.softmax(x, -1) - F.one_hot(t, x.shape[-1])), None


@cross_entropy.mistake(r"gather|path|−x|target|held constant|not followed")
def target_forgotten(g, x, t):
    return g * torch.softmax(x, -1) / len(x), None


@cross_entropy.mistake(r"upstream")
def upstream_ignored(g, x, t):
    return (torch.softmax(x, -1) - F.one_hot(t, x.shape[-1])) / len(x), None


def huber_forward(p, y):
    r = p - y
    return torch.where(r.abs() <= 1, 0.5 * r**2, r.abs() - 0.5).mean()


@layer("huber", huber_forward, drawer("nd", "nd"))
def huber(g, p, y):
    r = p - y
    d = g * torch.where(r.abs() <= 1, r, torch.sign(r)) / r.numel()
    return d, -d


@huber.mistake(r"sign|abs", (0, 1))
def sign_forgotten(g, p, y):
    r = p - y
    d = g * torch.where(r.abs() <= 1, r, torch.ones_like(r)) / r.numel()
    return d, -d


@huber.mistake(r"½|0\.5|exponent|factor", (0, 1))
def half_forgotten(g, p, y):
    r = p - y
    d = g * torch.where(r.abs() <= 1, 2 * r, torch.sign(r)) / r.numel()
    return d, -d


def hinge_forward(s, y):
    margin = 1 - y * s
    return torch.relu(margin).mean()


def scores_and_signs(k):
    scores, drawn = draw(k, "n", "n")
    return scores, torch.sign(drawn)


@layer("hinge", hinge_forward, scores_and_signs)
def hinge(g, s, y):
    active = (1 - y * s > 0) / len(s)
    return -g * y * active, -g * s * active


@hinge.mistake(r"mask|left out|passed straight", (0, 1))
def margin_ignored(g, s, y):
    return -g * y / len(s), -g * s / len(s)


@hinge.mistake(r"minus|sign|−1|-1", (0, 1))
def sign_lost(g, s, y):
    active = (1 - y * s > 0) / len(s)
    return g * y * active, g * s * active


def kl_forward(logp, q):
    return (q * (torch.log(q) - logp)).sum(-1).mean()


def distributions(k):
    first, second = draw(k, "nd", "nd")
    return torch.log_softmax(first, -1), torch.softmax(second, -1)


@layer("kl divergence", kl_forward, distributions)
def kl(g, logp, q):
    n = len(q)
    return -g * q / n, g * (torch.log(q) - logp + 1) / n


@kl.mistake(r"log.*(held constant|not followed)|path", (1,))
def entropy_term_forgotten(g, logp, q):
    n = len(q)
    return -g * q / n, g * (torch.log(q) - logp) / n


@kl.mistake(r"factor|left out", (0,))
def q_forgotten(g, logp, q):
    n = len(q)
    return -g * torch.ones_like(q) / n, g * (torch.log(q) - logp + 1) / n


def bce_forward(z, t):
    p = torch.sigmoid(z)
    return -(t * torch.log(p) + (1 - t) * torch.log(1 - p)).mean()


@layer("binary cross entropy", bce_forward, lambda k: (draw(k, "nd")[0], torch.sigmoid(draw(k, "nd")[0] * 2 + 0.3)))
def bce(g, z, t):
    p = torch.sigmoid(z)
    return g * (p - t) / z.numel(), -g * (torch.log(p) - torch.log(1 - p)) / z.numel()


@bce.mistake(r"s\(1 − s\)|passed straight", (0,))
def sigmoid_derivative_forgotten(g, z, t):
    p = torch.sigmoid(z)
    return g * (p - t) / (p * (1 - p)) / z.numel(), -g * (torch.log(p) - torch.log(1 - p)) / z.numel()


@bce.mistake(r"1 - t|not followed|held constant", (0,))
def negative_class_forgotten(g, z, t):
    p = torch.sigmoid(z)
    return -g * t * (1 - p) / z.numel(), -g * (torch.log(p) - torch.log(1 - p)) / z.numel()


def rmse_forward(p, y):
    return torch.sqrt(((p - y) ** 2).mean())


@layer("root mean squared error", rmse_forward, drawer("nd", "nd"))
def rmse(g, p, y):
    r = p - y
    d = g * r / (r.numel() * rmse_forward(p, y))
    return d, -d


@rmse.mistake(r"½", (0, 1))
def half_of_the_root_missing(g, p, y):
    r = p - y
    d = g * 2 * r / (r.numel() * rmse_forward(p, y))
    return d, -d


@rmse.mistake(r"√|sqrt|left out", (0, 1))
def root_forgotten(g, p, y):
    r = p - y
    d = g * 2 * r / r.numel()
    return d, -d


def triplet_forward(a, p, n):
    return torch.relu(((a - p) ** 2).sum(-1) - ((a - n) ** 2).sum(-1) + 1).sum()


@layer("triplet", triplet_forward, drawer("nd", "nd", "nd"))
def triplet(g, a, p, n):
    on = (((a - p) ** 2).sum(-1) - ((a - n) ** 2).sum(-1) + 1 > 0).unsqueeze(-1) * g
    return 2 * on * (n - p), -2 * on * (a - p), 2 * on * (a - n)


@triplet.mistake(r"a - n|not followed|uses of a", (0,))
def second_use_of_the_anchor(g, a, p, n):
    on = (((a - p) ** 2).sum(-1) - ((a - n) ** 2).sum(-1) + 1 > 0).unsqueeze(-1) * g
    return 2 * on * (a - p), -2 * on * (a - p), 2 * on * (a - n)

import torch
from marker.layers.layer import drawer, layer

EPS = 1e-5


def layer_norm_forward(x, w, b):
    mean = x.mean(-1, keepdim=True)
    variance = ((x - mean) ** 2).mean(-1, keepdim=True)
    normalised = (x - mean) / torch.sqrt(variance + EPS)
    return normalised * w + b


def _layer_norm(x):
    mean = x.mean(-1, keepdim=True)
    inverse = 1 / torch.sqrt(((x - mean) ** 2).mean(-1, keepdim=True) + EPS)
    return (x - mean) * inverse, inverse


def _sums(t):
    return t.reshape(-1, t.shape[-1]).sum(0)


@layer("layer norm", layer_norm_forward, drawer("nd", "d", "d"))
def layer_norm(g, x, w, b):
    xhat, inverse = _layer_norm(x)
    gx = g * w
    dx = inverse * (gx - gx.mean(-1, keepdim=True) - xhat * (gx * xhat).mean(-1, keepdim=True))
    return dx, _sums(g * xhat), _sums(g)


@layer_norm.mistake(r"variance")
def variance_held_constant(g, x, w, b):
    xhat, inverse = _layer_norm(x)
    gx = g * w
    return inverse * (gx - gx.mean(-1, keepdim=True)), _sums(g * xhat), _sums(g)


@layer_norm.mistake(r"mean")
def mean_held_constant(g, x, w, b):
    xhat, inverse = _layer_norm(x)
    gx = g * w
    return inverse * (gx - xhat * (gx * xhat).mean(-1, keepdim=True)), _sums(g * xhat), _sums(g)


@layer_norm.mistake(r"other factor is left out|w ")
def weight_forgotten_in_dx(g, x, w, b):
    xhat, inverse = _layer_norm(x)
    dx = inverse * (g - g.mean(-1, keepdim=True) - xhat * (g * xhat).mean(-1, keepdim=True))
    return dx, _sums(g * xhat), _sums(g)


@layer_norm.mistake(r"\bx\b|centred|x - mean", (1,))
def weight_gradient_from_x(g, x, w, b):
    xhat, inverse = _layer_norm(x)
    gx = g * w
    dx = inverse * (gx - gx.mean(-1, keepdim=True) - xhat * (gx * xhat).mean(-1, keepdim=True))
    return dx, _sums(g * x), _sums(g)


@layer_norm.mistake(r"sqrt|divided|normalised")
def inverse_std_missing(g, x, w, b):
    xhat, _ = _layer_norm(x)
    gx = g * w
    dx = gx - gx.mean(-1, keepdim=True) - xhat * (gx * xhat).mean(-1, keepdim=True)
    return dx, _sums(g * xhat), _sums(g)


def batch_norm_forward(x, w, b):
    return torch.nn.functional.batch_norm(x, None, None, w, b, training=True)


@layer("batch norm", batch_norm_forward, drawer("nd", "d", "d"))
def batch_norm(g, x, w, b):
    mean = x.mean(0)
    inverse = 1 / torch.sqrt(((x - mean) ** 2).mean(0) + EPS)
    xhat = (x - mean) * inverse
    gx = g * w
    return inverse * (gx - gx.mean(0) - xhat * (gx * xhat).mean(0)), (g * xhat).sum(0), g.sum(0)


@batch_norm.mistake(r"every mean|statistics")
def statistics_held_constant(g, x, w, b):
    mean = x.mean(0)
    inverse = 1 / torch.sqrt(((x - mean) ** 2).mean(0) + EPS)
    return inverse * g * w, (g * (x - mean) * inverse).sum(0), g.sum(0)


@batch_norm.mistake(r"½|variance")
def factor_two_in_variance(g, x, w, b):
    mean = x.mean(0)
    inverse = 1 / torch.sqrt(((x - mean) ** 2).mean(0) + EPS)
    xhat = (x - mean) * inverse
    gx = g * w
    return inverse * (gx - gx.mean(0) - 2 * xhat * (gx * xhat).mean(0)), (g * xhat).sum(0), g.sum(0)


@batch_norm.mistake(r"averaged|1/\(x\.shape\[0\]\) times", (1, 2))
def parameters_averaged(g, x, w, b):
    right = batch_norm.right(g, x, w, b)
    return right[0], right[1] / len(x), right[2] / len(x)


def rms_forward(x, w):
    rms = torch.sqrt((x**2).mean(-1, keepdim=True) + 1e-6)
    return x / rms * w


@layer("rms norm", rms_forward, drawer("nd", "d"))
def rms_norm(g, x, w):
    rms = torch.sqrt((x**2).mean(-1, keepdim=True) + 1e-6)
    xhat = x / rms
    gx = g * w
    return (gx - xhat * (gx * xhat).mean(-1, keepdim=True)) / rms, _sums(g * xhat)


@rms_norm.mistake(r"rms.*held constant|mean.*held constant")
def norm_held_constant(g, x, w):
    rms = torch.sqrt((x**2).mean(-1, keepdim=True) + 1e-6)
    return g * w / rms, _sums(g * x / rms)


@rms_norm.mistake(r"not divided|sum for a mean|x\.shape\[(1|-1)\]|w\.shape")
def summed_not_averaged(g, x, w):
    rms = torch.sqrt((x**2).mean(-1, keepdim=True) + 1e-6)
    xhat = x / rms
    gx = g * w
    return (gx - xhat * (gx * xhat).sum(-1, keepdim=True)) / rms, _sums(g * xhat)


def normalise_forward(x):
    norm = x.norm(dim=-1, keepdim=True)
    return x / norm


@layer("l2 normalise", normalise_forward, drawer("nd"))
def normalise(g, x):
    norm = x.norm(dim=-1, keepdim=True)
    unit = x / norm
    return (g - unit * (g * unit).sum(-1, keepdim=True)) / norm


@normalise.mistake(r"norm.*(held constant|not followed)")
def length_held_constant(g, x):
    return g / x.norm(dim=-1, keepdim=True)


@normalise.mistake(r"denominator|norm|√|power|divided")
def divided_by_the_norm_once_only(g, x):
    norm = x.norm(dim=-1, keepdim=True)
    return g / norm - x * (g * x).sum(-1, keepdim=True) / norm


def cosine_forward(a, b):
    return (a * b).sum(-1) / (a.norm(dim=-1) * b.norm(dim=-1))


@layer("cosine similarity", cosine_forward, drawer("nd", "nd"))
def cosine(g, a, b):
    na, nb = a.norm(dim=-1, keepdim=True), b.norm(dim=-1, keepdim=True)
    c = (a * b).sum(-1, keepdim=True) / (na * nb)
    g = g.unsqueeze(-1)
    return g * (b / (na * nb) - c * a / na**2), g * (a / (na * nb) - c * b / nb**2)


@cosine.mistake(r"norm.*(held constant|not followed)", (0, 1))
def norms_held_constant(g, a, b):
    n = (a.norm(dim=-1) * b.norm(dim=-1)).unsqueeze(-1)
    return g.unsqueeze(-1) * b / n, g.unsqueeze(-1) * a / n


@cosine.mistake(r"a stands for b|b stands for|own factor|swapped|stands for", (1,))
def operands_confused(g, a, b):
    right = cosine.right(g, a, b)
    na, nb = a.norm(dim=-1, keepdim=True), b.norm(dim=-1, keepdim=True)
    c = (a * b).sum(-1, keepdim=True) / (na * nb)
    return right[0], g.unsqueeze(-1) * (b / (na * nb) - c * b / nb**2)


def standardise_forward(x):
    centred = x - x.mean(0)
    return centred / centred.std(0)


@layer("standardise", standardise_forward, drawer("nd"))
def standardise(g, x):
    n = len(x)
    c = x - x.mean(0)
    s = c.std(0)
    return (g - g.mean(0) - c * (g * c).sum(0) / ((n - 1) * s**2)) / s


@standardise.mistake(r"x\.shape|mean|÷|factor|divided|multiplied")
def biased_variance(g, x):
    c = x - x.mean(0)
    s = c.std(0)
    return (g - g.mean(0) - c * (g * c).mean(0) / s**2) / s

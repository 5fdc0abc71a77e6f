import math

import torch
from marker.layers.layer import SIZES, draw, drawer, layer
from torch.nn import functional as F


@layer("linear", lambda x, w, b: x @ w.t() + b, drawer("nd", "md", "m"))
def linear(g, x, w, b):
    return g @ w, g.t() @ x, g.sum(0)


@linear.mistake(r"averaged|1/\(", (2,))
def bias_averaged(g, x, w, b):
    return g @ w, g.t() @ x, g.mean(0)


@layer("square linear", lambda x, w: x @ w, drawer("nd", "dd"))
def square_linear(g, x, w):
    return g @ w.t(), x.t() @ g


@square_linear.mistake(r"transposed", (0,))
def weight_not_transposed(g, x, w):
    return g @ w, x.t() @ g


@square_linear.mistake(r"transposed", (1,))
def gradient_transposed(g, x, w):
    return g @ w.t(), g.t() @ x


def attention_forward(q, k, v):
    scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
    weights = torch.softmax(scores, -1)
    return weights @ v


def _attention(g, q, k, v, scale):
    p = torch.softmax(q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1]), -1)
    dp = g @ v.transpose(-2, -1)
    ds = p * (dp - (dp * p).sum(-1, keepdim=True)) * scale
    return ds @ k, ds.transpose(-2, -1) @ q, p.transpose(-2, -1) @ g


@layer("attention", attention_forward, drawer("2nd", "2md", "2md"))
def attention(g, q, k, v):
    return _attention(g, q, k, v, 1 / math.sqrt(q.shape[-1]))


@attention.mistake(r"√|not divided|sqrt", (0, 1))
def scale_forgotten(g, q, k, v):
    return _attention(g, q, k, v, 1)


@attention.mistake(r"√|twice|divided", (0, 1))
def scale_not_rooted(g, q, k, v):
    return _attention(g, q, k, v, 1 / q.shape[-1])


@attention.mistake(r"diagonal|own share", (0, 1))
def softmax_diagonal(g, q, k, v):
    p = torch.softmax(q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1]), -1)
    ds = p * (1 - p) * (g @ v.transpose(-2, -1)) / math.sqrt(q.shape[-1])
    return ds @ k, ds.transpose(-2, -1) @ q, p.transpose(-2, -1) @ g


@attention.mistake(r"(sum|total).*(held constant|not followed)", (0, 1))
def softmax_row_term_missing(g, q, k, v):
    p = torch.softmax(q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1]), -1)
    ds = p * (g @ v.transpose(-2, -1)) / math.sqrt(q.shape[-1])
    return ds @ k, ds.transpose(-2, -1) @ q, p.transpose(-2, -1) @ g


def conv_forward(x, w):
    windows = x.unfold(-1, w.shape[-1], 1)
    return torch.einsum("bclk,ock->bol", windows, w)


@layer("conv1d by unfold", conv_forward, lambda k: (draw(k, "2d8")[0], draw(k, "md3")[0]))
def conv1d(g, x, w):
    dw = torch.einsum("bol,bclk->ock", g, x.unfold(-1, w.shape[-1], 1))
    dx = torch.zeros_like(x)
    for tap in range(w.shape[-1]):
        dx[:, :, tap : tap + g.shape[-1]] += torch.einsum("bol,oc->bcl", g, w[:, :, tap])
    return dx, dw


@conv1d.mistake(r"flip|overwritten|order|unfold|stands for|reverse", (0,))
def kernel_flipped(g, x, w):
    return conv1d.right(g, x, w.flip(-1))[0], conv1d.right(g, x, w)[1]


@conv1d.mistake(r"overwritten|repeated|comes twice", (0,))
def overlap_overwritten(g, x, w):
    dx = torch.zeros_like(x)
    for tap in range(w.shape[-1]):
        dx[:, :, tap : tap + g.shape[-1]] = torch.einsum("bol,oc->bcl", g, w[:, :, tap])
    return dx, conv1d.right(g, x, w)[1]


def pool_forward(x):
    return x.reshape(*x.shape[:-1], -1, 2).mean(-1)


@layer("average pooling", pool_forward, lambda k: (draw(k, "nd8")[0],))
def average_pool(g, x):
    return g.repeat_interleave(2, -1) / 2


@average_pool.mistake(r"not divided|sum for a mean|times")
def pool_not_divided(g, x):
    return g.repeat_interleave(2, -1)


def max_pool_forward(x):
    return x.reshape(*x.shape[:-1], -1, 2).amax(-1)


@layer("max pooling", max_pool_forward, lambda k: (draw(k, "nd8")[0],))
def max_pool(g, x):
    pairs = x.reshape(*x.shape[:-1], -1, 2)
    return (g.unsqueeze(-1) * (pairs == pairs.amax(-1, keepdim=True))).reshape(x.shape)


@max_pool.mistake(r"every term gets|not the largest only")
def every_entry_gets_it(g, x):
    return g.repeat_interleave(2, -1)


def indices(k, rows):
    return torch.randint(0, rows, (9 + k,), generator=torch.Generator().manual_seed(k))


@layer("embedding", lambda w, i: F.embedding(i, w), lambda k: (draw(k, "nd")[0], indices(k, SIZES[k][0])))
def embedding(g, w, i):
    return torch.zeros_like(w).index_add_(0, i, g), None


@embedding.mistake(r"overwritten|comes twice")
def repeated_rows_overwritten(g, w, i):
    found = torch.zeros_like(w)
    for row, gradient in zip(i.tolist(), g, strict=True):
        found[row] = gradient
    return found, None


@embedding.mistake(r"averaged|count|times|divided|rows")
def divided_by_the_count(g, w, i):
    counts = torch.bincount(i, minlength=len(w)).clamp(min=1).unsqueeze(1)
    return torch.zeros_like(w).index_add_(0, i, g) / counts, None


@layer("bilinear", lambda x, a, y: torch.einsum("ni,ij,nj->n", x, a, y), drawer("nd", "dd", "nd"))
def bilinear(g, x, a, y):
    g = g.unsqueeze(1)
    return g * (y @ a.t()), (g * x).t() @ y, g * (x @ a)


@bilinear.mistake(r"transposed", (0,))
def matrix_not_transposed(g, x, a, y):
    g = g.unsqueeze(1)
    return g * (y @ a), (g * x).t() @ y, g * (x @ a)


@bilinear.mistake(r"transposed|stands for|swapped", (1,))
def outer_product_swapped(g, x, a, y):
    g = g.unsqueeze(1)
    return g * (y @ a.t()), (g * y).t() @ x, g * (x @ a)


@layer("quadratic form", lambda x, a: ((x @ a) * x).sum(-1), drawer("nd", "dd"))
def quadratic(g, x, a):
    g = g.unsqueeze(1)
    return g * (x @ a + x @ a.t()), (g * x).t() @ x


@quadratic.mistake(r"symmetric|transposed|2|stands for|uses|not followed", (0,))
def symmetric_assumed(g, x, a):
    g = g.unsqueeze(1)
    return 2 * g * (x @ a), (g * x).t() @ x


@quadratic.mistake(r"not followed|uses of x|counts|held constant", (0,))
def one_use_only(g, x, a):
    g = g.unsqueeze(1)
    return g * (x @ a), (g * x).t() @ x


def rnn_forward(x, h, w, u):
    for t in range(x.shape[1]):
        h = torch.tanh(x[:, t] @ w + h @ u)
    return h


def _rnn_states(x, h, w, u):
    states = [h]
    for t in range(x.shape[1]):
        states.append(torch.tanh(x[:, t] @ w + states[-1] @ u))
    return states


def _rnn(g, x, h, w, u, tanh=lambda s: 1 - s * s, through=lambda d, u: d @ u.t(), old=True):
    states = _rnn_states(x, h, w, u)
    dx, dw, du = torch.zeros_like(x), torch.zeros_like(w), torch.zeros_like(u)
    for t in reversed(range(x.shape[1])):
        d = g * tanh(states[t + 1])
        dx[:, t] = d @ w.t()
        dw += x[:, t].t() @ d
        du += states[t if old else t + 1].t() @ d
        g = through(d, u)
    return dx, g, dw, du


def sequences(k):
    (x,), (h, w, u) = draw(k, f"n{3 + k % 3}d"), draw(k + len(SIZES), "nm", "dm", "mm")
    return x, h, w, u


@layer("rnn", rnn_forward, sequences)
def rnn(g, x, h, w, u):
    return _rnn(g, x, h, w, u)


@rnn.mistake(r"transposed", (0, 1, 2, 3))
def recurrent_weight_not_transposed(g, x, h, w, u):
    return _rnn(g, x, h, w, u, through=lambda d, u: d @ u)


@rnn.mistake(r"last time|not followed|held constant|earlier", (0, 1, 2, 3))
def truncated_to_the_last_step(g, x, h, w, u):
    return _rnn(g, x, h, w, u, through=lambda d, u: torch.zeros_like(d))


@rnn.mistake(r"stands for|new|h ", (3,))
def new_state_for_old(g, x, h, w, u):
    return (*_rnn(g, x, h, w, u)[:3], _rnn(g, x, h, w, u, old=False)[3])


@rnn.mistake(r"1 − t²|tanh", (0, 1, 2, 3))
def tanh_derivative_forgotten(g, x, h, w, u):
    return _rnn(g, x, h, w, u, tanh=lambda s: torch.ones_like(s))


def gate_forward(c, i, f, o, z):
    new = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(z)
    return torch.sigmoid(o) * torch.tanh(new)


def _gates(g, c, i, f, o, z, forget=None):
    si, sf, so, tz = torch.sigmoid(i), torch.sigmoid(f), torch.sigmoid(o), torch.tanh(z)
    new = sf * c + si * tz
    t = torch.tanh(new)
    d = g * so * (1 - t * t)
    return (
        d * sf,
        d * tz * si * (1 - si),
        d * (c if forget is None else new) * sf * (1 - sf),
        g * t * so * (1 - so),
        d * si * (1 - tz * tz),
    )


@layer("lstm cell", gate_forward, drawer("nd", "nd", "nd", "nd", "nd"))
def lstm(g, c, i, f, o, z):
    return _gates(g, c, i, f, o, z)


@lstm.mistake(r"new|stands for", (2,))
def new_cell_for_old(g, c, i, f, o, z):
    return _gates(g, c, i, f, o, z, forget="new")


@lstm.mistake(r"1 − t²|tanh", (0, 1, 2, 4))
def output_tanh_forgotten(g, c, i, f, o, z):
    si, sf, so, tz = torch.sigmoid(i), torch.sigmoid(f), torch.sigmoid(o), torch.tanh(z)
    t = torch.tanh(sf * c + si * tz)
    d = g * so
    return d * sf, d * tz * si * (1 - si), d * c * sf * (1 - sf), g * t * so * (1 - so), d * si * (1 - tz * tz)


def residual_forward(x, w, v):
    return x + torch.relu(x @ w) @ v


@layer("residual block", residual_forward, drawer("nd", "dm", "md"))
def residual(g, x, w, v):
    a = x @ w
    d = (g @ v.t()) * (a > 0)
    return g + d @ w.t(), x.t() @ d, torch.relu(a).t() @ g


@residual.mistake(r"not followed|uses of x|counts", (0,))
def skip_forgotten(g, x, w, v):
    dx, dw, dv = residual.right(g, x, w, v)
    return dx - g, dw, dv


@residual.mistake(r"stands for|x @ w", (2,))
def before_the_activation(g, x, w, v):
    dx, dw, _ = residual.right(g, x, w, v)
    return dx, dw, (x @ w).t() @ g


@residual.mistake(r"mask|left out|passed straight", (0, 1))
def mask_forgotten(g, x, w, v):
    d = g @ v.t()
    return g + d @ w.t(), x.t() @ d, torch.relu(x @ w).t() @ g


@layer("batched matmul", lambda a, b: a @ b, drawer("3nd", "dm"))
def batched(g, a, b):
    return g @ b.t(), torch.einsum("bnd,bnm->dm", a, g)


@batched.mistake(r"averaged|first entry|last entry|b is broadcast|1/\(", (1,))
def batch_averaged(g, a, b):
    return g @ b.t(), torch.einsum("bnd,bnm->dm", a, g) / len(a)


@batched.mistake(r"last entry|overwritten", (1,))
def last_of_the_batch(g, a, b):
    return g @ b.t(), a[-1].t() @ g[-1]


@layer(
    "broadcasting add",
    lambda x, r, c: (x + r + c) ** 2,
    lambda k: (draw(k, "nd")[0], draw(k, "d")[0], draw(k, "n1")[0]),
)
def broadcasting(g, x, r, c):
    d = 2 * g * (x + r + c)
    return d, d.sum(0), d.sum(1, keepdim=True)


@broadcasting.mistake(r"averaged", (2,))
def column_averaged(g, x, r, c):
    d = 2 * g * (x + r + c)
    return d, d.sum(0), d.mean(1, keepdim=True)


@layer("sum and mean", lambda x: x.sum(0) * x.mean(1).sum(), drawer("nd"))
def sum_mean(g, x):
    s, m = x.sum(0), x.mean(1).sum()
    return (g * m).expand_as(x) + (g * s).sum() / x.shape[1]


@sum_mean.mistake(r"not divided|sum for a mean")
def mean_not_divided(g, x):
    s, m = x.sum(0), x.mean(1).sum()
    return (g * m).expand_as(x) + (g * s).sum()


def rows_to_add(k):
    return (*draw(k, "nd", "6d"), indices(k, SIZES[k][0])[:6])


@layer("index add", lambda x, y, i: x.index_add(0, i, y), rows_to_add)
def index_add(g, x, y, i):
    return g, g[i], None


@index_add.mistake(r".", (1,))
def first_rows_instead(g, x, y, i):
    return g, g[i.sort().values], None


@layer("cumulative sum", lambda x: torch.cumsum(x, -1) ** 2, drawer("nd"))
def cumsum(g, x):
    d = 2 * g * torch.cumsum(x, -1)
    return d.flip(-1).cumsum(-1).flip(-1)


@cumsum.mistake(r"own share")
def own_share_only(g, x):
    return 2 * g * torch.cumsum(x, -1)


@cumsum.mistake(r"from the front")
def summed_from_the_front(g, x):
    return (2 * g * torch.cumsum(x, -1)).cumsum(-1)


@layer("einsum of three", lambda a, b, c: torch.einsum("ij,jk,ik->i", a, b, c), drawer("nd", "dm", "nm"))
def einsum(g, a, b, c):
    g = g.unsqueeze(1)
    return g * (c @ b.t()), a.t() @ (g * c), g * (a @ b)


@einsum.mistake(r"left out|upstream|not followed|factor|g", (1,))
def upstream_forgotten_for_b(g, a, b, c):
    g = g.unsqueeze(1)
    return g * (c @ b.t()), a.t() @ c, g * (a @ b)


@layer("power mean", lambda x: (x**3).mean(-1) ** (1 / 3), drawer("nd", positive=True))
def power_mean(g, x):
    m = (x**3).mean(-1, keepdim=True)
    return g.unsqueeze(-1) * m ** (-2 / 3) * x**2 / x.shape[-1]


@power_mean.mistake(r"exponent")
def inner_exponent_forgotten(g, x):
    m = (x**3).mean(-1, keepdim=True)
    return g.unsqueeze(-1) * m ** (-2 / 3) * x**3 / x.shape[-1]


@layer("variance", lambda x: x.var(-1), drawer("nd"))
def variance(g, x):
    return g.unsqueeze(-1) * 2 * (x - x.mean(-1, keepdim=True)) / (x.shape[-1] - 1)


@variance.mistake(r"shape|divided|times|factor")
def divided_by_n(g, x):
    return g.unsqueeze(-1) * 2 * (x - x.mean(-1, keepdim=True)) / x.shape[-1]


@variance.mistake(r"exponent|½|0\.5")
def two_forgotten(g, x):
    return g.unsqueeze(-1) * (x - x.mean(-1, keepdim=True)) / (x.shape[-1] - 1)

"""A third set of mistakes: closed forms, windows and bins, one factor on some paths only, one mistake at every step."""

import math

import torch
from marker.layers.layer import drawer
from marker.layers.second_set import autograd
from torch.nn import functional as F

CASES = {}


def case(forward, inputs, pattern):
    def keep(backward):
        CASES[backward.__name__] = (forward, inputs, backward, pattern)
        return backward

    return keep


def attention_weights(x):
    return torch.softmax(x, -1)


@case(attention_weights, drawer("nd"), r"only the diagonal")
def softmax_diagonal(g, x):
    y = torch.softmax(x, -1)
    return g * y * (1 - y)


@case(attention_weights, drawer("nmd"), r"runs over axis -2")
def softmax_over_the_wrong_axis(g, x):
    y = torch.softmax(x, -1)
    return y * (g - (g * y).sum(1, keepdim=True))


@case(lambda x: F.log_softmax(x, 0), drawer("nd"), r"a mean (of g|for a sum)")
def log_softmax_mean(g, x):
    return g - F.softmax(x, 0) * g.mean(0, keepdim=True)


@case(lambda x: torch.logsumexp(x, 1), drawer("nd"), r"log softmax, not softmax")
def logsumexp_log_probabilities(g, x):
    return g[:, None] * F.log_softmax(x, 1)


@case(lambda x: F.elu(x, 0.3), drawer("nd"), r"α is not added")
def elu_output(g, x):
    return g * torch.where(x > 0, 1.0, F.elu(x, 0.3))


@case(F.gelu, drawer("nd"), r"tanh approximation")
def gelu_of_the_approximation(g, x):
    return autograd(lambda x: F.gelu(x, approximate="tanh"), g, x)[0]


@case(lambda a, b: F.silu(a) * b, drawer("nd", "nd"), r"b stands for a in the derivative of F.silu")
def gate_at_the_other_branch(g, a, b):
    s = torch.sigmoid(b)
    return g * b * s * (1 + b * (1 - s)), g * F.silu(a)


def striped(x, w):
    return F.conv1d(x, w, stride=2)


def stripes(k):
    generator = torch.Generator().manual_seed(k)
    x = torch.randn(2, 1 + k % 2, 7 + k, generator=generator, dtype=torch.float64)
    return x, torch.randn(3, 1 + k % 2, 3, generator=generator, dtype=torch.float64)


@case(striped, stripes, r"stride is forgotten")
def convolution_stride(g, x, w):
    dx, _ = autograd(striped, g, x, w)
    near = x[..., : g.shape[-1] + 2].unfold(-1, 3, 1)
    return dx, torch.einsum("nol,nclk->ock", g, near)


@case(lambda x: F.adaptive_avg_pool1d(x, 4), lambda k: (stripes(k)[0],), r"size // bins")
def bins_of_one_length(g, x):
    size = x.shape[-1]
    dx = torch.zeros_like(x)
    for i in range(4):
        dx[..., i * size // 4 : -(-(i + 1) * size // 4)] += g[..., i : i + 1] / (size // 4)
    return dx


@case(lambda x: F.max_pool1d(x, 3, 1), lambda k: (stripes(k)[0],), r"last one's gradient")
def maximum_of_two_windows(g, x):
    dx = torch.zeros_like(x)
    chosen = F.max_pool1d(x, 3, 1, return_indices=True)[1]
    for i in range(g.shape[-1]):
        dx.scatter_(-1, chosen[..., i : i + 1], g[..., i : i + 1])
    return dx


def normalised(x, w):
    return F.layer_norm(x, x.shape[-1:], w)


@case(normalised, drawer("nd", "d"), r"other factor is left out – only in what passes through every mean")
def weight_missing_in_the_statistics(g, x, w):
    h = F.layer_norm(x, x.shape[-1:])
    scale = torch.rsqrt(x.var(-1, unbiased=False, keepdim=True) + 1e-5)
    dx = scale * (g * w - g.mean(-1, keepdim=True) - h * (g * h).mean(-1, keepdim=True))
    return dx, (g * h).sum(0)


def standardised(x):
    return (x - x.mean((1, 2), keepdim=True)) / torch.sqrt(x.var((1, 2), unbiased=False, keepdim=True) + 1e-5)


@case(standardised, drawer("nmd"), r"multiplied by .*number of terms")
def variance_divided_by_one_less(g, x):
    n = x.shape[1] * x.shape[2]
    axes = (1, 2)
    scale = torch.rsqrt(x.var(axes, unbiased=False, keepdim=True) + 1e-5)
    h = standardised(x)
    return scale * (g - g.mean(axes, keepdim=True) - h * (g * h).sum(axes, keepdim=True) / (n - 1))


@case(standardised, drawer("nmd"), r"added up over axis -1")
def statistics_over_the_last_axis(g, x):
    scale = torch.rsqrt(x.var((1, 2), unbiased=False, keepdim=True) + 1e-5)
    h = standardised(x)
    return scale * (g - g.mean(-1, keepdim=True) - h * (g * h).mean(-1, keepdim=True))


@case(lambda x, w, v: torch.tanh(torch.tanh(x @ w) @ v), drawer("nd", "dm", "m3"), r"at every tanh .*1 − t²")
def every_tanh(g, x, w, v):
    a = torch.tanh(x @ w)
    y = torch.tanh(a @ v)
    dz = g * y**2
    da = (dz @ v.T) * a**2
    return da @ w.T, x.T @ da, a.T @ dz


@case(lambda x: x.prod(1), lambda k: (torch.where(drawer("nd")(k)[0] > 1.2, 0.0, drawer("nd")(k)[0]),), r"is lost")
def product_by_division(g, x):
    safe = torch.where(x == 0, 1.0, x)
    return torch.where(x == 0, 0.0, (g * x.prod(1))[:, None] / safe)


@case(F.prelu, drawer("nm", "m"), r"mask is inverted")
def slope_of_the_positive_side(g, x, a):
    dx, _ = autograd(F.prelu, g, x, a)
    return dx, (g * x * (x > 0)).sum(0)


OTHER_FORWARDS = {
    "epsilon outside the root": (
        lambda x: x / (x.pow(2).mean(-1, keepdim=True).sqrt() + 1e-2),
        lambda x: x / torch.sqrt(x.pow(2).mean(-1, keepdim=True) + 1e-2),
        drawer("nd"),
        r"outside the root",
    ),
    "scale of another size": (
        lambda q, k: q @ k.mT / math.sqrt(q.shape[0]),
        lambda q, k: q @ k.mT / math.sqrt(q.shape[1]),
        drawer("nd", "nd"),
        r"√\(q.shape\[0\]\) for the constant",
    ),
}

"""A second set of mistakes, written after the first had been marked: whatever is not wrong comes from autograd."""

import math

import torch
from marker.layers.layer import draw, drawer
from torch.nn import functional as F

CASES = {}


def case(forward, inputs):
    def keep(backward):
        CASES[backward.__name__] = (forward, inputs, backward)
        return backward

    return keep


def autograd(forward, g, *arguments):
    leaves = [value.detach().clone().requires_grad_() for value in arguments]
    with torch.enable_grad():
        out = forward(*leaves)
    return list(torch.autograd.grad(out, leaves, g))


def mlp(x, y, w1, b1, w2, b2):
    z1 = x @ w1 + b1
    a1 = torch.sigmoid(z1)
    z2 = a1 @ w2 + b2
    return ((z2 - y) ** 2).sum(1).mean()


network_inputs = drawer("nd", "n2", "dm", "m", "m2", "2")


@case(mlp, network_inputs)
def mlp_sigma_prime_of_z(g, x, y, w1, b1, w2, b2):
    r = autograd(mlp, g, x, y, w1, b1, w2, b2)
    z1 = x @ w1 + b1
    d2 = 2 * (torch.sigmoid(z1) @ w2 + b2 - y) / len(x) * g
    d1 = (d2 @ w2.T) * z1 * (1 - z1)
    r[2] = x.T @ d1
    r[3] = d1.sum(0)
    return tuple(r)


@case(mlp, network_inputs)
def mlp_x_for_a_in_w2_shape_pre(g, x, y, w1, b1, w2, b2):
    r = autograd(mlp, g, x, y, w1, b1, w2, b2)
    z1 = x @ w1 + b1
    d2 = 2 * (torch.sigmoid(z1) @ w2 + b2 - y) / len(x) * g
    r[4] = z1.T @ d2
    return tuple(r)


@case(mlp, network_inputs)
def mlp_forgot_the_delta_activation(g, x, y, w1, b1, w2, b2):
    r = autograd(mlp, g, x, y, w1, b1, w2, b2)
    d2 = 2 * (torch.sigmoid(x @ w1 + b1) @ w2 + b2 - y) / len(x) * g
    d1 = d2 @ w2.T
    r[2] = x.T @ d1
    r[3] = d1.sum(0)
    return tuple(r)


@case(mlp, network_inputs)
def mlp_bracket(g, x, y, w1, b1, w2, b2):
    r = autograd(mlp, g, x, y, w1, b1, w2, b2)
    a = torch.sigmoid(x @ w1 + b1)
    z2 = a @ w2 + b2
    r[5] = (2 * z2 - y).sum(0) / len(x) * g
    return tuple(r)


@case(mlp, network_inputs)
def mlp_updated_w2(g, x, y, w1, b1, w2, b2):
    r = autograd(mlp, g, x, y, w1, b1, w2, b2)
    a = torch.sigmoid(x @ w1 + b1)
    d2 = 2 * (a @ w2 + b2 - y) / len(x) * g
    w2n = w2 - 0.1 * a.T @ d2
    d1 = (d2 @ w2n.T) * a * (1 - a)
    r[2] = x.T @ d1
    r[3] = d1.sum(0)
    return tuple(r)


def linear_loss(x, w, y):
    return ((x @ w - y) ** 2).mean()


@case(linear_loss, drawer("nd", "d", "n"))
def product_bracket(g, x, w, y):
    r = autograd(linear_loss, g, x, w, y)
    r[1] = g * 2 * ((x * (x @ w).unsqueeze(1)) - y.unsqueeze(1)).mean(0)
    return tuple(r)


@case(linear_loss, drawer("nd", "d", "n"))
def abs_loss_derivative(g, x, w, y):
    r = autograd(linear_loss, g, x, w, y)
    r[1] = g * x.T @ torch.sign(x @ w - y) / len(x)
    return tuple(r)


@case(linear_loss, drawer("nd", "d", "n"))
def mean_x_times_mean_r(g, x, w, y):
    r = autograd(linear_loss, g, x, w, y)
    r[1] = g * 2 * x.mean(0) * (x @ w - y).mean()
    return tuple(r)


def inorm(x):
    m = x.mean((-1, -2), keepdim=True)
    v = ((x - m) ** 2).mean((-1, -2), keepdim=True)
    return (x - m) / torch.sqrt(v + 1e-5)


@case(inorm, drawer("nd46"))
def inorm_mean_over_last_only(g, x):
    m = x.mean((-1, -2), keepdim=True)
    r = 1 / torch.sqrt(((x - m) ** 2).mean((-1, -2), keepdim=True) + 1e-5)
    xh = (x - m) * r
    return r * (g - g.mean(-1, keepdim=True) - xh * (g * xh).mean((-1, -2), keepdim=True))


@case(inorm, drawer("nd46"))
def inorm_no_stats(g, x):
    m = x.mean((-1, -2), keepdim=True)
    r = 1 / torch.sqrt(((x - m) ** 2).mean((-1, -2), keepdim=True) + 1e-5)
    return r * g


def cattn(q, k, v):
    s = q @ k.T / math.sqrt(q.shape[-1])
    s = s.masked_fill(torch.ones_like(s, dtype=torch.bool).triu(1), -1e9)
    return torch.softmax(s, -1) @ v


@case(cattn, drawer("nd", "nd", "nd"))
def causal_mask_forgotten_in_backward(g, q, k, v):
    s = q @ k.T / math.sqrt(q.shape[-1])
    p = torch.softmax(s, -1)
    dp = g @ v.T
    ds = p * (dp - (dp * p).sum(-1, keepdim=True)) / math.sqrt(q.shape[-1])
    return ds @ k, ds.T @ q, p.T @ g


@case(cattn, drawer("nd", "nd", "nd"))
def dv_without_transpose(g, q, k, v):
    r = autograd(cattn, g, q, k, v)
    s = q @ k.T / math.sqrt(q.shape[-1])
    s = s.masked_fill(torch.ones_like(s, dtype=torch.bool).triu(1), -1e9)
    p = torch.softmax(s, -1)
    return r[0], r[1], p @ g


@case(cattn, drawer("nd", "nd", "nd"))
def dk_from_q_swap(g, q, k, v):
    r = autograd(cattn, g, q, k, v)
    return r[1], r[0], r[2]


def gru(h, z, n):
    u = torch.sigmoid(z)
    c = torch.tanh(n)
    return (1 - u) * c + u * h


@case(gru, drawer("nd", "nd", "nd"))
def gru_gate_sign(g, h, z, n):
    u = torch.sigmoid(z)
    c = torch.tanh(n)
    return g * u, g * (c - h) * u * (1 - u), g * (1 - u) * (1 - c * c)


@case(gru, drawer("nd", "nd", "nd"))
def gru_only_h_term(g, h, z, n):
    u = torch.sigmoid(z)
    c = torch.tanh(n)
    return g * u, g * h * u * (1 - u), g * (1 - u) * (1 - c * c)


@case(gru, drawer("nd", "nd", "nd"))
def gru_u_for_1mu(g, h, z, n):
    u = torch.sigmoid(z)
    c = torch.tanh(n)
    return g * (1 - u), g * (h - c) * u * (1 - u), g * u * (1 - c * c)


def focal(z, t):
    p = torch.sigmoid(z)
    return -(t * (1 - p) ** 2 * torch.log(p)).mean()


@case(focal, lambda k: (draw(k, "nd")[0], (draw(k, "nd")[0] * 3).cos().abs()))
def focal_modulator_const(g, z, t):
    p = torch.sigmoid(z)
    r = autograd(focal, g, z, t)
    return -g * t * (1 - p) ** 2 * (1 - p) / z.numel(), r[1]


@case(focal, lambda k: (draw(k, "nd")[0], (draw(k, "nd")[0] * 3).cos().abs()))
def focal_no_two(g, z, t):
    p = torch.sigmoid(z)
    r = autograd(focal, g, z, t)
    return -g * t * ((1 - p) ** 3 - (1 - p) * torch.log(p) * p * (1 - p)) / z.numel(), r[1]


def vae(mu, lv):
    return -0.5 * (1 + lv - mu**2 - lv.exp()).sum()


@case(vae, drawer("nd", "nd"))
def vae_lv_exp(g, mu, lv):
    return g * mu, -0.5 * g * (1 - lv)


@case(vae, drawer("nd", "nd"))
def vae_half(g, mu, lv):
    return g * 2 * mu, -0.5 * g * (1 - lv.exp())


def rep(mu, lv, e):
    return (mu + torch.exp(0.5 * lv) * e) ** 2


@case(rep, drawer("nd", "nd", "nd"))
def rep_half(g, mu, lv, e):
    z = mu + torch.exp(0.5 * lv) * e
    return 2 * g * z, 2 * g * z * e * torch.exp(0.5 * lv), 2 * g * z * torch.exp(0.5 * lv)


@case(rep, drawer("nd", "nd", "nd"))
def rep_e_forgot(g, mu, lv, e):
    z = mu + torch.exp(0.5 * lv) * e
    return 2 * g * z, 2 * g * z * 0.5 * torch.exp(0.5 * lv), 2 * g * z * torch.exp(0.5 * lv)


def prelu(x, a):
    return torch.where(x > 0, x, a * x)


@case(prelu, drawer("nd", "d"))
def prelu_da_all(g, x, a):
    return g * torch.where(x > 0, 1.0, a), (g * x).sum(0)


def rope(x, c, s):
    a, b = x[..., :2], x[..., 2:]
    return torch.cat([a * c - b * s, a * s + b * c], -1)


@case(rope, lambda k: draw(k, "n4", "n2", "n2"))
def rope_same_rotation(g, x, c, s):
    r = autograd(rope, g, x, c, s)
    ga, gb = g[..., :2], g[..., 2:]
    return torch.cat([ga * c - gb * s, ga * s + gb * c], -1), r[1], r[2]


def lse(x):
    return torch.logsumexp(x, -1)


@case(lse, drawer("nd"))
def lse_no_norm(g, x):
    return g[:, None] * x.exp()


def nce(a, b):
    a = F.normalize(a, dim=-1)
    b = F.normalize(b, dim=-1)
    s = a @ b.T / 0.1
    return F.cross_entropy(s, torch.arange(len(s)))


@case(nce, drawer("nd", "nd"))
def nce_temp(g, a, b):
    r = autograd(nce, g, a, b)
    return r[0] * 0.1, r[1] * 0.1


@case(nce, drawer("nd", "nd"))
def nce_norm_const(g, a, b):
    an = F.normalize(a, dim=-1)
    bn = F.normalize(b, dim=-1)
    p = (torch.softmax(an @ bn.T / 0.1, -1) - torch.eye(len(a), dtype=a.dtype)) / len(a) / 0.1 * g
    return p @ bn / a.norm(dim=-1, keepdim=True), p.T @ an / b.norm(dim=-1, keepdim=True)


@case(lambda x: F.avg_pool2d(x, 2), drawer("nd44"))
def avgpool2d_half(g, x):
    return g.repeat_interleave(2, -1).repeat_interleave(2, -2) / 2


def conv2d(x, w):
    return F.conv2d(x, w, padding=1)


@case(conv2d, lambda k: (draw(k, "2d55")[0], draw(k, "md33")[0]))
def conv2d_dx_no_flip(g, x, w):
    r = autograd(conv2d, g, x, w)
    return F.conv2d(g, w.transpose(0, 1), padding=1), r[1]


@case(lambda x: x.cumprod(-1), drawer("nd", positive=True))
def cumprod_own(g, x):
    return g * x.cumprod(-1) / x


def wn(v, s):
    return s * v / v.norm(dim=-1, keepdim=True)


@case(wn, drawer("nd", "n1"))
def wn_proj_missing(g, v, s):
    return g * s / v.norm(dim=-1, keepdim=True), (g * v / v.norm(dim=-1, keepdim=True)).sum(-1, keepdim=True)


def ls(x):
    logs = F.log_softmax(x, -1)
    return -(0.9 * logs[:, 0] + 0.1 * logs.mean(-1)).mean()


@case(ls, drawer("nd"))
def ls_hard_target(g, x):
    t = torch.zeros_like(x)
    t[:, 0] = 1
    return g * (torch.softmax(x, -1) - t) / len(x)


@case(ls, drawer("nd"))
def ls_not_divided_by_classes(g, x):
    t = torch.full_like(x, 0.1)
    t[:, 0] += 0.9
    return g * (torch.softmax(x, -1) - t) / len(x)


@case(lambda a: torch.trace(a @ a.T @ a), drawer("dd"))
def trace_one_term(g, a):
    return g * a @ a.T


@case(lambda a, b: torch.linalg.solve(a + 5 * torch.eye(len(a), dtype=a.dtype), b), drawer("dd", "dm"))
def solve_not_transposed(g, a, b):
    A = a + 5 * torch.eye(len(a), dtype=a.dtype)
    x = torch.linalg.solve(A, b)
    gb = torch.linalg.solve(A, g)
    return -gb @ x.T, gb

"""The recorded graph against autograd, and what the search may and may not say."""

import pytest
import torch
from close import assert_close
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from bpcompare.marker.hypotheses.graph_changes.explain import Sample, explain
from bpcompare.marker.hypotheses.graph_changes.size_factor import fit
from bpcompare.marker.hypotheses.graph_changes.walk import tangents, traced

ROUNDING = 1e-11  # relative, of a few hundred float64 operations


def drawn(seed, *shapes):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(shape, generator=generator, dtype=torch.float64) for shape in shapes]


def written_in_place(x, w):
    out = torch.zeros(x.shape[0], w.shape[1], dtype=x.dtype)
    for row in range(x.shape[0]):
        out[row] = x[row] @ w
    out += 1
    return out.relu_() * 2


def with_a_module(x, w):
    state = torch.zeros(x.shape[0], w.shape[1], dtype=x.dtype)
    for _ in range(3):
        state = torch.tanh(x @ w + state)
    return state


def stops_a_gradient(x, w):
    with torch.no_grad():
        scale = x.abs().amax()
    return (x / scale) @ w + x.detach() @ w


FIRST = torch.tensor([0, 1, 0])

FORWARDS = {
    "softmax": lambda x, w: torch.softmax(x, -1) @ w,
    "log softmax": lambda x, w: F.log_softmax(x @ w, 0),
    "layer norm": lambda x, w: F.layer_norm(x, x.shape[-1:]) @ w,
    "rms norm": lambda x, w: F.rms_norm(x, x.shape[-1:]) @ w,
    "group norm": lambda x, w: F.group_norm((x @ w).reshape(1, 2, -1), 2),
    "batch norm": lambda x, w: F.batch_norm(x @ w, None, None, training=True),
    "gelu": lambda x, w: F.gelu(x) @ w + F.gelu(x, approximate="tanh") @ w,
    "gates": lambda x, w: F.silu(x @ w) + F.mish(x @ w) + F.softplus(x @ w) + F.elu(x @ w) + F.leaky_relu(x @ w),
    "attention": lambda x, w: F.scaled_dot_product_attention(x[None], x[None], x[None], is_causal=True) @ w,
    "convolution": lambda x, w: F.conv1d(x.expand(2, -1, -1), w[:, :3].expand(2, -1, -1)[:, :3, :2], padding=1),
    "losses": lambda x, w: (
        F.mse_loss(x, x.flip(0)) + F.huber_loss(x, 2 * x.flip(0)) + F.smooth_l1_loss(x, 3 * x.flip(1)) + w.sum()
    ),
    "entropies": lambda x, w: (
        F.binary_cross_entropy(torch.sigmoid(x), torch.sigmoid(x.flip(0)))
        + F.binary_cross_entropy_with_logits(x @ w, torch.sigmoid(x @ w))
        + F.cross_entropy(x @ w, torch.zeros(len(x), dtype=torch.long))
        + F.kl_div(F.log_softmax(x, -1), torch.softmax(x.flip(0), -1), reduction="batchmean")
    ),
    "distances": lambda x, w: F.cosine_similarity(x, x.flip(0)) + F.normalize(x).sum(-1) + x.norm(dim=1) + w.sum(),
    "spread": lambda x, w: x.var(0) + x.std(1).sum() + torch.var_mean(x, 1)[0].sum() + w.norm(p=1),
    "extremes": lambda x, w: x.max(1).values + x.amin(1) + torch.maximum(x, x.flip(0)).sum(1) + w.clamp(-0.5, 1).sum(),
    "indices": lambda x, w: x[FIRST].sum() + x.gather(1, FIRST.reshape(1, -1)) + F.embedding(FIRST, w)[:, :3],
    "cumulative": lambda x, w: x.cumsum(1) @ w + x.cumprod(1) @ w + torch.logsumexp(x, 1, keepdim=True),
    "layout": lambda x, w: (
        torch.cat([x, x.t().reshape(x.shape)]).unfold(1, 2, 1).sum(-1).mean() + w.chunk(2, 1)[1].prod()
    ),
    "einsum": lambda x, w: torch.einsum("ij,jk,lj->ikl", x, w, x),
    "written in place": written_in_place,
    "a loop": with_a_module,
    "stops a gradient": stops_a_gradient,
    "pools": lambda x, w: F.max_pool1d(x[None], 2) + F.avg_pool1d(x[None], 2) + w.sum(),
}


def autograd(forward, arguments, upstream):
    leaves = [value.clone().requires_grad_() for value in arguments]
    return torch.autograd.grad(forward(*leaves), leaves, upstream)


@pytest.mark.parametrize("name", FORWARDS)
def test_the_walk_gives_autograd_s_gradient_and_the_tangents_agree_with_it(name):
    forward = FORWARDS[name]
    x, w = drawn(1, (3, 4), (4, 6))
    (upstream,) = drawn(2, tuple(forward(x, w).shape))
    problem = traced(forward, (x, w), ("x", "w"), [upstream], (0, 1), {})
    for mine, right in zip(problem.answers({}), autograd(forward, (x, w), upstream), strict=True):
        assert_close(mine, right, rtol=ROUNDING, atol=ROUNDING)
    for position, gradient in enumerate(problem.answers({})):
        (direction,) = drawn(3, tuple(gradient.shape))
        moved = tangents(problem, position, [direction]).get(problem.graph.outputs[0].index)
        told = 0.0 if moved is None else float((moved[0] * upstream).sum())
        assert told == pytest.approx(float((direction * gradient).sum()), rel=1e-9, abs=1e-9)


def samples(forward, answer, count=4):
    found = []
    for k in range(count):
        x, w = drawn(k, (3 + k, 4), (4, 2 + k))
        (upstream,) = drawn(k + 50, (3 + k, 2 + k))
        gx, gw = autograd(forward, (x, w), upstream)
        found.append(Sample((x, w), [upstream], {"x": answer(gx, upstream, x, w, k), "w": gw}, {"x": gx, "w": gw}))
    return found


def loss(x, w):
    return torch.tanh(x @ w)


def test_noise_is_not_named():
    def noise(g, upstream, x, w, k):
        return drawn(k + 99, tuple(g.shape))[0]

    assert explain(loss, samples(loss, noise), ["x", "w"]) == {}


def test_a_factor_that_no_size_explains_is_not_named():
    factors = (0.71, 1.9, 0.33, 2.4)
    wrong = samples(loss, lambda g, u, x, w, k: g * factors[k])
    assert explain(loss, wrong, ["x", "w"]) == {}


@settings(max_examples=25, deadline=None, derandomize=True)
@given(amount=st.floats(1e-4, 0.5), seed=st.integers(0, 1000))
def test_a_gradient_disturbed_by_any_amount_is_not_named(amount, seed):
    def disturbed(g, upstream, x, w, k):
        return g + amount * drawn(seed + k, tuple(g.shape))[0]

    assert explain(loss, samples(loss, disturbed, 2), ["x", "w"], pairs=False) == {}


def test_two_mistakes_in_one_gradient_are_named_together():
    def forward(x, w):
        hidden = torch.tanh(x @ w)
        return torch.sigmoid(hidden) * 2

    def wrong(g, upstream, x, w, k):
        hidden = torch.tanh(x @ w)
        gate = torch.sigmoid(hidden)
        return (upstream * 2 * (1 - gate) * (1 - hidden)) @ w.t()

    mistake = explain(forward, samples(forward, wrong), ["x", "w"])["x"]
    assert "1 − s" in mistake.says
    assert "1 − t," in mistake.says


def test_the_mistake_is_told_with_the_line_of_the_user():
    def forward(x, w):
        hidden = torch.tanh(x @ w)
        return hidden.exp()

    line = forward.__code__.co_firstlineno + 1
    wrong = samples(forward, lambda g, u, x, w, k: (u * torch.tanh(x @ w).exp()) @ w.t())
    assert explain(forward, wrong, ["x", "w"])["x"].places == (f"test_graph_changes.py:{line}: torch.tanh(x @ w)",)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ([5.0, 7.0, 11.0], "n"),
        ([5.0**-0.5, 7.0**-0.5, 11.0**-0.5], "1/√(n)"),
        ([4 / 5, 6 / 7, 10 / 11], "1/(n) · (n − 1)"),
        ([2.0, 2.0, 2.0], "2"),
    ],
)
def test_factors_of_sizes_and_their_half_powers_are_found(values, told):
    assert str(fit(values, [{"n": 5}, {"n": 7}, {"n": 11}])) == told


def test_a_factor_needs_fewer_parameters_than_problems():
    assert fit([1.234 * 5, 1.234 * 7], [{"n": 5}, {"n": 7}]) is None
    assert fit([1.0, 2.0, 4.5], [{"n": 5}, {"n": 7}, {"n": 11}]) is None

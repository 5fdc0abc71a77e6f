"""Other calculations of a linear operation, against loops over windows, bins and neighbours."""

import itertools

import pytest
import torch
from close import assert_close
from marker.graph_changes.one_step import drawn, graph, step_of
from torch.nn import functional as F

from bpcompare.marker.hypotheses.graph_changes.variants import of_step

ROUNDING = {"rtol": 1e-12, "atol": 1e-12}


def variants(forward, x, op):
    """The step's own arguments, and what else may be calculated of them, by its words."""
    step = step_of(graph(forward, [x]), op)
    return step.values, {str(words): function for words, function in of_step(step)}


def same_gradient(calculated, x, expected):
    """The value and, against a drawn upstream, the gradient of both calculations."""
    assert_close(calculated(x), expected(x), **ROUNDING)
    leaves = [x.clone().requires_grad_() for _ in range(2)]
    upstream = drawn(5, *expected(x).shape)
    found = [
        torch.autograd.grad(f(leaf), leaf, upstream)[0] for f, leaf in zip((calculated, expected), leaves, strict=True)
    ]
    assert_close(*found, **ROUNDING)


@pytest.mark.parametrize("added", [0.3, 2])
def test_what_is_added_inside_a_root_is_added_outside(added):
    x = drawn(1, 3, 4, low=0.5)
    for op, function, outside in (
        ("sqrt", torch.sqrt, lambda x: x**0.5 + added),
        ("rsqrt", torch.rsqrt, lambda x: 1 / (x**0.5 + added)),
    ):
        (_, found) = variants(lambda x, f=function: f(x + added), x, op)
        ((words, calculate),) = found.items()
        assert words == f"{added:g} is added outside the root, not inside"
        assert_close(calculate(x + added), outside(x), **ROUNDING)
    assert variants(lambda x: torch.sqrt(x + x), x, "sqrt")[1] == {}
    assert variants(lambda x: torch.sqrt(x * 2), x, "sqrt")[1] == {}
    assert variants(lambda x: torch.sqrt(x), x, "sqrt")[1] == {}


WINDOWS = {
    "the stride is forgotten: windows follow each other by one": {"stride": (1, 1)},
    "the dilation is forgotten: the entries of a window lie next to each other": {"dilation": (1, 1)},
    "the padding is not taken off: everything is shifted by it": {"padding": (0, 0)},
}


def windows(x, kernel, dilation, padding, stride, mistaken):
    """As many windows as right, one entry after the other; what lies outside counts as 0."""
    used = {"dilation": dilation, "padding": padding, "stride": stride} | mistaken
    size = x.shape[2:]
    counts = [(size[a] + 2 * padding[a] - dilation[a] * (kernel[a] - 1) - 1) // stride[a] + 1 for a in (0, 1)]
    columns = []
    for image, channel, i, j in itertools.product(*map(range, (len(x), x.shape[1], *kernel))):
        for place in itertools.product(*map(range, counts)):
            row, column = (
                place[a] * used["stride"][a] - used["padding"][a] + (i, j)[a] * used["dilation"][a] for a in (0, 1)
            )
            inside = 0 <= row < size[0] and 0 <= column < size[1]
            columns.append(x[image, channel, row, column] if inside else x.new_zeros(()))
    return torch.stack(columns).reshape(len(x), x.shape[1] * kernel[0] * kernel[1], -1)


@pytest.mark.parametrize(
    ("kernel", "dilation", "padding", "stride", "mistakes"),
    [
        ((2, 3), (1, 1), (0, 0), (1, 1), []),
        ((2, 3), (1, 1), (0, 0), (2, 1), ["stride"]),
        ((3, 2), (1, 2), (0, 0), (1, 1), ["dilation"]),
        ((2, 3), (1, 1), (0, 2), (1, 1), ["padding"]),
        ((2, 2), (2, 1), (1, 2), (2, 3), ["stride", "dilation", "padding"]),
        ((2, 1), (1, 2), (1, 1), (1, 2), ["stride", "dilation", "padding"]),
    ],
)
def test_other_windows_lie_where_the_mistake_puts_them(kernel, dilation, padding, stride, mistakes):
    x = drawn(1, 2, 2, 5, 6)
    forward = lambda x: F.unfold(x, kernel, dilation, padding, stride)  # noqa: E731
    (_, *values), found = variants(forward, x, "im2col")
    assert_close(windows(x, *values, {}), forward(x), **ROUNDING)
    assert [next(iter(WINDOWS[words])) for words in found] == mistakes
    for words, calculate in found.items():
        same_gradient(lambda x, c=calculate: c(x, *values), x, lambda x, w=words: windows(x, *values, WINDOWS[w]))


@pytest.mark.parametrize(
    ("kernel", "stride", "padding"),
    [((2, 3), (2, 3), (1, 1)), (3, 2, 1), (3, 1, 1), ((2, 4), None, (0, 2)), ((2, 2), 1, (1, 0))],
)
def test_a_pooling_whose_padding_is_not_taken_off_is_shifted_by_it(kernel, stride, padding):
    x = drawn(1, 2, 2, 5, 6)
    forward = lambda x: F.avg_pool2d(x, kernel, stride, padding)  # noqa: E731
    (_, *values), found = variants(forward, x, "avg_pool2d")
    ((words, calculate),) = found.items()
    assert words == "the padding is not taken off: everything is shifted by it"
    high, wide = (kernel, kernel) if isinstance(kernel, int) else kernel
    down, right = (stride, stride) if isinstance(stride, int) else stride or (high, wide)
    rows, columns = forward(x).shape[2:]

    def shifted(x):
        padded = x.new_zeros(2, 2, 5 + 9, 6 + 9)
        padded = torch.cat([torch.cat([x, padded[:, :, :5, :9]], 3), padded[:, :, :9, :]], 2)
        return torch.stack(
            [
                padded[:, :, r * down : r * down + high, c * right : c * right + wide].mean((2, 3))
                for r, c in itertools.product(range(rows), range(columns))
            ],
            -1,
        ).reshape(2, 2, rows, columns)

    same_gradient(lambda x: calculate(x, *values), x, shifted)
    assert variants(lambda x: F.avg_pool2d(x, 2), x, "avg_pool2d")[1] == {}
    assert variants(lambda x: F.avg_pool2d(x, 2, 1, 0), x, "avg_pool2d")[1] == {}


@pytest.mark.parametrize("bins", [(2, 4), (3, 5), (5, 7)])
def test_bins_of_a_wrong_length_divide_by_a_wrong_number(bins):
    x = drawn(1, 2, 2, 5, 7)
    (_, *values), found = variants(lambda x: F.adaptive_avg_pool2d(x, bins), x, "_adaptive_avg_pool2d")

    def pooled(x, divided_by):
        ends = [[(n * s // m, ((n + 1) * s + m - 1) // m) for n in range(m)] for s, m in zip((5, 7), bins, strict=True)]
        cells = [
            x[:, :, r[0] : r[1], c[0] : c[1]].sum((2, 3)) / (divided_by(5, bins[0], r) * divided_by(7, bins[1], c))
            for r, c in itertools.product(*ends)
        ]
        return torch.stack(cells, -1).reshape(2, 2, *bins)

    assert_close(pooled(x, lambda size, n, ends: ends[1] - ends[0]), F.adaptive_avg_pool2d(x, bins), **ROUNDING)
    lengths = {
        "every bin is as long as size // bins, as if the bins were equal": lambda size, n, ends: size // n,
        "every bin is as long as the first": lambda size, n, ends: (size + n - 1) // n,
    }
    assert set(found) == set(lengths)
    for words, calculate in found.items():
        same_gradient(lambda x, c=calculate: c(x, *values), x, lambda x, w=words: pooled(x, lengths[w]))


@pytest.mark.parametrize(("size", "aligned"), [(7, True), (7, False), (4, False), (3, True), (9, False)])
def test_the_neighbours_of_an_interpolation_exchange_their_weights_or_share_them(size, aligned):
    x = drawn(1, 2, 3, 5)
    forward = lambda x: F.interpolate(x, size, mode="linear", align_corners=aligned)  # noqa: E731
    (_, *values), found = variants(forward, x, "upsample_linear1d")

    def between(x, weight):
        columns = []
        for place in range(size):
            at = place * 4 / (size - 1) if aligned else max((place + 0.5) * 5 / size - 0.5, 0.0)
            left = min(int(at), 3) if at < 4 else 3
            share = min(at - left, 1.0)
            columns.append(x[..., left] * weight(1 - share) + x[..., left + 1] * weight(share))
        return torch.stack(columns, -1)

    assert_close(between(x, lambda w: w), forward(x), **ROUNDING)
    weights = {
        "the weights of the left and the right neighbour are exchanged": lambda w: 1 - w,
        "both neighbours weigh ½": lambda w: 0.5,
    }
    assert set(found) == set(weights)
    for words, calculate in found.items():
        same_gradient(lambda x, c=calculate: c(x, *values), x, lambda x, w=words: between(x, weights[w]))

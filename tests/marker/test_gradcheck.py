import re
import sys
from pathlib import Path

import pytest
import torch
from forked import run
from marker.layers import losses
from marker.layers.layer import LAYERS, as_function
from marker.layers.norms import layer_norm

import bpcompare
from bpcompare.errors import BpcompareError, GradientError, InputError
from bpcompare.marker.gradcheck import gradcheck

ROOT = Path(__file__).parents[2]


def square(x):
    return x * x


def drawn(*shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(3), dtype=torch.float64)


def kinds(marking):
    return {kind for kind, _ in marking.findings}


def test_a_wrong_backward_raises_an_assertion_whose_text_names_file_line_and_source():
    wrong = as_function(square, lambda g, x: g * x)
    with pytest.raises(GradientError, match=r"test_gradcheck\.py:\d+: x \* x") as raised:
        bpcompare.gradcheck(wrong, (drawn(3, 4),), reference=square)
    assert isinstance(raised.value, AssertionError)
    assert isinstance(raised.value, BpcompareError)


def test_without_a_reference_the_function_s_own_forward_is_traced():
    marking = gradcheck(as_function(square, lambda g, x: g * x), (drawn(3, 4),), raise_exception=False)
    assert marking.mistakes["input0"].kind == "path"
    assert "x * x" in marking.mistakes["input0"].places[0]


def test_a_forward_that_no_trace_can_follow_is_marked_by_differences_and_properties():
    def forward(x):
        return torch.from_numpy(x.detach().numpy() ** 2).to(x.dtype)

    right = gradcheck(as_function(forward, lambda g, x: 2 * g * x), (drawn(3),), dtypes=())
    assert right.right
    wrong = gradcheck(as_function(forward, lambda g, x: 2 * g * x + 1), (drawn(3),), dtypes=(), raise_exception=False)
    assert not wrong.mistakes
    assert {found.name for found in wrong.properties["input0"]} >= {"linear", "zero-at-zero"}


def test_a_reference_that_runs_the_marked_function_is_no_reference():
    wrong = as_function(square, lambda g, x: 3 * g * x)
    marking = gradcheck(wrong, (drawn(3),), reference=lambda x: wrong(x), raise_exception=False)
    assert not marking.right
    assert any("no reference" in note for note in marking.notes)


def test_a_reference_with_a_wrong_gradient_of_its_own_is_refuted_by_the_difference():
    odd = as_function(square, lambda g, x: 3 * g * x)
    assert gradcheck(as_function(square, lambda g, x: 2 * g * x), (drawn(3),), reference=lambda x: odd(x)).right


@pytest.mark.parametrize("subgradient", [0.0, 0.25, 1.0])
def test_at_a_kink_every_valid_subgradient_is_right(subgradient):
    x = torch.tensor([-1.0, 0.0, 0.0, 2.0])

    def backward(g, x):
        return g * torch.where(x == 0, subgradient, (x > 0).double()).to(g.dtype)

    assert gradcheck(as_function(torch.relu, backward), (x,), reference=torch.relu).right


def test_at_a_kink_anything_else_is_wrong():
    def backward(g, x):
        return g * torch.where(x == 0, 1.5, (x > 0).double()).to(g.dtype)

    function = as_function(torch.relu, backward)
    assert not gradcheck(function, (torch.tensor([-1.0, 0.0, 2.0]),), raise_exception=False).right


def flag_gems_layer_norm(g, x, w, b):
    """The rows are counted by the first dimension alone, which is right for two."""
    dx, _, _ = layer_norm.right(g, x, w, b)
    mean = x.mean(-1, keepdim=True)
    normalised = (x - mean) / torch.sqrt(((x - mean) ** 2).mean(-1, keepdim=True) + 1e-5)
    rows = len(x)
    width = x.shape[-1]
    return dx, (g * normalised).reshape(-1, width)[:rows].sum(0), g.reshape(-1, width)[:rows].sum(0)


def test_a_layer_norm_that_is_right_for_two_dimensions_only_is_found_from_two_dimensional_inputs():
    function = layer_norm.apply(flag_gems_layer_norm)
    marking = gradcheck(
        function, (drawn(4, 6), drawn(6), drawn(6)), reference=layer_norm.forward, raise_exception=False
    )
    assert set(marking.wrong) == {"w", "b"}
    assert "3 or 4 dimensions" in marking.wrong["w"]
    assert "right where x has 2" in marking.wrong["w"]
    assert all("as many rows as the first dimension has" in marking.mistakes[name].says for name in ("w", "b"))


class Remembers(torch.autograd.Function):
    last = None

    @staticmethod
    def forward(ctx, x):
        Remembers.last = x.clone()
        return x * x

    @staticmethod
    def backward(ctx, g):
        return 2 * g * Remembers.last


class ChangesTheGradient(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, g):
        return g.mul_(2 * ctx.saved_tensors[0])


class ChangesTheSaved(ChangesTheGradient):
    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return x.mul_(2).mul_(g)


class ReadsMemory(ChangesTheGradient):
    """Takes the numbers in the order of memory, as a kernel that forgets the strides does."""

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        flat = torch.as_strided(g, (g.numel(),), (1,), 0) if g.untyped_storage().nbytes() > 8 else g.reshape(-1)
        return 2 * x * flat.reshape(x.shape)


class WantsBoth(torch.autograd.Function):
    @staticmethod
    def forward(ctx, a, b):
        ctx.save_for_backward(a, b)
        return a * b

    @staticmethod
    def backward(ctx, g):
        a, b = ctx.saved_tensors
        both = all(ctx.needs_input_grad)
        return g * b * both, g * a


class RoundsInside(ChangesTheGradient):
    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return 2 * g * x if g.dtype == torch.float64 else (2 * g.to(torch.float8_e4m3fn).to(g.dtype) * x)


@pytest.mark.parametrize(
    ("function", "finding"),
    [
        (Remembers, "another forward before the backward"),
        (ChangesTheGradient, "changed the gradient of the output"),
        (ChangesTheSaved, "changed argument 1"),
        (ReadsMemory, "a gradient of the output that is not contiguous"),
        (RoundsInside, "float32"),
    ],
)
def test_conduct_that_numbers_alone_do_not_show_is_found(function, finding):
    marking = gradcheck(function.apply, (drawn(3, 4),), reference=square, raise_exception=False)
    assert not marking.right
    assert finding in kinds(marking)


def test_an_index_that_comes_as_a_float_is_left_as_it_is_where_the_other_arguments_change():
    def picked(table, index):
        return table[index.long()]

    class Picked(torch.autograd.Function):
        @staticmethod
        def forward(ctx, table, index):
            ctx.save_for_backward(table, index)
            return picked(table, index)

        @staticmethod
        def backward(ctx, g):
            table, index = ctx.saved_tensors
            return torch.zeros_like(table).index_add_(0, index.long(), g), None

    arguments = drawn(4, 3).requires_grad_(), torch.tensor([3.0, 0.0, 3.0], dtype=torch.float64)
    assert gradcheck(Picked.apply, arguments, reference=picked).right


def test_a_gradient_that_needs_the_other_argument_s_is_found():
    marking = gradcheck(WantsBoth.apply, (drawn(3), drawn(3)), raise_exception=False)
    assert not marking.right
    assert "only a requires grad" in kinds(marking)


@pytest.mark.parametrize("name", ["layer norm", "l2 normalise", "cross entropy", "huber"])
def test_a_right_backward_passes_without_a_reference_too(name):
    layer = LAYERS[name]
    assert layer.forward.__module__ in (losses.__name__, layer_norm.forward.__module__)
    assert gradcheck(layer.apply(layer.right), layer.inputs(0)).right


def test_a_backward_that_raises_is_wrong_and_its_error_is_told():
    marking = gradcheck(as_function(square, lambda g, x: 1 / 0), (drawn(3),), raise_exception=False)
    assert not marking.right
    assert "ZeroDivisionError" in str(marking)


def test_a_forward_of_the_user_s_is_called_with_every_k():
    seen = []

    def inputs(k):
        seen.append(k)
        return (drawn(*[2, 3, 5, 2][: 1 + k % 4]),)

    assert gradcheck(as_function(square, lambda g, x: 2 * g * x), inputs, reference=square).right
    assert set(seen) == set(range(6))


@pytest.mark.parametrize(
    ("inputs", "reference", "sentence"),
    [
        ((torch.arange(3),), None, "no input is a floating tensor"),
        ((drawn(3),), lambda x: (x * x).sum(), "different shapes"),
    ],
)
def test_what_cannot_be_marked_is_told(inputs, reference, sentence):
    with pytest.raises(InputError, match=sentence):
        gradcheck(as_function(square, lambda g, x: g), inputs, reference=reference)


def test_a_backward_is_marked_without_loading_what_compiles():
    code = (
        "import sys, torch, bpcompare\n"
        "del sys.modules['torch._dynamo'], torch._dynamo  # as it is where no command has put its own in that place\n"
        "class F(torch.autograd.Function):\n"
        "    @staticmethod\n"
        "    def forward(ctx, x):\n"
        "        ctx.save_for_backward(x)\n"
        "        return x * x\n"
        "    @staticmethod\n"
        "    def backward(ctx, g):\n"
        "        return 2 * g * ctx.saved_tensors[0]\n"
        "assert bpcompare.gradcheck(F.apply, (torch.ones(3),)).right\n"
        "F.backward = staticmethod(lambda ctx, g: g * ctx.saved_tensors[0])\n"
        "found = bpcompare.gradcheck(F.apply, (torch.ones(3),), raise_exception=False)\n"
        "assert found.mistakes['x'].kind == 'path', found\n"
        "assert not {'torch._dynamo', 'sympy'} & set(sys.modules)\n"
    )
    done = run([sys.executable, "-c", code], timeout=120, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_example_of_the_docs_says_what_the_page_shows():
    script = ROOT / "docs" / "layer_norm.py"
    done = run([sys.executable, str(script)], capture_output=True, text=True)
    assert done.returncode == 1
    said = done.stderr.partition("GradientError: ")[2].rstrip("\n")
    shown = (ROOT / "docs" / "layer_norm.txt").read_text().rstrip("\n")
    # line numbers move with the file; everything else is the page's
    assert [re.sub(r":\d+:", ":", line) for line in said.splitlines()] == [
        re.sub(r":\d+:", ":", line) for line in shown.splitlines()
    ]
    assert all(f"layer_norm.py:{number}:" in said for number in lines_of(script, "normalised * weight"))


def lines_of(script, text):
    lines = script.read_text().splitlines()
    return [1 + k for k, line in enumerate(lines) if text in line][:1]

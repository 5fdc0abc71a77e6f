import numpy as np
import pytest
import torch

import bpcompare
from bpcompare.errors import InputError, MarkingError
from bpcompare.marker.check_gradients import check_gradients
from bpcompare.marker.factors import Factor

SIZES = ((5, 3, 2), (7, 2, 3), (9, 4, 5), (11, 3, 4))  # N, in, classes


def sample(k, dtype=torch.float64):
    generator = torch.Generator().manual_seed(k)
    n, features, classes = SIZES[k]
    shapes = ((n, features), (n, classes), (features, classes), (classes,))
    x, y, w, b = (torch.randn(shape, generator=generator, dtype=dtype) for shape in shapes)
    return x, y.softmax(1), w.requires_grad_(), b.requires_grad_()


def cross_entropy(x, y, w, b):
    return torch.nn.functional.cross_entropy(x @ w + b, y)


def by_hand(x, y, w, b):
    delta = (torch.softmax(x @ w + b, 1) - y) / len(x)
    return x.T @ delta, delta.sum(0)


def changed(change):
    def gradients(x, y, w, b):
        return change(x, *by_hand(x, y, w, b))

    return gradients


def test_a_right_backward_of_another_loss_passes_in_both_types():
    assert check_gradients(cross_entropy, by_hand, sample).right
    assert check_gradients(cross_entropy, by_hand, lambda k: sample(k, torch.float32)).right
    assert bpcompare.check_gradients is check_gradients


@pytest.mark.parametrize(
    ("change", "mistakes"),
    [
        (lambda x, p, q: (-p, q), {"grad_w": ("sign",), "grad_b": ()}),
        (lambda x, p, q: (p / 2, q), {"grad_w": ("factor-2-missing",), "grad_b": ()}),
        (lambda x, p, q: (p * len(x), q), {"grad_w": ("wrong-size-factor",), "grad_b": ()}),
        (lambda x, p, q: (p.T, q), {"grad_w": ("transposed",), "grad_b": ()}),
        (lambda x, p, q: (q, p), {"grad_w": ("swapped",), "grad_b": ("swapped",)}),
        (lambda x, p, q: (p.half(), q), {"grad_w": ("half-precision",), "grad_b": ()}),
        (lambda x, p, q: (p.exp(), q), {"grad_w": ("unknown",), "grad_b": ()}),
    ],
)
def test_the_general_mistakes_are_named(change, mistakes):
    marking = check_gradients(cross_entropy, changed(change), sample)
    assert marking.mistakes == mistakes
    assert not marking.right


def test_the_size_that_multiplies_is_told():
    marking = check_gradients(cross_entropy, changed(lambda x, p, q: (p * len(x), q)), sample)
    (finding,) = marking.verdicts[0].findings
    assert finding.explanation.factor == Factor(1.0, (("x.shape[0]", 1),))
    assert str(finding.explanation.factor) in str(marking)


def test_a_sum_not_taken_over_a_broadcast_dimension_is_named():
    def gradients(x, y, w, b):
        return by_hand(x, y, w, b)[0], (torch.softmax(x @ w + b, 1) - y) / len(x)

    assert check_gradients(cross_entropy, gradients, sample).mistakes["grad_b"] == ("not-summed-over-batch",)


def test_accumulation_is_named():
    total = {}

    def gradients(x, y, w, b):
        total[w.shape] = [old + new for old, new in zip(total.get(w.shape, (0, 0)), by_hand(x, y, w, b), strict=True)]
        return total[w.shape]

    assert check_gradients(cross_entropy, gradients, sample).mistakes["grad_b"] == ("accumulated",)


def test_an_input_changed_in_place_is_told():
    def gradients(x, y, w, b):
        answer = by_hand(x, y, w, b)
        w.zero_()
        return answer

    marking = check_gradients(cross_entropy, gradients, sample)
    assert not marking.right
    assert marking.changed == ("w",)
    assert any(line.split()[0] == "w" for line in str(marking).splitlines())


def test_a_single_gradient_may_come_alone_and_plain_arguments_are_handed_on():
    def draw(k):
        return torch.arange(1.0, 4.0 + k, dtype=torch.float64).requires_grad_(), 3

    assert check_gradients(lambda x, power: (x**power).sum(), lambda x, power: power * x ** (power - 1), draw).right


def test_a_backward_that_raises_sometimes_is_wrong_and_says_so():
    def gradients(x, y, w, b):
        assert len(x) < 9, "too long"
        return by_hand(x, y, w, b)

    marking = check_gradients(cross_entropy, gradients, sample)
    assert not marking.right
    assert "4 of 8 calls raised: AssertionError: too long" in str(marking)


@pytest.mark.parametrize(
    ("gradients", "sentence"),
    [
        (lambda x, y, w, b: w, "came as 1 results"),
        (lambda x, y, w, b: (w, "b"), "grad_b came as str"),
        (lambda x, y, w, b: 1 / 0, "raise in every call: ZeroDivisionError"),
    ],
)
def test_what_cannot_be_marked_is_told_in_one_sentence(gradients, sentence):
    with pytest.raises(MarkingError, match=sentence):
        check_gradients(cross_entropy, gradients, sample)


def test_a_loss_or_a_sample_that_cannot_be_used_is_named():
    with pytest.raises(InputError, match="no argument of sample"):
        check_gradients(cross_entropy, by_hand, lambda k: [t.detach() for t in sample(k)])
    with pytest.raises(InputError, match="tensor of one number"):
        check_gradients(lambda x, y, w, b: x @ w + b, by_hand, sample)
    with pytest.raises(InputError, match=r"got torch\.float16"):
        check_gradients(lambda w: w.sum(), lambda w: w, lambda k: [torch.ones(2).half().requires_grad_()])


def test_a_function_without_names_for_its_arguments_is_marked_by_their_numbers():
    marking = check_gradients(cross_entropy, lambda *arguments: by_hand(*arguments), sample)
    assert marking.right
    assert list(marking.mistakes) == ["grad_argument 3", "grad_argument 4"]


class HalfSquare(torch.autograd.Function):
    """x², with a backward that forgets the 2."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**2

    @staticmethod
    def backward(ctx, upstream):
        return upstream * ctx.saved_tensors[0]


def vector(k):
    return (torch.randn(3 + 2 * k, dtype=torch.float64, generator=torch.Generator().manual_seed(k)).requires_grad_(),)


def test_a_loss_that_runs_the_learners_own_wrong_backward_does_not_make_it_right():
    loss = lambda x: HalfSquare.apply(x).sum()  # noqa: E731
    wrong = check_gradients(loss, lambda x: x, vector)
    assert wrong.mistakes == {"grad_x": ("factor-2-missing",)}
    assert any("central difference" in note for note in wrong.notes)
    assert check_gradients(loss, lambda x: 2 * x, vector).right
    assert not check_gradients(lambda x: (x**2).sum(), lambda x: 2 * x, vector).notes


@pytest.mark.parametrize(("at_the_kink", "right"), [(0.0, True), (0.5, True), (1.0, True), (1.1, False), (-0.1, False)])
def test_any_slope_between_both_sides_is_right_at_a_kink(at_the_kink, right):
    def sample(k):
        x = vector(k)[0].detach()
        x[1] = 0.0
        return (x.requires_grad_(),)

    def gradients(x):
        return torch.where(x == 0, at_the_kink, (x > 0).double())

    assert check_gradients(lambda x: torch.relu(x).sum(), gradients, sample).right is right
    assert not check_gradients(lambda x: torch.relu(x).sum(), lambda x: 2 * gradients(x), sample).right


def test_words_of_the_linear_regression_stay_in_its_exercise():
    for factor in (-1, 0.5, 2, 4, 0.3):
        said = str(check_gradients(lambda x: (x**3).sum(), lambda x, c=factor: c * 3 * x**2, vector))
        assert not any(word in said for word in ("r²", "residual", "target", "MSELoss", "feature"))


def of_shape(*shape):
    return lambda k: (
        torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(k)).requires_grad_(),
    )


def test_what_the_problems_cannot_show_is_said():
    loss, gradient = lambda x: (x**2).mean(), lambda x: 2 * x / x.numel()
    (constant,) = check_gradients(loss, gradient, of_shape(8)).notes
    assert "x.shape[0] = 8" in constant
    assert any("x.shape[0] = x.shape[1]" in note for note in check_gradients(loss, gradient, of_shape(4, 4)).notes)
    (equal,) = check_gradients(loss, gradient, lambda k: vector(0)).notes
    assert "same numbers" in equal
    assert check_gradients(loss, gradient, vector).notes == ()


def test_a_factor_that_may_be_a_constant_size_is_not_said_for_sure():
    marking = check_gradients(lambda x: (x**2).mean(), lambda x: 2 * x, of_shape(8))
    explanation = marking.verdicts[0].findings[0].explanation
    assert not explanation.sure
    assert ("wrong-size-factor",) in explanation.alternatives


@pytest.mark.parametrize(
    ("loss", "gradients", "sample", "sentence"),
    [
        (lambda x: x.sum(), lambda x: x, lambda k: vector(k)[0], "returned one tensor"),
        (lambda x: x.sum(), lambda x: {"x": x}, vector, "came as a dict"),
        (lambda x: x.sum(), lambda x: None, vector, "is a return missing"),
        (lambda x: x.sum(), lambda x: (None,), vector, "grad_x came as None"),
        (lambda x: x.detach().sum(), lambda x: x, vector, "does not lead back to its arguments"),
        (lambda x: x.sum().item(), lambda x: x, vector, "got float"),
        (lambda x: x.sum(), lambda x: x, lambda k: [vector(k)][k], r"sample\(1\) raises IndexError"),
    ],
)
def test_what_cannot_be_used_is_one_sentence(loss, gradients, sample, sentence):
    with pytest.raises(InputError, match=sentence) as caught:
        check_gradients(loss, gradients, sample)
    assert "\n" not in str(caught.value)


def test_where_nothing_is_named_both_arrays_and_their_ratio_are_told():
    marking = check_gradients(lambda x: (x**2).sum(), lambda x: 2 * x * x.cos(), vector)
    found = marking.contrast(marking.verdicts[0])
    assert np.allclose(found.ratio, np.cos(found.call.problem.inputs["x"].numpy()))
    assert all(word in str(marking) for word in ("yours", "right", "ratio"))


def test_a_marking_is_one_line_as_text_and_a_table_in_a_notebook():
    marking = check_gradients(cross_entropy, changed(lambda x, p, q: (-p, q)), sample)
    assert "\n" not in repr(marking)
    assert len(repr(marking)) < 200
    assert marking._repr_html_().count("<tr>") == 3

"""A file with loss, gradients and sample: torch's autograd says what is right, the sandbox keeps it apart."""

import pytest

from bpcompare.errors import InputError, MarkingError
from bpcompare.marker.check import check_file
from bpcompare.marker.own_loss import judge_told

FILE = """
import torch

def sample(k):
    generator = torch.Generator().manual_seed(k)
    shapes = ((5 + 2 * k, 3), (3,))
    return tuple(torch.randn(s, generator=generator, dtype=torch.float64).requires_grad_() for s in shapes)

def loss(x, w):
    return torch.tanh(x @ w).square().mean()

def gradients(x, w):
    t = torch.tanh(x @ w)
    delta = 2 * t * (1 - t**2) / len(x)
    return torch.outer(delta, w), x.T @ delta
"""
CASES = {
    "right": (FILE, ()),
    "half": (FILE.replace("= 2 * t", "= t"), ("factor-2-missing",)),
    "sum": (FILE.replace(" / len(x)", ""), ("wrong-size-factor",)),
}


@pytest.fixture
def marked(tmp_path, process):
    def mark(source):
        path = tmp_path / "teacher.py"
        path.write_text(source)
        return check_file(path, time_limit=60, process=process)

    return mark


@pytest.mark.parametrize("name", CASES)
def test_a_loss_of_the_teachers_own_is_marked(marked, name):
    source, mistakes = CASES[name]
    marking = marked(source)
    assert marking.mistakes == {"grad_x": mistakes, "grad_w": mistakes}
    assert marking.right is (name == "right")


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        (FILE.replace(".mean()", ""), "tensor of one number"),
        (FILE.replace("return torch.outer(delta, w), x.T @ delta", "return None"), "is a return missing"),
        (FILE.replace("5 + 2 * k", "1 / 0"), "sample.0. raises ZeroDivisionError"),
    ],
)
def test_what_cannot_be_used_is_one_sentence(marked, source, sentence):
    with pytest.raises(MarkingError, match=sentence) as caught:
        marked(source)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("told", [{}, {"problems": [{}], "calls": [], "names": [], "overruled": []}])
def test_what_is_no_marking_is_refused(told):
    with pytest.raises(ValueError, match=r"."):
        judge_told("gradients", told)


def test_a_sentence_of_the_child_holds_no_control_characters():
    with pytest.raises(InputError) as caught:
        judge_told("gradients", {"refused": "a\x1b[2Jb\nc"})
    assert str(caught.value).isprintable()

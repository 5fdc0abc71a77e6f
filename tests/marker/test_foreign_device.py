"""The markers on a stand-in for a GPU: what they are given lies there, what they calculate does not."""

import pytest
import torch
from foreign_device import THERE, as_cuda

from bpcompare.cli import main
from bpcompare.errors import InputError, MarkingError
from bpcompare.marker.check import check_file, check_function
from bpcompare.marker.check_gradients import check_gradients
from bpcompare.marker.gradcheck import gradcheck

LOSS = """
import torch

def loss(x):
    return (x**2).mean()

def gradients(x):
    assert x.device.type == "meta", x.device
    return {answer}

def sample(k):
    return (torch.randn(3 + 2 * k, dtype=torch.float64, generator=torch.Generator().manual_seed(k)).requires_grad_(),)
"""
REGRESSION = """
def gradients(x, y, w, b):
    assert x.device.type == "meta", x.device
    delta = 2 * (x @ w.T + b - y) / y.numel()
    return delta.T @ x, {answer}
"""


@pytest.fixture(autouse=True)
def foreign(monkeypatch):
    with as_cuda(monkeypatch):
        yield


def drawn(k):
    return torch.randn(3 + 2 * k, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(k))


def loss(x):
    return (x**2).mean()


@pytest.mark.parametrize("device", ["cuda", None])
def test_gradients_are_marked_where_they_are(device):
    seen = set()

    def sample(k):
        return (drawn(k).to(THERE if device is None else "cpu").requires_grad_(),)

    def right(x):
        seen.add(x.device)
        return 2 * x / x.numel()

    assert check_gradients(loss, right, sample, device=device).right
    assert seen == {THERE}
    wrong = check_gradients(loss, lambda x: x / x.numel(), sample, device=device)
    assert wrong.mistakes == {"grad_x": ("factor-2-missing",)}


def test_a_mistake_is_named_on_the_graph_of_the_loss():
    def loss(x):
        return (torch.sigmoid(x) * x).sum()

    def one_path(x):
        return torch.sigmoid(x)

    plain = check_gradients(loss, one_path, lambda k: (drawn(k).requires_grad_(),))
    there = check_gradients(loss, one_path, lambda k: (drawn(k).to(THERE).requires_grad_(),))
    assert str(there) == str(plain)
    assert not there.right


def test_what_a_function_changes_in_place_there_is_seen():
    def changes(x):
        gradient = 2 * x / x.numel()
        x.mul_(3.0)
        return gradient

    found = check_gradients(loss, changes, lambda k: (drawn(k).requires_grad_(),), device="cuda")
    assert not found.right
    assert str(found) == str(check_gradients(loss, changes, lambda k: (drawn(k).requires_grad_(),)))


class Square(torch.autograd.Function):
    factor = 2.0

    @staticmethod
    def forward(ctx, x):
        assert x.device == THERE
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, g):
        return Square.factor * g * ctx.saved_tensors[0]


@pytest.mark.parametrize("inputs", [lambda: drawn(1).to(THERE), lambda: drawn(1)])
@pytest.mark.parametrize("factor", [2.0, 1.0])
def test_a_backward_is_marked_there(inputs, factor, monkeypatch):
    monkeypatch.setattr(Square, "factor", factor)
    for given in ((inputs(),), lambda k: (inputs() * (k + 1.0),)):
        found = gradcheck(Square.apply, given, reference=lambda x: x * x, device="cuda", raise_exception=False)
        assert found.right is (factor == 2.0)
        assert [*found.wrong] == ([] if found.right else ["x"])


@pytest.mark.parametrize(
    ("source", "right", "wrong"),
    [(LOSS, "2 * x / len(x)", "x / len(x)"), (REGRESSION, "delta.sum(0)", "delta.mean(0)")],
)
def test_a_file_is_marked_there(source, right, wrong, tmp_path, capsys):
    file = tmp_path / "mine.py"
    for answer, code in ((right, 0), (wrong, 1)):
        file.write_text(source.replace("{answer}", answer))
        assert main(["check", str(file), "--device", "cuda", "--seed", "1"]) == code
    capsys.readouterr()


def test_a_file_that_cannot_be_marked_there_is_told_so(tmp_path):
    file = tmp_path / "mine.py"
    for source, said in (("1 / 0", "ZeroDivisionError"), ("def other(): ...", "gradients"), ("x = (", "SyntaxError")):
        file.write_text(source)
        with pytest.raises(MarkingError, match=said):
            check_file(file, device="cuda")


def test_several_files_are_not_marked_there(tmp_path, capsys):
    assert main(["check", str(tmp_path), "--device", "cuda"]) == 2
    assert "--device" in capsys.readouterr().err


def test_an_absent_device_is_refused(monkeypatch):
    monkeypatch.undo()
    with pytest.raises(InputError, match="cuda:99"):
        check_function(lambda x, y, w, b: None, device="cuda:99")

"""What a learner's file may do to the marker, and what the marker says of it."""

import io
import os
import sys
from pathlib import Path

import pytest

from bpcompare.cli import main
from bpcompare.errors import MarkingError
from bpcompare.marker import sandbox, sandbox_child
from bpcompare.marker.check import check_file, check_function, check_signature
from bpcompare.marker.exercises import find

GOOD = """
def gradients(x, y, w, b):
    delta = 2 * (x @ w.T + b - y) / (y.shape[0] * y.shape[1])
    return delta.T @ x, delta.sum(0)
"""
HALF = GOOD.replace("2 * (", "(")
PATIENT = 60.0  # seconds: a slow machine must not decide these tests

FOOLING = {  # what stands before a gradient, wrong by the factor 2, that must not pass for right
    "allclose": "import torch\ntorch.allclose = torch.equal = lambda *a, **k: True\n",
    "numpy": "import numpy as np\nnp.allclose = np.array_equal = lambda *a, **k: True\nnp.asarray = np.array = None\n",
    "json": "import json\njson.dumps = json.loads = json.JSONEncoder.encode = None\n",
    "builtins": "import builtins\nbuiltins.len = builtins.isinstance = builtins.float = builtins.enumerate = None\n",
    "tolist": "import torch\ntorch.Tensor.tolist = torch.Tensor.numel = torch.frombuffer = None\n",
    "exit": "import os, sys\nos._exit = sys.exit = os.getpid = None\n",
    "runner": "import __main__\nfor name in list(vars(__main__)): setattr(__main__, name, None)\n",
    "stdout": "import os, sys\nsys.stdout.close(); os.close(1); os.close(2)\n",
    "dtype": "import torch\ntorch.set_default_dtype(torch.float16)\n",
    "flood": "print('x' * 10**6); import os; os.write(1, b'y' * 10**6)\n",
    "thread": "import threading, time\nthreading.Thread(target=time.sleep, args=(1000,)).start()\n",
    "fork": "import os, time\nif os.fork() == 0: time.sleep(20)\n",
    "trace": "import sys\nsys.settrace(lambda *a: 1 / 0)\n",
}


@pytest.fixture
def marked(tmp_path):
    def mark(source, **options):
        path = tmp_path / "mine.py"
        path.write_text(source)
        return check_file(path, **{"time_limit": PATIENT, **options})

    return mark


def test_a_file_that_replaces_everything_at_once_neither_fools_nor_stops_the_marker(marked):
    together = "".join(FOOLING[name] for name in ("flood", "thread", "stdout", "exit", "runner", "json", "tolist"))
    assert marked(together + GOOD).right
    assert marked(together + HALF).mistakes == {"grad_w": ("factor-2-missing",), "grad_b": ("factor-2-missing",)}


@pytest.mark.parametrize("name", ["allclose", "numpy", "builtins", "dtype", "fork", "trace"])
def test_a_wrong_gradient_stays_wrong_whatever_its_file_patches(marked, name):
    assert marked(FOOLING[name] + HALF).mistakes["grad_w"] == ("factor-2-missing",)


UNMARKABLE = {
    "loop": ("while True: pass", "took longer than 0.5 seconds and was stopped while it was imported"),
    "os_exit": ("import os\ndef gradients(x, y, w, b): os._exit(0)", "ended its own process in call 1 of 60"),
    "sys_exit": ("import sys\nsys.exit()", "move that under if __name__"),
    "syntax": ("def gradients(x, y, w, b)\n    pass", "is not Python: line 1: SyntaxError: expected ':'"),
    "missing": ("def gradient(x, y, w, b): pass", "defines no function to mark; it must define gradients"),
    "import": ("import no_such_module", "cannot import what it asks for: line 1: ModuleNotFoundError"),
    "raises": ("1 / 0", "fails while it is imported: line 1: ZeroDivisionError"),
    "garbage": ("import os\nfor fd in range(3, 9):\n  try: os.write(fd, b'x\\n')\n  except OSError: pass", "disturbed"),
    "order": ("def gradients(w, b, x, y): pass", "the arguments come in the order of gradients(x, y, w, b)"),
    "memory": ("def gradients(x, y, w, b): [0] * 10**13", "it asks for more memory"),
}


@pytest.mark.parametrize("name", UNMARKABLE)
def test_a_file_that_cannot_be_marked_gets_one_sentence_and_exit_code_2(tmp_path, capsys, name):
    source, sentence = UNMARKABLE[name]
    path = tmp_path / "mine.py"
    path.write_text(source)
    assert main(["check", str(path), "--time-limit", "0.5" if name == "loop" else "60"]) == 2
    said = capsys.readouterr()
    assert sentence in said.err
    assert said.err.count("\n") == 1
    assert not said.out


def test_the_file_can_import_what_lies_beside_it(tmp_path, marked):
    (tmp_path / "beside.py").write_text(GOOD)
    (tmp_path / "json.py").write_text("1 / 0")  # shadows a standard module, but not for the marker
    assert marked("from beside import gradients").right
    assert not list(tmp_path.glob("__pycache__"))


ANSWERS = {
    "nothing": (lambda x, y, w, b: None, "returned None; it must return grad_w, grad_b; is a return missing?"),
    "three results": (lambda x, y, w, b: (w, b, x), "returned 3 results; it must return grad_w, grad_b"),
    "one array": (lambda x, y, w, b: w, "returned Tensor"),
    "None inside": (lambda x, y, w, b: (w, None), "returned None as grad_b"),
    "text": (lambda x, y, w, b: ("w", b), "returned a value of type str as grad_w"),
    "complex": (lambda x, y, w, b: (w * 1j, b), "returned a value of type complex as grad_w"),
    "ragged": (lambda x, y, w, b: ([[1.0], [1.0, 2.0]], b), "a list whose rows differ in length"),
    "huge": (lambda x, y, w, b: (x.new_zeros(10**6), b), "an array of 1000000 numbers"),
    "always raises": (lambda x, y, w, b: 1 / 0, "raises in every call: "),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_what_is_no_pair_of_arrays_gets_one_sentence(name):
    function, sentence = ANSWERS[name]
    with pytest.raises(MarkingError, match=sentence.replace("?", "[?]")) as caught:
        check_function(function)
    assert "\n" not in str(caught.value)


def test_a_list_that_holds_itself_is_no_array():
    endless = []
    endless.append(endless)
    with pytest.raises(MarkingError, match="RecursionError"):
        check_function(lambda x, y, w, b: (endless, b))


def test_an_object_whose_error_cannot_be_told_is_still_an_error():
    class Mute(Exception):
        def __str__(self):
            raise ValueError

    def gradients(x, y, w, b):
        raise Mute

    with pytest.raises(MarkingError, match="Mute"):
        check_function(gradients)


def test_numbers_arrays_and_nested_lists_are_one_answer():
    def gradients(x, y, w, b):
        delta = 2 * (x @ w.T + b - y) / y.numel()
        grad_w = (delta.T @ x).tolist()
        return grad_w[0][0] if w.numel() == 1 else grad_w, delta.sum(0).numpy()

    assert check_function(gradients).right


def conversation(monkeypatch, tmp_path, source, calls=b""):
    """What the runner writes, run in this process: nothing of it may end or change the process."""
    path = tmp_path / "mine.py"
    path.write_text(source)

    class Left(Exception):
        pass

    def leave(code):
        raise Left

    for target, name, value in (
        (os, "_exit", leave),
        (sandbox_child, "_limit_memory", lambda: None),
        (sys, "settrace", lambda trace: None),
        (sys, "setprofile", lambda trace: None),
        (sys, "path", list(sys.path)),
    ):
        monkeypatch.setattr(target, name, value)
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])
    monkeypatch.setitem(sys.modules, "learner_file", None)
    words = [str(path), "gradients"]
    written = io.BytesIO()
    with pytest.raises(Left):
        sandbox_child.serve(io.BytesIO(" ".join(w.encode().hex() for w in words).encode() + b"\n" + calls), written)
    return [line.split("\t")[0] for line in written.getvalue().decode().splitlines()]


def test_the_runner_says_when_it_is_ready_what_it_found_and_what_came(monkeypatch, tmp_path):
    call = (
        b"\t".join([b"float64:1,1:" + bytes(8).hex().encode()] * 3 + [b"float64:1:" + bytes(8).hex().encode()]) + b"\n"
    )
    assert conversation(monkeypatch, tmp_path, GOOD, call) == ["ready", "defines", "call", "done"]


def test_the_runner_says_when_the_file_fails_or_defines_nothing(monkeypatch, tmp_path):
    assert conversation(monkeypatch, tmp_path, "1 / 0") == ["ready", "raised"]
    assert conversation(monkeypatch, tmp_path, "") == ["ready", "missing"]


def test_the_memory_limit_leaves_room_and_is_never_above_the_systems(monkeypatch):
    resource = pytest.importorskip("resource")
    limits = []
    monkeypatch.setattr(resource, "setrlimit", lambda which, pair: limits.append(pair))
    monkeypatch.setattr(resource, "getrlimit", lambda which: (-1, 1 << 30))
    sandbox_child._limit_memory()
    assert limits == [(1 << 30, 1 << 30)]


@pytest.mark.parametrize(
    "line", ["float64:2:0x1p0", "float64:1:one", "float64:-1,-1:0x1p0", "evil dtype:1:0x1p0", "float64:1", ""]
)
def test_a_reply_that_is_not_plain_numbers_is_refused(line):
    with pytest.raises(ValueError, match=r"."):
        sandbox.decode("", "returned", [line])


def test_a_reply_of_an_unknown_kind_is_refused():
    with pytest.raises(ValueError, match="kind"):
        sandbox.decode("", "kind", [])


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(MarkingError, match=r"there is no file .*nowhere\.py"):
        check_file(tmp_path / "nowhere.py")


def test_a_python_without_pytorch_is_told_apart_from_the_learners_errors(monkeypatch, tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(GOOD)
    broken = tmp_path / "sandbox_child.py"
    broken.write_text("print('no torch', flush=True)")
    monkeypatch.setattr(sandbox, "RUNNER", broken)
    with pytest.raises(MarkingError, match="PyTorch cannot be imported"):
        check_file(path)


def test_the_runner_keeps_stdin_and_stdout_and_leaves_the_file_none(monkeypatch):
    moved, served = [], []
    monkeypatch.setattr(os, "dup", lambda descriptor: 10 + descriptor)
    monkeypatch.setattr(os, "fdopen", lambda descriptor, mode: (descriptor, mode))
    monkeypatch.setattr(os, "open", lambda path, flags: 99)
    monkeypatch.setattr(os, "dup2", lambda old, new: moved.append((old, new)))
    monkeypatch.setattr(sandbox_child, "serve", lambda commands, replies: served.append((commands, replies)))
    sandbox_child.main()
    assert served == [((10, "rb"), (11, "wb"))]
    assert moved == [(99, 0), (99, 1), (99, 2)]


def test_a_system_without_memory_limits_is_no_error(monkeypatch):
    resource = pytest.importorskip("resource")

    def refuse(which):
        raise ValueError

    monkeypatch.setattr(resource, "getrlimit", refuse)
    sandbox_child._limit_memory()


def test_parameters_are_told_as_far_as_they_can_be_known():
    assert sandbox_child._parameters(3) == "!"
    assert sandbox_child._parameters(dict.fromkeys) == "POSITIONAL_ONLY:iterable:0 POSITIONAL_ONLY:value:1"
    assert sandbox_child._parameters(type("Odd", (), {"__call__": 3, "__signature__": 5})()) == "?"


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ("!", "is not a function; define gradients"),
        ("POSITIONAL_OR_KEYWORD:x:0 POSITIONAL_OR_KEYWORD:y:0", "it must take gradients"),
        ("POSITIONAL_OR_KEYWORD:a:0 KEYWORD_ONLY:b:0 VAR_POSITIONAL:c:0", "it must take gradients"),
    ],
)
def test_a_signature_that_cannot_take_the_arguments_is_named(parameters, sentence):
    with pytest.raises(MarkingError, match=sentence):
        check_signature(Path("mine.py"), find("linear-regression"), parameters)


@pytest.mark.parametrize(
    "parameters", ["?", "VAR_POSITIONAL:args:0", " ".join(f"POSITIONAL_ONLY:{n}:0" for n in "XYWB")]
)
def test_a_signature_that_can_take_the_arguments_is_accepted(parameters):
    check_signature(Path("mine.py"), find("linear-regression"), parameters)

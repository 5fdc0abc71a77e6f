"""What a learner's file may do to the marker, and what the marker says of it."""

import io
import os
import signal
import sys
import time
from contextlib import nullcontext
from pathlib import Path

import pytest
from forked import Popen
from kept_draws import DRAWS, SEED

from bpcompare.cli import main
from bpcompare.errors import MarkingError
from bpcompare.marker import sandbox_child, sandbox_limits, sandbox_start, sandbox_wire
from bpcompare.marker.check import check_file, check_function
from bpcompare.marker.exercises import find
from bpcompare.marker.replies import check_signature
from bpcompare.marker.sandbox import Sandbox

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
def numpy_for_torch(tmp_path, monkeypatch):
    """A process that is started finds NumPy where it imports PyTorch: it is there at once, and its forks are small."""
    folder = tmp_path / "stand_in"
    folder.mkdir()
    (folder / "torch.py").write_text(
        "from numpy import float32, float64, frombuffer\nclass Tensor: tolist = numel = None\n"
    )
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(folder), *sys.path]))


@pytest.fixture
def small_process(numpy_for_torch):
    with sandbox_start.server() as small:
        yield small


@pytest.fixture
def marked(tmp_path, process):
    def mark(source, **options):
        path = tmp_path / "mine.py"
        path.write_text(source)
        return check_file(path, **{"seed": SEED, "time_limit": PATIENT, "process": process, "draws": DRAWS, **options})

    return mark


def test_a_file_that_replaces_everything_at_once_neither_fools_nor_stops_the_marker(marked):
    together = "".join(FOOLING[name] for name in ("flood", "thread", "stdout", "exit", "runner", "json", "tolist"))
    assert marked(together + GOOD).right
    assert marked(together + HALF).mistakes == {"grad_w": ("factor-2-missing",), "grad_b": ("factor-2-missing",)}


@pytest.mark.parametrize("name", ["allclose", "numpy", "builtins", "dtype", "fork", "trace"])
def test_a_wrong_gradient_stays_wrong_whatever_its_file_patches(marked, name):
    assert marked(FOOLING[name] + HALF).mistakes["grad_w"] == ("factor-2-missing",)


UNMARKABLE = {
    "loop": ("while True: pass", "took longer than 0.2 seconds and was stopped while it was imported"),
    "sleep": ("import time\ntime.sleep(1000)", "waited for 0.2 seconds, doing nothing, and was stopped"),
    "loop in a call": ("def gradients(x, y, w, b):\n  while True: pass", "was stopped in call 1 of"),
    "os_exit": ("import os\ndef gradients(x, y, w, b): os._exit(0)", "ended its own process in call 1 of"),
    "sys_exit": ("import sys\nsys.exit()", "move that under if __name__"),
    "syntax": ("def gradients(x, y, w, b)\n    pass", "is not Python: line 1: SyntaxError: expected ':'"),
    "missing": ("def gradient(x, y, w, b): pass", "defines no function to mark; it must define gradients"),
    "import": ("import no_such_module", "cannot import what it asks for: line 1: ModuleNotFoundError"),
    "raises": ("1 / 0", "fails while it is imported: line 1: ZeroDivisionError"),
    "garbage": (
        "import os\nfor fd in range(3, 99):\n  try: os.write(fd, b'x\\n')\n  except OSError: pass",
        "disturbed",
    ),
    "order": ("def gradients(w, b, x, y): pass", "the arguments come in the order of gradients(x, y, w, b)"),
    "memory": ("def gradients(x, y, w, b): [0] * 10**13", "it asks for more memory"),
    "bomb": ("import os\nwhile True:\n  try: os.fork()\n  except OSError: pass", "more than 64 processes"),
    "answers": ("try: import bpcompare.marker\nexcept ImportError: pass", "imports bpcompare, which knows the answers"),
}


@pytest.mark.parametrize("name", UNMARKABLE)
def test_a_file_that_cannot_be_marked_gets_one_sentence(request, marked, name):
    source, sentence = UNMARKABLE[name]
    if name == "bomb" and not sandbox_limits.descendants(1):
        pytest.skip("processes cannot be counted here")
    process = request.getfixturevalue("small_process" if name == "bomb" else "process")
    with pytest.raises(MarkingError) as caught:
        marked(source, time_limit=0.2 if name in ("loop", "sleep", "loop in a call") else 60, process=process)
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


GREEDY = """
def refused(action):
    try:
        action()
    except OSError:
        return True
    return False

def huge():
    with open("huge", "wb") as file:
        file.seek(65 << 20)
        file.write(b"x")

assert refused(huge), "a file of 65 MiB"
assert refused(lambda: [open("small", "ab") for _ in range(300)]), "300 open files"
"""


def test_large_files_and_many_open_ones_are_refused(marked):
    assert marked(GREEDY + GOOD).right


def test_a_file_that_cannot_be_marked_ends_the_command_with_2(tmp_path, capsys, monkeypatch, process):
    monkeypatch.setattr("bpcompare.marker.check.server", lambda: nullcontext(process))
    path = tmp_path / "mine.py"
    path.write_text("1 / 0")
    assert main(["check", str(path)]) == 2
    said = capsys.readouterr()
    assert said.err.count("\n") == 1
    assert not said.out


def confined():
    """Whether this kernel forbids what the sandbox asks it to forbid; asked in a process of its own."""
    child = os.fork()
    if child == 0:
        os._exit(sandbox_limits.confine("/tmp") >= 6)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


REACHES = """
import glob, os, socket
done = []
def attempt(what, act):
    try:
        act()
        done.append(what)
    except OSError:
        pass
def parent(pid):
    return int(open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()[1])
pid = os.getpid()
while (pid := parent(pid)) > 1:
    attempt(("signal", pid), lambda: os.kill(pid, 0))
    for descriptor in (1, 2):
        attempt(("output", pid), lambda: open(f"/proc/{pid}/fd/{descriptor}", "w").write("Right"))
for path in (*glob.glob("/dev/pts/*"), "/dev/tty", "/dev/shm/x", "/tmp/x", os.path.expanduser("~/x"), __file__):
    attempt(path, lambda: open(path, "a").close())
attempt("rename", lambda: os.rename(__file__, __file__ + "x"))
with open("large", "wb") as file:
    attempt("large", lambda: [file.write(bytes(1 << 20)) for _ in range(100)])
open("small", "w").write("a relative path is in the scratch folder")
assert not done, done
"""


@pytest.mark.skipif(not hasattr(os, "fork") or not confined(), reason="this kernel has no Landlock of version 6")
def test_a_file_reaches_nothing_outside_its_scratch_folder(marked):
    assert marked(REACHES + GOOD).right


DAEMON = """
import ctypes, os
ctypes.CDLL(None).prctl(1, 0)  # whatever happens to the parent
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        while True: pass
    os._exit(0)
"""


def alive(root):
    return sandbox_limits.descendants(root)


def runs(pid):
    """Whether a process has not ended; the one that is to take note of its end may be late."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="descendants are listed in /proc")
def test_daemons_end_with_the_marking(marked, process):
    assert marked(DAEMON + GOOD).right
    assert alive(process._process.pid) == set()


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="descendants are listed in /proc")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
@pytest.mark.usefixtures("numpy_for_torch")
def test_an_endless_loop_ends_with_the_command_whatever_ends_that(tmp_path, number):
    path = tmp_path / "mine.py"
    path.write_text("while True: pass")
    command = Popen([sys.executable, "-m", "bpcompare", "check", str(path), "--time-limit", "300"])
    while len(family := alive(command.pid)) < 2:  # the server and the file's own process
        time.sleep(0.05)
    command.send_signal(number)
    command.wait(60)
    end = time.monotonic() + 60
    while any(map(runs, family)):
        assert time.monotonic() < end
        time.sleep(0.05)


SLOW = """
import time
end = time.process_time() + 0.2
while time.process_time() < end: pass
"""


def test_imports_are_no_time_of_the_learner(tmp_path, marked):
    for name in ("one", "two", "three"):  # each in its time, all of them not
        (tmp_path / f"{name}.py").write_text(SLOW)
    assert marked("import one, two, three\n" + GOOD, time_limit=0.4).right


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
        check_function(function, seed=SEED, draws=DRAWS)
    assert "\n" not in str(caught.value)


def test_a_list_that_holds_itself_is_no_array():
    endless = []
    endless.append(endless)
    with pytest.raises(MarkingError, match="RecursionError"):
        check_function(lambda x, y, w, b: (endless, b), seed=SEED, draws=DRAWS)


def test_an_object_whose_error_cannot_be_told_is_still_an_error():
    class Mute(Exception):
        def __str__(self):
            raise ValueError

    def gradients(x, y, w, b):
        raise Mute

    with pytest.raises(MarkingError, match="Mute"):
        check_function(gradients, seed=SEED, draws=DRAWS)


def test_numbers_arrays_and_nested_lists_are_one_answer():
    def gradients(x, y, w, b):
        delta = 2 * (x @ w.T + b - y) / y.numel()
        grad_w = (delta.T @ x).tolist()
        return grad_w[0][0] if w.numel() == 1 else grad_w, delta.sum(0).numpy()

    assert check_function(gradients, seed=SEED, draws=DRAWS).right


UNNAMED = """
def gradients(x, y, w, b):
    delta = x @ w.T + b - y
    return delta.sin().T @ x, 2 * delta.sum(0) / (y.shape[0] * y.shape[1])
"""


def test_a_file_is_asked_further_questions_as_a_function_is(marked):
    defined = {}
    exec(UNNAMED, defined)
    function = check_function(defined["gradients"], seed=SEED, draws=DRAWS).verdicts[0]
    file = marked(UNNAMED).verdicts[0]
    assert file.properties == function.properties
    assert ("linear", False) in [(found.name, found.value) for found in file.properties]


def test_whoever_asks_a_file_that_has_ended_is_told_so_at_once_each_time(tmp_path, process):
    path = tmp_path / "mine.py"
    path.write_text(UNMARKABLE["os_exit"][0])
    drawn = DRAWS.of(find("linear-regression"), SEED)
    with Sandbox(path, ["gradients"], PATIENT, process) as sandbox:
        sandbox.load()
        for _ in range(3):
            with pytest.raises(MarkingError, match="ended its own process"):
                next(sandbox.call(drawn.lines))


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
        (sys, "settrace", lambda trace: None),
        (sys, "setprofile", lambda trace: None),
        (sys, "path", list(sys.path)),
        (sys, "meta_path", list(sys.meta_path)),
    ):
        monkeypatch.setattr(target, name, value)
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])
    monkeypatch.setitem(sys.modules, "learner_file", None)
    words = [str(path), "gradients"]
    written = io.BytesIO()
    request = io.BytesIO(" ".join(w.encode().hex() for w in words).encode() + b"\n" + calls)
    with pytest.raises(Left):
        sandbox_child.serve(request, written, sandbox_child.take_tools())
    words = [line.split("\t")[0] for line in written.getvalue().decode().splitlines()]
    return [word for word in words if word != "importing"]


def test_the_runner_says_when_it_is_ready_what_it_found_and_what_came(monkeypatch, tmp_path):
    call = (
        b"\t".join([b"float64:1,1:" + bytes(8).hex().encode()] * 3 + [b"float64:1:" + bytes(8).hex().encode()]) + b"\n"
    )
    assert conversation(monkeypatch, tmp_path, GOOD, 2 * call) == ["ready", "defines", "call", "call"]


def test_the_runner_says_when_the_file_fails_or_defines_nothing(monkeypatch, tmp_path):
    assert conversation(monkeypatch, tmp_path, "1 / 0") == ["ready", "raised"]
    assert conversation(monkeypatch, tmp_path, "") == ["ready", "missing"]


def test_no_limit_is_above_the_systems(monkeypatch):
    resource = pytest.importorskip("resource")
    limits = {}
    monkeypatch.setattr(resource, "setrlimit", lambda which, pair: limits.update({which: pair}))
    monkeypatch.setattr(resource, "getrlimit", lambda which: (-1, 32))
    sandbox_limits.limit_resources(7)
    assert limits[resource.RLIMIT_AS] == (32, 32)
    assert max(limits.values()) == (32, 32)


@pytest.mark.parametrize(
    "line", ["float64:2:0x1p0", "float64:1:one", "float64:-1,-1:0x1p0", "evil dtype:1:0x1p0", "float64:1", ""]
)
def test_a_reply_that_is_not_plain_numbers_is_refused(line):
    with pytest.raises(ValueError, match=r"."):
        sandbox_wire.decode("", "returned", [line])


def test_a_reply_of_an_unknown_kind_is_refused():
    with pytest.raises(ValueError, match="kind"):
        sandbox_wire.decode("", "kind", [])


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(MarkingError, match=r"there is no file .*nowhere\.py"):
        check_file(tmp_path / "nowhere.py")


def test_a_python_without_pytorch_is_told_apart_from_the_learners_errors(monkeypatch, tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(GOOD)
    broken = tmp_path / "sandbox_server.py"
    broken.write_text("raise ImportError('no torch')")
    monkeypatch.setattr(sandbox_start, "SERVER", broken)
    with pytest.raises(MarkingError, match="cannot import PyTorch"):
        check_file(path)


@pytest.mark.usefixtures("numpy_for_torch")
def test_a_system_that_cannot_fork_marks_too(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(HALF)
    with sandbox_start.PlainServer() as plain:
        assert check_file(path, time_limit=PATIENT, process=plain).mistakes["grad_w"] == ("factor-2-missing",)


def test_the_runner_keeps_stdin_and_stdout_and_leaves_the_file_none(monkeypatch):
    moved, served = [], []
    monkeypatch.setattr(os, "dup", lambda descriptor: 10 + descriptor)
    monkeypatch.setattr(os, "fdopen", lambda descriptor, mode: (descriptor, mode))
    monkeypatch.setattr(os, "open", lambda path, flags: 99)
    monkeypatch.setattr(os, "dup2", lambda old, new: moved.append((old, new)))
    monkeypatch.setattr(sandbox_child, "serve", lambda commands, replies, tools: served.append((commands, replies)))
    sandbox_child.main()
    assert served == [((10, "rb"), (11, "wb"))]
    assert moved == [(99, 0), (99, 1), (99, 2)]


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

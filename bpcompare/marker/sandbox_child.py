"""The process in which a learner's file runs: it loads the file, calls one function, and writes back what came.

It knows no right answer. Whatever the file does to PyTorch, NumPy, ``json``, ``sys`` or the built-in functions, the
names used below were taken before. What it writes is described in :mod:`bpcompare.marker.sandbox_wire`.
"""

import builtins
import importlib
import importlib.machinery
import importlib.util
import inspect
import os
import sys
import time
import types
from collections.abc import Callable
from typing import Any, BinaryIO, NamedTuple

# A file that replaces builtins.len replaces it for everybody; this module keeps its own.
globals()["__builtins__"] = dict(vars(builtins))

IMPORT_PAUSE = 0.05  # seconds between two signs that the file is still importing
OWN_LOSS = ("loss", "gradients", "sample")  # a file that defines all three brings its own exercise
LARGEST_ANSWER = 20_000  # numbers in one answer; the right one never has more than 50


class Unusable(Exception):
    """What came back is not an array of real numbers: large (how many), value (of which type), or rows."""

    def __init__(self, kind: str, what: str = "") -> None:
        super().__init__(kind, what)
        self.kind, self.what = kind, what


def serve(commands: BinaryIO, replies: BinaryIO, tools: "Tools", confined: int = 0) -> None:
    """Loads the file, tells which function it defines, calls it as often as asked."""
    path, *names = [_unhex(word) for word in commands.readline().split()]
    process, getpid, leave = os.getpid(), os.getpid, os._exit

    def reply(*fields: str) -> None:
        if getpid() == process:  # a forked child of the file must not answer in its place
            replies.write("\t".join(fields).encode() + b"\n")
            replies.flush()

    settrace, setprofile = sys.settrace, sys.setprofile
    # A file that imports __main__ finds an empty module, not this one.
    sys.modules["__main__"] = types.ModuleType("__main__")
    sys.path.insert(0, os.path.dirname(path))  # noqa: PTH120 - the file's siblings, as if it were run as a script
    gate = Gate(reply)
    sys.meta_path.insert(0, gate)
    reply("ready", str(confined))
    module, trouble = _load(path)
    settrace(None)
    setprofile(None)
    if module is None:
        reply("raised", *trouble)
        leave(0)
    found = [name for name in names if name in vars(module)]
    if not found:
        reply("missing")
        leave(0)
    function = vars(module)[found[0]]
    if all(callable(vars(module).get(name)) for name in OWN_LOSS):
        reply("defines", _hex(found[0]), _hex("own loss"))
        reply("told", _hex(_own_loss(module, gate, path)))
        leave(0)
    reply("defines", _hex(found[0]), _hex(_parameters(function)))
    for number, line in enumerate(commands):
        reply("call", str(number), *answer(function, line.rstrip(b"\n").decode(), path, tools))
    leave(0)


class Gate:
    """Asked first for every module: it says that the file is importing, and lets nobody import the answers."""

    def __init__(self, reply: Callable[..., None]) -> None:
        self._reply, self._now, self._said = reply, time.monotonic, 0.0
        self.opened = False

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        """Never finds anything, so that the import goes on; refuses bpcompare."""
        if name.partition(".")[0] == "bpcompare" and not self.opened:
            self._reply("answers")
            raise ImportError("bpcompare knows the answers")
        if self._now() - self._said > IMPORT_PAUSE:
            self._said = self._now()
            self._reply("importing")


class Tools(NamedTuple):
    """What the conversation needs of PyTorch, taken before the learner's file can replace it."""

    tensor: type
    frombuffer: Callable[..., Any]
    tolist: Callable[[Any], Any]
    numel: Callable[[Any], int]
    dtypes: dict[str, Any]


def take_tools() -> Tools:
    """Imports PyTorch."""
    import torch

    dtypes = {"float64": torch.float64, "float32": torch.float32}
    return Tools(torch.Tensor, torch.frombuffer, torch.Tensor.tolist, torch.Tensor.numel, dtypes)


def answer(function: Any, line: str, path: str, tools: Tools) -> list[str]:
    """One call: the arguments out of ``line``, and what came of it, as the fields of a reply."""
    arguments = [_argument(word, tools) for word in line.split("\t")]
    outcome = _call(function, [value for value, _, _ in arguments], path, tools)
    changed = [index for index, (_, now, before) in enumerate(arguments) if now != before]
    return [",".join([str(index) for index in changed]), *outcome]


def _own_loss(module: types.ModuleType, gate: Gate, path: str) -> str:
    """What ``own_loss`` tells of the file's loss, gradients and sample, as JSON; the file has been imported by now."""
    gate.opened = True
    sys.path.append(__file__.rpartition(f"{os.sep}bpcompare{os.sep}")[0])
    try:
        own_loss = importlib.import_module("bpcompare.marker.own_loss")
        return str(own_loss.as_json(own_loss.tell(module.loss, module.gradients, module.sample)))
    except BaseException as error:
        line, kind, text = _describe(error, path)
        return f'{{"raised": ["{line}", "{kind}", "{text}"]}}'


def _load(path: str) -> tuple[types.ModuleType | None, tuple[str, ...]]:
    loader = importlib.machinery.SourceFileLoader("learner_file", path)
    spec = importlib.util.spec_from_loader(loader.name, loader)
    if spec is None:
        return None, ("", _hex("ImportError"), _hex(""))
    module = importlib.util.module_from_spec(spec)
    sys.modules[loader.name] = module
    try:
        loader.exec_module(module)
    except BaseException as error:  # the file may raise anything, SystemExit included
        return None, _describe(error, path)
    return module, ()


def _parameters(function: object) -> str:
    if not callable(function):
        return "!"
    try:
        parameters = inspect.signature(function).parameters.values()
    except Exception:  # no signature, or a file that replaced what inspect needs
        return "?"
    return " ".join([f"{p.kind.name}:{p.name}:{int(p.default is not p.empty)}" for p in parameters])


def _argument(word: str, tools: Tools) -> tuple[Any, bytearray, bytes]:
    kind, shape, content = word.split(":")
    if kind == "int":
        return int(content), bytearray(), b""
    if kind == "float":
        return float.fromhex(content), bytearray(), b""
    before = bytes.fromhex(content)
    buffer = bytearray(before)  # the tensor lives in it, so what is done in place shows
    size = [int(length) for length in shape.split(",") if length]
    tensor = tools.frombuffer(buffer, dtype=tools.dtypes[kind.removesuffix(".T")]).reshape(size)
    return (tensor.T if kind.endswith(".T") else tensor), buffer, before


def _call(function: Any, arguments: list[Any], path: str, tools: Tools) -> list[str]:
    try:
        result = function(*arguments)
    except BaseException as error:  # including SystemExit and KeyboardInterrupt
        return ["raised", *_describe(error, path)]
    if not isinstance(result, (tuple, list)):
        return ["single", _hex("None" if result is None else type(result).__name__)]
    return ["returned", *[_part(item, tools) for item in result[:9]]]


def _part(value: Any, tools: Tools) -> str:
    if value is None:
        return "unusable:plain:" + _hex("None")
    try:
        names: list[str] = []
        nested = _nested(value, tools, names)
        values: list[str] = []
        shape = _flatten(nested, values)
    except Unusable as error:
        return f"unusable:{error.kind}:{_hex(error.what)}"
    except BaseException as error:  # an object of the learner's own may raise anything
        return "unusable:plain:" + _hex(f"{type(value).__name__} ({type(error).__name__})")
    name = names[0] if names else "float64"
    return f"{name}:{','.join([str(length) for length in shape])}:{' '.join(values)}"


def _nested(value: Any, tools: Tools, names: list[str]) -> Any:
    """Lists of plain numbers; the type of each array met on the way goes into ``names``."""
    if isinstance(value, tools.tensor):
        size, array = tools.numel(value), True
    elif hasattr(value, "tolist") and hasattr(value, "dtype"):
        size, array = value.size, False
    elif isinstance(value, (list, tuple)):
        return [_nested(item, tools, names) for item in value]
    else:
        return value
    names.append(str(value.dtype).removeprefix("torch."))
    if size > LARGEST_ANSWER:
        raise Unusable("large", str(size))
    return tools.tolist(value) if array else value.tolist()


def _flatten(nested: Any, values: list[str]) -> tuple[int, ...]:
    if isinstance(nested, (bool, int, float)):
        values.append(float.hex(float(nested)))
        return ()
    if not isinstance(nested, list):
        raise Unusable("value", type(nested).__name__)
    shapes = {_flatten(item, values) for item in nested}
    if len(shapes) > 1:
        raise Unusable("rows")
    return (len(nested), *(shapes.pop() if shapes else ()))


def _describe(error: BaseException, path: str) -> tuple[str, str, str]:
    """The line in the file, the kind of error, and its text, or ``memory``."""
    try:
        said = error.msg if isinstance(error, SyntaxError) else str(error)
        text = " ".join(said.split())[:300]
    except BaseException:  # its __str__ is the learner's too
        text = ""
    memory = isinstance(error, MemoryError) or "can't allocate memory" in text
    line, trace = getattr(error, "lineno", None) if isinstance(error, SyntaxError) else None, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == path:
            line = trace.tb_lineno
        trace = trace.tb_next
    return str(line or ""), _hex(type(error).__name__), "memory" if memory else _hex(text)


def _hex(text: str) -> str:
    return text.encode("utf-8", "replace").hex() or "20"


def _unhex(word: bytes) -> str:
    return bytes.fromhex(word.decode()).decode()


def main() -> None:
    """For systems that cannot fork: takes stdin and stdout for the conversation, and leaves the file none."""
    commands, replies = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)
    serve(commands, replies, take_tools())


if __name__ == "__main__":
    main()

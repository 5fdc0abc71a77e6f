"""The command line: it parses, prints and exits, and nothing else in the package does.

Each command is a module next to this one, with ``add_arguments(parser)`` and ``run(arguments) -> exit code``; it is
imported when it is asked for, and imports PyTorch only when it runs.
"""

from __future__ import annotations

import gc
import importlib
import os
import re
import sys

from bpcompare import __version__
from bpcompare.cli import signals, streams
from bpcompare.cli.help import Formatter, Parser, speaks
from bpcompare.cli.sentences import program, sentence
from bpcompare.errors import BpcompareError, ExpressionError, InputError, OutputError, WorkerError, did_you_mean
from bpcompare.language import LANGUAGES, N_, _, of_environment, set_language

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

COMMANDS = {
    "compare": "train by three methods and compare them (the default)",
    "sweep": "thousands of learning rates and seeds at once: which rates work",
    "derive": "derive an expression by hand, draw it, check it",
    "graph": "draw the computation graph of the training problem",
    "equations": "nn.Linear as equations, with the learned numbers put in",
    "collapse": "why two linear layers are one",
    "reproduce": "recompute every figure of the source tutorials",
    "check": "mark your own hand-derived gradient, and say what is wrong with it",
    "pitfalls": "make the classic mistakes on purpose, and see them predicted",
    "report": "one HTML page: move the rate, step through the epochs, break it",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code.

    Returns:
        0 done; 1 a learner's gradient is wrong or a published figure is not reproduced; 2 bad input, said in one
        sentence on stderr; 130 interrupted.

    Example:
        >>> main(["--version"])
        Traceback (most recent call last):
        ...
        SystemExit: 0
    """
    if argv is None:
        os.environ.pop("MPLBACKEND", None)  # figures need no backend, and an unknown one breaks matplotlib's import
        gc.set_threshold(200_000)  # looking for garbage while PyTorch loads takes a fifth of the start-up
        os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "FATAL")  # an absent process gets our own sentence
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # NumPy's matrix products; `threads` is of PyTorch's
    signals.nothing_written()
    try:
        code = _dispatch(list(sys.argv[1:] if argv is None else argv))
        sys.stdout.flush()
    except BpcompareError as error:
        return _complain(error)
    except KeyboardInterrupt as stop:
        print(f"\r{signals.sentence()}" if sys.stderr.isatty() else signals.sentence(), file=sys.stderr)
        return getattr(stop, "exit_code", 130)
    except SystemExit as stop:  # --help, --version, and what argparse refuses
        code = int(stop.code or 0)
        if argv is not None:
            raise
    except OSError as error:
        return _complain(BpcompareError(f"the system refused {error.filename or 'a call'}: {error.strerror or error}"))
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, MemoryError) or "allocate memory" in str(error):
            return _complain(InputError("this problem does not fit into memory; use fewer samples or columns"))
        raise
    if reason := streams.failure():
        return _complain(OutputError(f"the output cannot be printed: {reason}"))
    return code


def _complain(error: BpcompareError) -> int:
    """Says what is wrong, once; that a process is lost is said by every one that is left."""
    if speaks() or isinstance(error, WorkerError):
        said = sentence(str(error), lines=isinstance(error, ExpressionError))
        print(f"bpcompare: {said}", *getattr(error, "__notes__", ()), sep="\n", file=sys.stderr)
    return 2


def _speak(argv: Sequence[str]) -> None:
    """Sets the language before anything is said: what --lang says, else what the environment says."""
    wanted = of_environment()
    for place, word in enumerate(argv):
        if word == "--lang" and place + 1 < len(argv):
            wanted = argv[place + 1]
        elif word.startswith("--lang="):
            wanted = word.removeprefix("--lang=")
    set_language(wanted if wanted in LANGUAGES else "en")  # the parser refuses an unknown one


def _dispatch(argv: list[str]) -> int:
    _speak(argv)
    name = argv.pop(0) if argv and not argv[0].startswith("-") else "compare"
    if name not in COMMANDS:
        raise _unknown(name)
    command = importlib.import_module(f"bpcompare.cli.{name}")
    parser = _parser(name, command.__doc__ or "")
    command.add_arguments(parser)
    arguments, unexpected = parser.parse_known_intermixed_args(_with_expressions(argv))
    if unexpected:
        raise _unexpected(parser, unexpected[0])
    if "style" not in arguments:  # a command without pictures
        return int(command.run(arguments))
    from bpcompare.show.page import drawn_for

    with drawn_for(arguments.style, arguments.dpi):
        return int(command.run(arguments))


def _parser(name: str, description: str) -> Parser:
    default = name == "compare"
    description = description.replace("python -m bpcompare", program())
    parser = Parser(
        prog=program() + ("" if default else f" {name}"),
        usage="%(prog)s [COMMAND] [options]" if default else None,
        description=description + (_overview() if default else ""),
        formatter_class=Formatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"bpcompare {__version__}")
    parser.add_argument(
        "--lang",
        choices=LANGUAGES,
        help=_("language of what is said, en or zh (default: as LC_ALL, LC_MESSAGES, LANG)"),
    )
    return parser


def _with_expressions(argv: list[str]) -> list[str]:
    """The arguments, an expression such as -x**2 marked as one: argparse takes what holds a blank for a value."""
    return [f" {part}" if re.fullmatch(r"-(?!-|h$|[\d.]+(e[-+]?\d+)?$).+", part, re.DOTALL) else part for part in argv]


def _overview() -> str:
    rows = "\n".join(f"  {name:<10} {summary}" for name, summary in COMMANDS.items())
    return f"\n\ncommands (each has its own --help):\n{rows}"


def _unknown(name: str) -> InputError:
    hint = did_you_mean(name, COMMANDS) or f"choose from {', '.join(COMMANDS)}"
    return InputError(f"there is no command {name!r}; {hint}")


def _unexpected(parser: Parser, word: str) -> InputError:
    word = word.strip()  # `_with_expressions` may have put a blank before it
    if not word.startswith("-"):
        return InputError(f"unexpected argument {word!r}; see {parser.prog} --help")
    option = word.partition("=")[0]
    hint = did_you_mean(option, parser._option_string_actions) or "--help lists its options"
    return InputError(f"{parser.prog} has no option {option}; {hint}")

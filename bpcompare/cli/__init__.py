"""The command line: it parses, prints and exits, and nothing else in the package does.

Each command is a module next to this one, with ``add_arguments(parser)`` and ``run(arguments) -> exit code``; it is
imported when it is asked for, and imports PyTorch only when it runs. What ``--help`` reads says
``TYPE_CHECKING = False`` where the rest imports it from ``typing``, which would be a tenth of the time
(benchmarks/bench_process.py).
"""

from __future__ import annotations

import gc
import importlib
import os
import re
import sys
from collections.abc import Sequence

from bpcompare import __version__
from bpcompare.cli import signals, streams
from bpcompare.cli.help import Formatter, Parser, speaks
from bpcompare.cli.sentences import program, sentence
from bpcompare.errors import BpcompareError, ExpressionError, InputError, OutputError, WorkerError, did_you_mean, reason
from bpcompare.language import LANGUAGES, N_, _, listed, of_environment, padded, spoken

COMMANDS = {
    "compare": N_("train by three methods and compare them (the default)"),
    "sweep": N_("thousands of learning rates and seeds at once: which rates work"),
    "derive": N_("derive an expression by hand, draw it, check it"),
    "graph": N_("draw the computation graph of the training problem"),
    "equations": N_("nn.Linear as equations, with the learned numbers put in"),
    "collapse": N_("why two linear layers are one"),
    "reproduce": N_("recompute every figure of the source tutorials"),
    "check": N_("mark your own hand-derived gradient, and say what is wrong with it"),
    "pitfalls": N_("make the classic mistakes on purpose, and see them predicted"),
    "report": N_("one HTML page: move the rate, step through the epochs, break it"),
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
    words = list(sys.argv[1:] if argv is None else argv)
    with spoken(_language(words)):
        return _run(words, is_process=argv is None)


def _run(argv: list[str], *, is_process: bool) -> int:
    """Runs the command of these words; whatever ends it, one sentence says so."""
    signals.nothing_written()
    try:
        code = _dispatch(argv)
        sys.stdout.flush()
    except BpcompareError as error:
        return _complain(error)
    except KeyboardInterrupt as stop:
        print(f"\r{signals.sentence()}" if sys.stderr.isatty() else signals.sentence(), file=sys.stderr)
        return getattr(stop, "exit_code", 130)
    except SystemExit as stop:  # --help, --version, and what argparse refuses
        code = int(stop.code or 0)
        if not is_process:
            raise
        sys.stdout.flush()
    except OSError as error:
        call, why = error.filename or _("a call"), reason(error)
        return _complain(BpcompareError(_("the system refused {call}: {reason}", call=call, reason=why)))
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, MemoryError) or re.search("allocate memory|out of memory", str(error)):
            return _complain(InputError(_("this problem does not fit into memory; use fewer samples or columns")))
        raise
    if broken := streams.failure():
        return _complain(OutputError(_("the output cannot be printed: {reason}", reason=broken)))
    return code


def _complain(error: BpcompareError) -> int:
    """Says what is wrong, once; that a process is lost is said by every one that is left."""
    if speaks() or isinstance(error, WorkerError):
        said = sentence(str(error), lines=isinstance(error, ExpressionError))
        print(f"bpcompare: {said}", *getattr(error, "__notes__", ()), sep="\n", file=sys.stderr)
    return 2


def _language(argv: Sequence[str]) -> str:
    """What --lang says, else what the environment says; known before anything is said."""
    wanted = ""
    for word, following in zip(argv, [*argv[1:], ""], strict=False):
        if word == "--lang":
            wanted = following
        elif word.startswith("--lang="):
            wanted = word.removeprefix("--lang=")
    return wanted if wanted in LANGUAGES else of_environment()  # the parser refuses an unknown one


def _dispatch(argv: list[str]) -> int:
    first = argv[0] if argv else ""
    place = 2 if first == "--lang" else int(first.startswith("--lang="))  # the language may stand before the command
    name = argv.pop(place) if argv[place:] and not argv[place].startswith("-") else "compare"
    if name not in COMMANDS:
        raise _unknown(name)
    command = importlib.import_module(f"bpcompare.cli.{name}")
    parser = _parser(name, _(command.DESCRIPTION))
    command.add_arguments(parser)
    arguments, unexpected = parser.parse_known_intermixed_args(_with_expressions(argv))
    if unexpected:
        raise _unexpected(parser, unexpected[0])
    try:
        if "style" not in arguments:  # a command without pictures
            return int(command.run(arguments))
        from bpcompare.show.page import drawn_for

        with drawn_for(arguments.style, arguments.dpi):
            return int(command.run(arguments))
    finally:
        _name_a_font()


def _name_a_font() -> None:
    """Says once, after all pictures, which font to install, if one was lacking."""
    if (fonts := sys.modules.get("bpcompare.show.fonts")) and (said := fonts.to_install()) and speaks():
        print(f"bpcompare: {sentence(said)}", file=sys.stderr)


def _parser(name: str, description: str) -> Parser:
    default = name == "compare"
    description = description.replace("python -m bpcompare", program())
    parser = Parser(
        prog=program() + ("" if default else f" {name}"),
        usage=_("%(prog)s [COMMAND] [options]") if default else None,
        description=description + (_overview() if default else ""),
        formatter_class=Formatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "--version",
        action="version",
        version=f"bpcompare {__version__}",
        help=_("show program's version number and exit"),  # Python 3.11 does not ask for its translation
    )
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
    rows = "\n".join(f"  {padded(name, 10)} {_(summary)}" for name, summary in COMMANDS.items())
    return "\n\n" + _("commands (each has its own --help):") + f"\n{rows}"


def _unknown(name: str) -> InputError:
    hint = did_you_mean(name, COMMANDS) or _("choose from {known}", known=listed(COMMANDS))
    return InputError(_("there is no command {name!r}; {hint}", name=name, hint=hint))


def _unexpected(parser: Parser, word: str) -> InputError:
    word = word.strip()  # `_with_expressions` may have put a blank before it
    if not word.startswith("-"):
        return InputError(_("unexpected argument {word!r}; see {program} --help", word=word, program=parser.prog))
    option = word.partition("=")[0]
    hint = did_you_mean(option, parser._option_string_actions) or _("--help lists its options")
    return InputError(_("{program} has no option {option}; {hint}", program=parser.prog, option=option, hint=hint))

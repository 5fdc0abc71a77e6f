"""Lets each system call of a real export fail, once and for ever, and tells what then stands in the output folder.

    python tests/faults/calls.py

The files are those of `python -m bpcompare --format png,svg,pdf --ledger adam`, made once. Then the command itself runs
with the first calls of each kind failing, so that its exit code and its sentence are seen as well. The exit code is 1
if an error leaves neither the old nor the new set, or a temporary or an empty folder where things can be removed.
"""

import contextlib
import io
import sys
import tempfile
from collections import Counter
from pathlib import Path
from unittest import mock

sys.path.insert(0, str(Path(__file__).parents[1]))

from bpcompare.cli import main as command
from bpcompare.errors import OutputError
from bpcompare.results import write
from faults.inject import PLACES, Faults, contents, prepared, state, temporaries

OPTIONS = ["--format", "png,svg,pdf", "--ledger", "adam", "--quiet"]
REMOVING = {"unlink", "rmdir"}  # where nothing can be removed, the temporary folder stays until the next run


def made(folder, rate):
    """The files of the command at that rate."""
    prepared(folder, {})
    assert command(["--out", str(folder), "--lr", rate, *OPTIONS]) == 0
    return contents(folder)


def export(folder, files):
    write.check_folder(folder, files)
    write.write_files(folder, files)


def cases(folder, old, new):
    """For each kind of call, once and for ever: what stands there after each of them failed."""
    for kind in PLACES:
        prepared(folder, old)
        with Faults() as counted:
            export(folder, new)
        for forever in (False, True):
            found = Counter()
            for first in range(counted.calls[kind]):
                prepared(folder, old)
                found[outcome(folder, old, new, lambda: export(folder, new), Faults(kind, first, forever))] += 1
            yield kind, forever, found


def outcome(folder, old, new, run, faults):
    """The state after a run with those faults, and what its next run leaves."""
    with faults:
        try:
            run()
            said = "done"
        except OutputError:
            said = "refused"
    stands, left = state(folder, old, old | new), bool(temporaries(folder))
    empty = not old and folder.parent.exists() and not contents(folder) and not left
    export(folder, new)
    mended = contents(folder) == old | new and not temporaries(folder)
    return said, stands, left, empty, mended


def of_the_command(folder, old, new):
    """The command itself, with the first, second and third call of each kind of its export failing."""
    for kind in PLACES:
        for first in range(3):
            prepared(folder, old)
            faults, heard = Faults(kind, first), io.StringIO()

            def failing(function, faults=faults):
                def called(*arguments):
                    with faults:
                        return function(*arguments)

                return called

            with contextlib.ExitStack() as stack:
                for name in ("check_folder", "write_files"):
                    stack.enter_context(mock.patch.object(write, name, failing(getattr(write, name))))
                stack.enter_context(contextlib.redirect_stderr(heard))
                code = command(["--out", str(folder), "--lr", "0.05", *OPTIONS])
            yield kind, first, code, heard.getvalue().strip(), state(folder, old, new), bool(temporaries(folder))


def main():
    wrong = 0
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "deep" / "out"
        new = made(folder, "0.05")
        first = made(folder, "0.1")
        print("| call | fails | folder | calls | outcomes: the run, what stands there, temporaries left |")
        print("|---|---|---|---|---|")
        for name, old in (("of a run", first), ("new", {})):
            for kind, forever, found in cases(folder, old, new):
                told = "; ".join(f"{n} {c[0]}, {c[1]}{', left' * c[2]}{', empty' * c[3]}" for c, n in found.items())
                print(
                    f"| {kind} | {'for ever' if forever else 'once'} | {name} | {found.total()} | {told} |", flush=True
                )
                for said, stands, left, empty, mended in found:
                    right = stands == ("old" if said == "refused" else "new") and mended
                    wrong += not right or ((left or empty) and not (forever and kind in REMOVING))
        print("\n| call | which | exit code | stands | temporaries | said |\n|---|---|---|---|---|---|")
        for kind, number, code, heard, stands, left in of_the_command(folder, first, new):
            print(f"| {kind} | {number + 1} | {code} | {stands} | {left} | {heard[-100:]} |", flush=True)
            wrong += (code, stands) not in ((0, "new"), (2, "old")) or left or heard.count("\n") > 0
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())

"""Kills exports and tells what then stands in the output folder.

    python tests/faults/kill.py --every-call     in place of every system call of a small export
    python tests/faults/kill.py --kills 300      at random moments, while ten files of 100 kB to 1 MB are written
    python tests/faults/kill.py --commands 20    at random moments of `python -m bpcompare` itself

Of each kill: whether the old or the new set stands there whole, or what `verify` says of it; what stands there after a
next run that fails; whether a next run that succeeds leaves its own set and nothing else. The exit code is 1 where one
does not.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import contextmanager, suppress
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from bpcompare.errors import BpcompareError, OutputError
from bpcompare.results.verify import verify
from bpcompare.results.write import write_files
from faults.inject import Faults, contents, files_of, prepared, state, temporaries

TEN = tuple(f"table{number}" for number in range(8))  # and comparison.json and the list of them
SIZES = range(100_000, 1_000_001, 100_000)


class Kill(Faults):
    """Kills the process in place of its call with that number, over all kinds."""

    def __init__(self, number):
        super().__init__()
        self.number = number

    def called(self, kind):
        self.calls[kind] += 1
        if sum(self.calls.values()) == self.number:
            os.kill(os.getpid(), signal.SIGKILL)


def judged(folder, old, new, run):
    """What a kill left, and what the next runs make of it."""
    both = old | new
    found = state(folder, old, both)
    with suppress(BpcompareError):
        interrupted = False
        interrupted = verify(folder).interrupted
    left = bool(temporaries(folder))
    with suppress(OutputError), Faults("write", 0):
        write_files(folder, new)
        raise AssertionError("the fault did not come")
    failed = state(folder, old, both)
    run()
    return {
        "state": found,
        "interrupted": interrupted,
        "left": left,
        "after a run that fails": failed,
        "mended": contents(folder) == both and not temporaries(folder),
    }


def child(work):
    """Does that in a process of its own and gives its number."""
    number = os.fork()
    if not number:
        work()
        os._exit(0)
    return number


def was_ended(number, by=signal.SIGKILL):
    """Waits for it; whether it was ended by that signal."""
    return os.waitstatus_to_exitcode(os.waitpid(number, 0)[1]) == -by


def every_call(folder):
    """A kill in place of each call of a small export, over an old set and into a new folder."""
    new = files_of("new", ("loss", "history", "landscape"))

    def work(call):
        with Kill(call):
            write_files(folder, new)

    for name, old in (("over an old set", files_of("old")), ("into a new folder", {})):
        cases, call = [], 1
        prepared(folder, old)
        while was_ended(child(lambda call=call: work(call))):
            cases.append(judged(folder, old, new, lambda: write_files(folder, new)))
            prepared(folder, old)
            call += 1
        yield {"kills": f"in place of each call, {name}", "cases": cases}


def random_moments(folder, kills, draw):
    """Half of the kills while files are being written, half while they take their places, which the renames begin."""
    groups = {}
    for number in range(kills):
        new = files_of("new", TEN, draw.choice(SIZES))
        old = {} if number % 3 == 2 else files_of("older", TEN, draw.choice(SIZES))
        phase = ("while writing", "while placing")[number % 2]
        whole, placing = _timed(folder, old, new)
        prepared(folder, old)
        wait = draw.uniform(0, whole - placing) if phase == "while writing" else placing * draw.random() ** 3
        if _killed_at(folder, new, phase, wait):
            case = judged(folder, old, new, lambda new=new: write_files(folder, new))
            groups.setdefault(f"at random, {phase}", []).append(case)
        else:
            groups.setdefault(f"at random, {phase}", []).append({"state": "finished before", "mended": True})
    return [{"kills": name, "cases": cases} for name, cases in groups.items()]


def _timed(folder, old, new):
    """Seconds that the whole export takes, and the placing of it."""
    prepared(folder, old)
    begins = []

    @contextmanager
    def placing():
        begins.append(time.perf_counter())
        yield
        begins.append(time.perf_counter())

    start = time.perf_counter()
    write_files(folder, new, placing)
    return time.perf_counter() - start, begins[1] - begins[0]


def _killed_at(folder, new, phase, wait):
    """Lets a child write, which the system ends that long after the phase began; True if it was not done by then.

    The end is that of SIGALRM, which nobody handles: as sudden as SIGKILL's, and to the microsecond.
    """

    def end_later(at):
        if phase == at:
            signal.setitimer(signal.ITIMER_REAL, max(wait, 1e-6))

    @contextmanager
    def placing():
        end_later("while placing")
        yield
        signal.setitimer(signal.ITIMER_REAL, 0)

    def work():
        end_later("while writing")
        write_files(folder, new, placing)

    return was_ended(child(work), signal.SIGALRM)


def commands(folder, kills, draw):
    """Kills of the real command: half at any moment, half once its temporary folder is there."""

    def run(*options, wait=None, at_writing=False):
        command = [sys.executable, "-m", "bpcompare", "--quiet", "--out", str(folder), *options]
        process, start = subprocess.Popen(command), time.perf_counter()
        while at_writing and not temporaries(folder) and process.poll() is None:
            time.sleep(0.0005)
        if wait is not None:
            time.sleep(wait)
            process.kill()
        assert process.wait() in (0, -signal.SIGKILL)
        return time.perf_counter() - start

    prepared(folder, {})
    run()
    old = contents(folder)
    seconds = run("--lr", "0.05")
    new, groups = contents(folder), {}
    for number in range(kills):
        prepared(folder, old)
        at_writing = bool(number % 2)
        run("--lr", "0.05", wait=draw.uniform(0, 0.02 if at_writing else seconds), at_writing=at_writing)
        case = judged(folder, old, new, lambda: run("--lr", "0.05"))
        groups.setdefault(f"of the command, {'while writing' if at_writing else 'at any moment'}", []).append(case)
    return [{"kills": name, "cases": cases} for name, cases in groups.items()]


def table(groups):
    """The outcomes as Markdown."""
    yield "| kills | number | state | temporaries left | after a failing run | mended by the next |"
    yield "|---|---|---|---|---|---|"
    for group in groups:
        cases = group["cases"]

        def count(key, cases=cases):
            return ", ".join(f"{n} {value}" for value, n in Counter(c[key] for c in cases if key in c).most_common())

        yield (
            f"| {group['kills']} | {len(cases)} | {count('state')} | {sum(c.get('left', False) for c in cases)} "
            f"| {count('after a run that fails')} | {sum(c['mended'] for c in cases)} |"
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--every-call", action="store_true")
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--commands", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    draw = random.Random(arguments.seed)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "deep" / "out"
        groups = list(every_call(folder)) if arguments.every_call else []
        groups += random_moments(folder, arguments.kills, draw)
        groups += commands(folder, arguments.commands, draw)
    print(json.dumps(groups) if arguments.json else "\n".join(table(groups)))
    cases = [case for group in groups for case in group["cases"]]
    return int(any(case["state"] == "UNSEEN" or not case["mended"] for case in cases))


if __name__ == "__main__":
    sys.exit(main())

"""Tries the mutants: each in a fork of one process that has loaded all but our own code, with the tests of its room.

    python mutants/run.py [ROOM …] [--again] [--tests COMMIT] [--list]

What has been tried is not tried again; with --again the survivors are, after new tests, unless they were judged to be
equivalent. With --tests the tests are those of a commit, to know what the ones after it have brought.
"""

import argparse
import contextlib
import gc
import importlib
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
import traceback
from pathlib import Path
from typing import Any

import direct
from session import ROOT, Mutant, Room, counted, judged, result, rooms, sample, session

TREE = ROOT / "build" / "mutants" / "tree"  # a copy of the tree, where one mutant after another is put in place
LOG = ROOT / "build" / "mutants" / f"log-{os.getpid()}"
NOTES = ROOT / "build" / "mutants" / "notes"  # per room, of the first run: what it imported, how long each test took
PATIENCE = 3.0  # times the processor time of the unchanged code, and ...
AT_LEAST = 10  # ... so many seconds more; a mutant that takes longer runs for ever
WALL = 900  # seconds, for what waits without working
MEMORY = 6 * 2**30  # bytes of data


def lay_out_tree(tests_of: str) -> None:
    """Copies what git knows or would add, and compiles it so that a changed text is seen whatever its time and size."""
    shutil.rmtree(TREE, ignore_errors=True)
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for name in listed.stdout.splitlines():
        if (ROOT / name).is_file():
            (TREE / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, TREE / name)
    if tests_of:
        shutil.rmtree(TREE / "tests")
        archive = subprocess.run(["git", "archive", tests_of, "tests"], cwd=ROOT, capture_output=True, check=True)
        subprocess.run(["tar", "-x"], cwd=TREE, input=archive.stdout, check=True)
    compiling = [sys.executable, "-m", "compileall", "-q", "--invalidation-mode", "checked-hash", "bpcompare", "tests"]
    subprocess.run(compiling, cwd=TREE, check=True)


def notes(room: Room) -> dict[str, Any]:
    """What the run of the unchanged code noted."""
    path = NOTES / f"{room.name}.json"
    return dict(json.loads(path.read_text())) if path.exists() else {"modules": [], "seconds": {}, "direct": {}}


def load_once(room: Room) -> None:
    """Imports what the tests of a room import from elsewhere, as the first run noted it."""
    for name in notes(room)["modules"]:
        with contextlib.suppress(Exception):
            importlib.import_module(name)
    import torch

    torch.optim.Adam([torch.zeros(1, requires_grad=True)])  # its first one loads much more
    gc.collect()
    gc.freeze()  # what is loaded stays: no child copies it by looking for garbage


class CheapestFirst:
    """A plugin of pytest: the tests in the order of the time that they take, less those that have passed."""

    def __init__(self, seconds: dict[str, float], passed: set[str]) -> None:
        self.before, self.seconds, self.passed = seconds, dict[str, float](), passed

    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        """Sorts; what has never been timed comes first."""
        left = [item for item in items if item.nodeid.partition("[")[0] not in self.passed]
        items[:] = sorted(left, key=lambda item: self.before.get(item.nodeid, 0.0))

    def pytest_runtest_logstart(self) -> None:
        """Begins to count processor time."""
        self.begun = time.process_time()

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        """Notes what a test took."""
        self.seconds[nodeid] = time.process_time() - self.begun


def run_tests(room: Room, module: str = "", note: bool = False) -> tuple[int, float, str]:
    """Exit code of pytest in a fork (or −signal), its processor time, and the test that failed.

    Args:
        room: Whose tests.
        module: The file with the mutant; empty where there is none.
        note: Whether pytest alone runs, and what it imports and how long its tests take is noted.
    """
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    child = os.fork()
    if child == 0:
        _in_child(room, module, note)
    _, status = os.waitpid(child, 0)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    code = os.waitstatus_to_exitcode(status)
    said = [line for line in LOG.read_text(errors="replace").splitlines() if line.startswith(("FAILED", "ERROR"))]
    return code, used, said[0][:200] if said else {0: "", -24: "processor time", -14: "time"}.get(code, f"exit {code}")


limit = 600.0  # seconds of the processor


def _in_child(room: Room, module: str, note: bool) -> None:
    output = os.open(LOG, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for stream in (1, 2):
        os.dup2(output, stream)
    os.setpgid(0, 0)
    os.chdir(TREE)
    os.environ["PYTHONPATH"] = str(TREE)
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    sys.path[:] = [str(TREE), *(path for path in sys.path if path not in ("", str(ROOT), str(ROOT / "mutants")))]
    sys.dont_write_bytecode = bool(module)
    if module:
        os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    resource.setrlimit(resource.RLIMIT_CPU, (int(limit) + 1, int(limit) + 2))
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    signal.alarm(WALL)
    code = 3
    try:
        called = {} if note else dict(notes(room)["direct"])
        if failed := direct.first_failure(TREE, room.tests, called, module):
            print(failed, flush=True)
            os._exit(1)
        import pytest

        options = ["-x", "-q", "--tb=line", "-p", "no:cacheprovider", "-p", "_hypothesis_pytestplugin"]
        options += ["-W", "ignore:Slow code in plugin"]  # Hypothesis has drawn already, without pytest
        timer = CheapestFirst(notes(room)["seconds"], set(called))
        code = int(pytest.main([*options, *(path for path in room.tests if (TREE / path).exists())], plugins=[timer]))
        if code == pytest.ExitCode.NO_TESTS_COLLECTED and called:  # all of them have been called
            code = 0
        if note:
            _note(room, timer.seconds, direct.measured(TREE, room.tests))
    except BaseException:
        traceback.print_exc()
    sys.stdout.flush()
    os._exit(code)


def _note(room: Room, seconds: dict[str, float], called: dict[str, float]) -> None:
    ours = ("bpcompare", "tests", "test_", "conftest", "session", "__", "_pytest", "pytest", "_hypothesis")
    elsewhere = [
        name
        for name, module in sys.modules.items()
        if not name.startswith(ours) and str(TREE) not in str(getattr(module, "__file__", None) or "")
    ]
    NOTES.mkdir(exist_ok=True)
    (NOTES / f"{room.name}.json").write_text(json.dumps({"modules": elsewhere, "seconds": seconds, "direct": called}))


def try_mutant(room: Room, mutant: Mutant) -> tuple[bool, float, str]:
    """Whether the tests noticed, how long it took, and which test it was."""
    place = TREE / mutant.spec.module_path
    original = place.read_bytes()
    place.write_text(mutant.source)
    try:
        code, used, test = run_tests(room, str(mutant.spec.module_path))
    finally:
        place.write_bytes(original)
    if code in (4, 5):
        raise SystemExit(f"pytest found no tests: {LOG}")
    return code != 0, used, test


def try_room(room: Room, again: bool, tests_of: str) -> None:
    """Tries what has not been tried, and keeps each result at once."""
    global limit
    databases = {module: session(module) for module in room.modules}
    results = {job: found for database in databases.values() for job, found in database.results}
    chosen = sample(room, databases)
    known = {key for key, (verdict, _) in judged().items() if verdict == "equivalent"}
    todo = [m for m in chosen if m.job not in results]
    if again:
        survived = [m for m in chosen if m.job in results and not results[m.job].is_killed]
        todo += [m for m in survived if (str(m.spec.module_path), m.change) not in known]
    print(f"{room.name}: {len(todo)} of {len(chosen)} to try")
    if not todo:
        return
    lay_out_tree(tests_of)
    load_once(room)
    code, used, test = run_tests(room, note=True)
    if code != 0:
        raise SystemExit(f"{room.name}: the tests fail without a mutant: {test}")
    load_once(room)
    code, used, test = run_tests(room)  # once more, as with the mutants: most tests are called without pytest
    if code != 0:
        raise SystemExit(f"{room.name}: the tests fail without a mutant and without pytest: {test}")
    limit = PATIENCE * used + AT_LEAST
    print(f"{room.name}: {used:.1f} s of the processor unchanged")
    for count, mutant in enumerate(todo, 1):
        killed, used, test = try_mutant(room, mutant)
        database = databases[str(mutant.spec.module_path)]
        database.set_result(mutant.job, result(killed, test, results.get(mutant.job)))
        where = f"{mutant.spec.module_path}:{mutant.spec.start_pos[0]}"
        print(
            f"{count}/{len(todo)} {'killed' if killed else 'SURVIVED'} {used:.1f} s  {where}  {mutant.change}  {test}"
        )


def main() -> None:
    """The command."""
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rooms", nargs="*", metavar="ROOM")
    parser.add_argument("--again", action="store_true", help="try the survivors again")
    parser.add_argument("--tests", metavar="COMMIT", default="", help="use the tests of a commit")
    parser.add_argument("--list", action="store_true", help="count the mutants, try none")
    chosen = parser.parse_args()
    os.chdir(ROOT)
    for room in rooms():
        if chosen.rooms and room.name not in chosen.rooms:
            continue
        if chosen.list:
            databases = {module: session(module) for module in room.modules}
            print(room.name, len(sample(room, databases)), "of", len(counted(databases)))
        else:
            begun = time.time()
            try_room(room, chosen.again, chosen.tests)
            print(f"{room.name}: {time.time() - begun:.0f} s")


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    main()

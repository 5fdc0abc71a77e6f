"""``check`` on many files: several are marked at a time, one broken file never stops the rest, marks go into files."""

import csv
import io
import json
import queue
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bpcompare.cli.progress import Progress
from bpcompare.errors import InputError
from bpcompare.language import N_, _, english, message
from bpcompare.show.marker_data import as_error
from bpcompare.show.marker_table import in_short
from bpcompare.workers import start

if TYPE_CHECKING:
    import subprocess

COLUMNS = ("file", "exercise", "right", "mistakes", "seconds")


def files_in(paths: Sequence[Path]) -> list[Path]:
    """The files that are meant: each file as it stands, and of each folder the Python files, however deep.

    Raises:
        InputError: A folder holds none, or none of the paths exists.
    """
    if not any(path.exists() for path in paths):
        problem = N_("there is no file {file} to mark, nor any of the others; correct the names")
        raise InputError(_(problem, file=paths[0]))
    files: list[Path] = []
    for path in paths:
        if not path.is_dir():
            files.append(path)
            continue
        inside = [
            file
            for file in sorted(path.rglob("*.py"))
            if file.is_file() and not any(part.startswith((".", "__")) for part in file.relative_to(path).parts)
        ]
        if not inside:
            problem = N_("there is no Python file in the folder {folder}; name files, or a folder that holds some")
            raise InputError(_(problem, folder=path))
        files += inside
    return list(dict.fromkeys(files))


def mark_files(files: Sequence[Path], seed: int | None, time_limit: float, jobs: int) -> Iterator[dict[str, Any]]:
    """Marks all files, ``jobs`` at a time, and yields what came of each, in the order in which they are done."""
    waiting: queue.SimpleQueue[Path] = queue.SimpleQueue()
    for file in files:
        waiting.put(file)
    done: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
    options = ["" if seed is None else str(seed), str(time_limit)]
    workers = [
        threading.Thread(target=_work, args=(waiting, done, options), daemon=True)
        for __ in range(min(jobs, len(files)))
    ]
    for worker in workers:
        worker.start()
    for __ in files:
        yield done.get()
    for worker in workers:
        worker.join()


def _work(
    waiting: "queue.SimpleQueue[Path]", done: "queue.SimpleQueue[dict[str, Any]]", options: Sequence[str]
) -> None:
    """Hands file after file to one process, and to another where that is lost."""
    while not waiting.empty():
        with _start(options) as worker, suppress(queue.Empty):  # the end of its input ends the worker
            while worker.poll() is None:
                done.put(_ask(worker, waiting.get_nowait()))


def _ask(worker: "subprocess.Popen[str]", file: Path) -> dict[str, Any]:
    assert worker.stdin is not None
    assert worker.stdout is not None
    line = ""
    with suppress(OSError):
        worker.stdin.write(json.dumps(str(file)) + "\n")
        worker.stdin.flush()
        line = worker.stdout.readline()
    if line:
        data: dict[str, Any] = json.loads(line)
        if "error_shown" in data:
            data["error"] = message(data.pop("error_shown"), data["error"])
        return data
    worker.kill()
    worker.wait()
    lost = _("the marker's own process was lost while it marked {file}; try that file alone", file=file)
    return as_error(file, lost) | {"seconds": 0.0}


def _start(options: Sequence[str]) -> "subprocess.Popen[str]":
    return start("bpcompare.cli.check_worker", *options, encoding="utf-8")


def mark_all(files: Sequence[Path], seed: int | None, time_limit: float, jobs: int) -> list[dict[str, Any]]:
    """What came of all files, in their order, with a progress bar on a terminal."""
    found: dict[str, dict[str, Any]] = {}
    with Progress(_("marking"), len(files)) as progress:
        for data in mark_files(files, seed, time_limit, jobs):
            found[data["file"]] = data
            progress.advance()
    return [found[str(file)] for file in files]


def as_csv(marked: Sequence[dict[str, Any]]) -> bytes:
    """The marks as a table in English: file, exercise, right (yes, no), mistakes, seconds."""
    text = io.StringIO(newline="")
    table = csv.writer(text)
    table.writerow(COLUMNS)
    for data in marked:
        right = "yes" if data["right"] else "no"
        table.writerow([data["file"], data.get("exercise", ""), right, english(in_short(data)), data["seconds"]])
    return text.getvalue().encode()


def as_gradescope(marked: Sequence[dict[str, Any]]) -> bytes:
    """The marks as Gradescope's results.json, in English: a test with one point for each answer of each file."""
    tests = [test for data in marked for test in _tests(data)]
    results = {"score": sum(test["score"] for test in tests), "output_format": "text", "tests": tests}
    return (json.dumps(results, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def _tests(data: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if "error" in data:
        yield _test(data["file"], False, english(data["error"]))
        return
    for answer, found in data["answers"].items():
        said = "\n".join(text for finding in found["mistakes"] for text in finding["says"])
        yield _test(f"{data['file']}: {answer}", found["grade"] != "wrong", said or "right")
    if data["changed_inputs"] or data["raised"]:
        yield _test(f"{data['file']}: its calls", False, english(in_short({**data, "answers": {}})))


def _test(name: str, passed: bool, output: str) -> dict[str, Any]:
    return {"name": name, "score": float(passed), "max_score": 1.0, "output": output}

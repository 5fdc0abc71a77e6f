"""Runs every benchmark in a process of its own and writes the rows that they print into results.md, with the machine.

Run: python benchmarks/measure.py [NAME …]   for benchmarks/bench_NAME.py; without a name, all of them.
"""

import importlib.metadata
import os
import platform
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

HERE = Path(__file__).parent
LIBRARIES = ("torch", "numpy", "matplotlib", "pandas", "autograd", "mygrad", "micrograd")
LIMIT = 600.0  # seconds for one file
HEAD = """\
# Results

Written by `make bench`. A ratio is ours over theirs, of the wall time of two things measured in turn (A B A B …); the
median of the pairs counts. "Processor time" is the same ratio of the time that the processor worked for each.

{machine}

| what | against | measured | goal | met |
|---|---|---|---|---|
"""


def machine() -> str:
    """Where and when it was measured, and with which versions."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    model = next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine()
    )
    versions = [f"{name} {importlib.metadata.version(name)}" for name in LIBRARIES if _installed(name)]
    facts = {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "processor": f"{model}, {os.cpu_count()} cores; load at the start {os.getloadavg()[0]:.1f}",
        "system": f"{platform.system()} {platform.release()}",
        "versions": ", ".join([f"Python {platform.python_version()}", *versions]),
    }
    return "\n".join(f"- {name}: {value}" for name, value in facts.items())


def _installed(name: str) -> bool:
    try:
        importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def rows_of(path: Path) -> list[str]:
    """The rows that a benchmark prints, shown as they come; one more says so if it fails."""
    began, rows = time.monotonic(), []
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(HERE.parent), os.environ.get("PYTHONPATH", "")])}
    with subprocess.Popen([sys.executable, str(path)], stdout=subprocess.PIPE, text=True, env=environment) as process:
        limit = threading.Timer(LIMIT, process.kill)
        limit.start()
        for line in process.stdout or ():
            print(line, end="", flush=True)
            rows += [line] if line.startswith("|") else []
        limit.cancel()
    if process.returncode:
        rows.append(f"| `{path.name}` | – | failed with exit code {process.returncode} | – | **no** |\n")
        print(rows[-1], end="", flush=True)
    print(f"({path.name}: {time.monotonic() - began:.0f} s)", flush=True)
    return rows


def main() -> int:
    """Runs them; a goal that is missed stands in the table and is no error."""
    head = HEAD.format(machine=machine())
    names = sys.argv[1:]
    paths = [HERE / f"bench_{name}.py" for name in names] or sorted(HERE.glob("bench_*.py"))
    rows = [row for path in paths for row in rows_of(path)]
    if not names:
        (HERE / "results.md").write_text(head + "".join(rows))
    missed = sum(row.rstrip().endswith("| **no** |") for row in rows)
    print(f"{len(rows)} rows, {missed} not met")
    return 0


if __name__ == "__main__":
    sys.exit(main())

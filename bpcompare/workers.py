"""Processes of this package to which another hands work; each ends when its standard input does."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any


def cores() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def start(module: str, *options: str, **streams: Any) -> "subprocess.Popen[Any]":
    """A process that runs a module of this package; a signal from the terminal does not reach it.

    Args:
        module: Its name.
        options: What it gets as ``sys.argv[1:]``.
        streams: As `subprocess.Popen` takes them; pipes for its input and output unless they say otherwise.
    """
    package = str(Path(__file__).parents[1])
    return subprocess.Popen(
        [sys.executable, "-P", "-m", module, *options],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH")]))},
        start_new_session=True,
        **{"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL} | streams,
    )

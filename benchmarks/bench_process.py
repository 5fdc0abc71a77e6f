"""Whole processes: the main job against the plain script, and --help against doing nothing."""

import os
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

from ratio import paired

# As Python comes it keeps the bytecode of what it imports; where it is told not to, it would compile at every start.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def run(*arguments: str) -> None:
    """Runs Python with these arguments, its output thrown away."""
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL, env=ENVIRONMENT)


if __name__ == "__main__":
    plain = Path(__file__).parent / "plain.py"
    with tempfile.TemporaryDirectory() as folder:
        ours = partial(run, "-m", "bpcompare", "--out", folder)
        paired("the main job, all figures and files", ours, partial(run, str(plain), f"{folder}/p.png"), claim=1.3)
    paired("--help", partial(run, "-m", "bpcompare", "--help"), partial(run, "-c", "pass"), pairs=31, claim=3)

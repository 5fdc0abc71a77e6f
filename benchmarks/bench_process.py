"""Whole processes: the main job against the plain script, and --help against doing nothing."""

import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

from ratio import paired


def run(*arguments: str) -> None:
    """Runs Python with these arguments, its output thrown away."""
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    plain = Path(__file__).parent / "plain.py"
    with tempfile.TemporaryDirectory() as folder:
        ours = partial(run, "-m", "bpcompare", "--out", folder)
        paired("the main job, all figures and files", ours, partial(run, str(plain), f"{folder}/p.png"), claim=1.3)
    paired("--help", partial(run, "-m", "bpcompare", "--help"), partial(run, "-c", "pass"), pairs=31, claim=3)

"""``python -m bpcompare``, and the command ``bpcompare``."""

from __future__ import annotations

import os
import sys

from bpcompare.cli import main

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn


def run() -> NoReturn:
    """Runs the command line and ends the process with its exit code."""
    code = main()
    if "RANK" in os.environ:  # a worker of torchrun: in an orderly end PyTorch's own threads abort one in twenty
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


if __name__ == "__main__":
    run()

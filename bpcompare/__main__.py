"""``python -m bpcompare``, and the command ``bpcompare``."""

from __future__ import annotations

import gc
import os
import sys

try:
    from bpcompare.cli import main, signals, streams
except KeyboardInterrupt:  # as early as that
    from bpcompare.language import _, of_environment, set_language

    set_language(of_environment())
    said = _("interrupted; earlier results are as they were")
    os.write(2, f"bpcompare: {said}\n".encode())
    os._exit(130)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn


def run() -> NoReturn:
    """Runs the command line and ends the process with its exit code."""
    signals.handle_by(signals.leave_at_once)
    streams.prepare()
    with signals.handled_by(signals.interrupt):
        code = main()
    if "RANK" in os.environ:  # a worker of torchrun: in an orderly end PyTorch's own threads abort one in twenty
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    gc.freeze()  # the collection at exit would go through all that PyTorch has loaded: half a second for nothing
    sys.exit(code)


if __name__ == "__main__":
    run()

"""``python -m bpcompare``."""

import os
import sys

from bpcompare.cli import main

code = main()
if "RANK" in os.environ:  # one of torchrun's workers: on an orderly way out PyTorch's own threads abort one in twenty
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
sys.exit(code)

"""``python -m bpcompare``."""

import sys

from bpcompare.cli import main

sys.exit(main())

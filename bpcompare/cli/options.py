"""Options that several commands share.

Nothing is imported here that `--help` could do without: each module would cost it a tenth of its time.
"""

from __future__ import annotations

import argparse

from bpcompare.cli import values
from bpcompare.language import _
from bpcompare.training.defaults import EPOCHS, LR, METHODS
from bpcompare.training.process_environment import CONNECT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

FORMATS = ("png", "svg", "pdf")


def add_output_options(parser: argparse.ArgumentParser, out: str = "outputs") -> None:
    """``--out``, ``--format``, ``--dpi``, ``--style`` and ``--quiet``."""
    group = parser.add_argument_group(_("output"))
    group.add_argument(
        "--out",
        type=values.folder,
        default=out,
        metavar="DIR",
        help=_("folder for the results (default {out})", out=out),
    )
    group.add_argument(
        "--format",
        type=values.among(*FORMATS),
        default=("png",),
        metavar="F[,F…]",
        help=_("picture formats: png, svg, pdf (default png)"),
    )
    group.add_argument(
        "--dpi",
        type=values.dots_per_inch,
        metavar="N",
        help=_("dots per inch of PNG pictures, 30 to 600 (default 110)"),
    )
    group.add_argument(
        "--style",
        choices=("paper", "slides"),
        default="paper",
        help=_("slides: pictures 16:9 with large type (default paper)"),
    )
    group.add_argument("--quiet", action="store_true", help=_("print nothing but errors"))


def look() -> dict[str, Any]:
    """How to print: a terminal's width and whether in colour; Markdown where stdout is no terminal."""
    import os
    import shutil
    import sys

    terminal = sys.stdout.isatty()
    colors = not os.environ.get("NO_COLOR") and os.environ.get("TERM") not in ("dumb", "unknown")
    width = shutil.get_terminal_size().columns if terminal else None
    return {"width": width, "color": terminal and colors}


def add_training_options(parser: argparse.ArgumentParser, methods: Iterable[str] = METHODS) -> None:
    """``--methods``, of which ``methods`` are the default, ``--lr``, ``--epochs`` and ``--batch-size``."""
    group = parser.add_argument_group(_("training"))
    group.add_argument(
        "--methods",
        type=values.names,
        metavar="M[,M…]",
        help=_(
            "manual, autograd, adam, or SOURCE+RULE: formula, autograd, graph, finite_difference, "
            "moments + a rule by hand (GradientDescent, Adam, AdamNoBiasCorrection, AdamEpsInside, "
            "AdamSwappedBetas, AdamMomentumOnly, AdamRMSPropOnly) or a torch.optim class, written in "
            "full where it shares a name (default {methods})",
            methods=",".join(methods),
        ),
    )
    group.add_argument("--lr", type=values.rate, metavar="R", help=_("learning rate (default {lr})", lr=LR))
    group.add_argument(
        "--epochs",
        type=values.whole_number,
        metavar="N",
        help=_("passes over the samples (default {epochs})", epochs=EPOCHS),
    )
    group.add_argument(
        "--batch-size",
        type=values.whole_number,
        metavar="N",
        help=_("samples per step; 1 trains on one sample at a time (default: all)"),
    )


def add_device_option(parser: argparse.ArgumentParser | argparse._ArgumentGroup, says: str = "") -> None:
    """``--device``."""
    parser.add_argument(
        "--device",
        type=values.device,
        metavar="D",
        help=says or _("where to calculate: cpu, cuda, cuda:N, mps, or auto for the first that is here (default cpu)"),
    )


def add_process_options(parser: argparse.ArgumentParser) -> None:
    """``--timeout``."""
    group = parser.add_argument_group(_("several processes, started by torchrun"))
    group.add_argument(
        "--timeout",
        type=values.seconds,
        default=CONNECT,
        metavar="SECONDS",
        help=_(
            "how long they may take to start and find each other; give more on a slow cluster (default {connect:g})",
            connect=CONNECT,
        ),
    )

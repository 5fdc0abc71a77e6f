"""What `torchrun` tells each process through the environment: its number, how many there are, where they meet.

Read without PyTorch, so that a mistake is reported before anything is loaded.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from bpcompare.errors import InputError
from bpcompare.language import N_, _

CONNECT = 10.0  # seconds in which the processes must find each other; while PyTorch loads, they count
REMEDY = N_("start with torchrun, which sets it, or unset RANK and WORLD_SIZE to run alone")


def place(environment: Mapping[str, str] = os.environ) -> tuple[int, int]:
    """The rank of this process, counted from 0, and the number of processes; (0, 1) where it was started alone.

    Args:
        environment: Variables by name; RANK and WORLD_SIZE are read, and for more than one process MASTER_ADDR and
            MASTER_PORT too.

    Raises:
        InputError: A variable is missing, is no whole number or is out of its range.

    Example:
        >>> place({}), place({"RANK": "0", "WORLD_SIZE": "1"})
        ((0, 1), (0, 1))
        >>> place({"RANK": "2", "WORLD_SIZE": "2"})
        Traceback (most recent call last):
        ...
        bpcompare.errors.InputError: RANK must be a whole number from 0 to WORLD_SIZE − 1 = 1; got '2'; start with ...
    """
    given = [name for name in ("RANK", "WORLD_SIZE") if name in environment]
    if not given:
        return 0, 1
    if len(given) == 1:
        other = "RANK" if given == ["WORLD_SIZE"] else "WORLD_SIZE"
        fault = _("{given} is set in the environment and {other} is not", given=given[0], other=other)
        raise _with_remedy(fault)
    world_size = _whole(environment, "WORLD_SIZE", 1, 2**31 - 1, _("of at least 1"))
    ranks = _("from 0 to WORLD_SIZE − 1 = {last}", last=world_size - 1)
    rank = _whole(environment, "RANK", 0, world_size - 1, ranks)
    if world_size > 1:
        if not environment.get("MASTER_ADDR"):
            raise _with_remedy(_("MASTER_ADDR must name the machine where the processes meet and is not set"))
        _whole(environment, "MASTER_PORT", 1, 65_535, _("from 1 to 65535"))
    return rank, world_size


def _with_remedy(fault: str) -> InputError:
    return InputError(_("{fault}; {remedy}", fault=fault, remedy=_(REMEDY)))


def _whole(environment: Mapping[str, str], name: str, least: int, most: int, rule: str) -> int:
    text = environment.get(name, "")
    try:
        value = int(text)
    except ValueError:
        value = least - 1
    if not least <= value <= most:
        raise _with_remedy(_("{name} must be a whole number {rule}; got {text!r}", name=name, rule=rule, text=text))
    return value

"""What marker, server and child say to each other, and how numbers are written on the way.

Marker and server share a socket; the marker sends ``mark`` with the two ends of a pair of pipes, and
``stop``; the server answers ``ready``, ``pid N`` and ``ended REASON``. Marker and child share the pipes. Each line is
a list of fields with tabs between them; texts are in hexadecimal::

    marker → child   PATH NAME NAME …             the file, and the functions that it may define
    child → marker   ready VERSION                Landlock's version, 0 for none
                     importing                    a sign of life: a module is being imported
                     answers                      the file asked for bpcompare, which knows the answers
                     raised LINE TYPE TEXT        an error; LINE of the file or nothing, TEXT or ``memory``
                     missing                      the file cannot be used, as above; nothing follows
                     defines NAME PARAMETERS      or, of a file with loss, gradients and sample: own loss, then
                     told JSON                    problems and answers, in numbers
    marker → child   TYPE:SHAPE:BYTES …           the arguments of one call; a line for each call, answered at once;
                                                  TYPE.T is transposed after it is read, so not contiguous
    child → marker   call K CHANGED returned TYPE:SHAPE:NUMBERS …   (or: raised LINE TYPE TEXT, single TEXT)
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bpcompare.language import N_, _, listed
from bpcompare.marker.calls import Array


@dataclass(frozen=True)
class Reply:
    """What came of one call: ``kind`` is returned, raised, single (not a tuple) – with what it holds."""

    kind: str
    text: str = ""
    parts: tuple[tuple[str, Array | str], ...] = ()  # (dtype, array) or ("unusable", what it was)
    changed: tuple[int, ...] = ()


def encode(values: Mapping[str, Any]) -> str:
    """The arguments of one call, as the runner reads them: arrays as raw bytes, plain numbers as text."""
    return "\t".join(_encode(value) for value in values.values())


def _encode(value: Any) -> str:
    if isinstance(value, int):
        return f"int::{value}"
    if isinstance(value, float):
        return f"float::{value.hex()}"
    if value.flags.f_contiguous and not value.flags.c_contiguous:
        return f"{value.dtype.name}.T:{','.join(map(str, value.T.shape))}:{value.T.tobytes().hex()}"
    return f"{value.dtype.name}:{','.join(map(str, value.shape))}:{value.tobytes().hex()}"


def decode(changed: str, kind: str, rest: list[str]) -> Reply:
    """What the runner wrote about one call; anything else than numbers and short texts is refused.

    Raises:
        ValueError: It is not what the runner writes.
    """
    indices = tuple(int(index) for index in changed.split(",") if index)
    if kind in ("raised", "single"):
        return Reply(kind, text=trouble(rest) if kind == "raised" else decode_text(rest[0]), changed=indices)
    if kind != "returned":
        raise ValueError(kind)
    return Reply(kind, parts=tuple(_decode_part(part) for part in rest), changed=indices)


UNUSABLE = {
    "plain": "{what}",
    "large": N_("an array of {what} numbers"),
    "value": N_("a value of type {what}"),
    "rows": N_("a list whose rows differ in length"),
}


def _decode_part(part: str) -> tuple[str, Array | str]:
    dtype, shape, content = part.split(":")
    if dtype == "unusable":
        return dtype, _(UNUSABLE[shape], what=decode_text(content))
    if not re.fullmatch(r"\w+", dtype):
        raise ValueError(dtype)
    values = np.array([float.fromhex(word) for word in content.split()], dtype=np.float64)
    return dtype, values.reshape([int(length) for length in shape.split(",") if length])


def trouble(fields: Sequence[str]) -> str:
    """The error that a child tells of, in one line.

    Raises:
        ValueError: It is not what a child tells.
    """
    line, kind, text = fields
    said = _("it asks for more memory than the marker allows") if text == "memory" else decode_text(text)
    error = listed([decode_text(kind), *filter(None, [said])], ": ")
    return _("line {line}: {error}", line=int(line), error=error) if line else error


def decode_text(word: str) -> str:
    """A text that was sent in hexadecimal, on one line and without control characters; empty where it is none."""
    try:
        text = bytes.fromhex(word).decode("utf-8", "replace")
    except ValueError:
        return ""
    return "".join(character if character.isprintable() else " " for character in text).strip()

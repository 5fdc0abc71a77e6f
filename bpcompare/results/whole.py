"""Whether a file is whole, as far as its own form tells: it is not cut off, and its checksums are right."""

from __future__ import annotations

import csv
import io
import json
import zipfile
import zlib
from collections.abc import Callable
from pathlib import PurePath

ENDS = {".svg": "</svg>", ".html": "</html>", ".json": "}"}


def is_whole(name: str, content: bytes) -> bool:
    r"""Whether ``content`` is a whole file of the kind that its name says.

    Args:
        name: The file's name.
        content: Its bytes.

    Example:
        >>> is_whole("history.csv", b"epoch,loss\n0,1.5\n"), is_whole("history.csv", b"epoch,loss\n0")
        (True, False)
    """
    kind = PurePath(name).suffix
    try:
        return BINARY[kind](content) if kind in BINARY else _is_text(kind, content)
    except Exception:  # a reader of ZIP, CSV or JSON raises a dozen kinds, by which byte is wrong
        return False


def _is_png(content: bytes) -> bool:
    """A signature, then chunks (size, kind, data, CRC-32), the last of kind IEND.

    Source: W3C, Portable Network Graphics, 3rd edition, section 5.
    """
    place, kind = 8, b""
    while content.startswith(b"\x89PNG\r\n\x1a\n") and place + 12 <= len(content) and kind != b"IEND":
        end = place + 8 + int.from_bytes(content[place : place + 4])
        kind = content[place + 4 : place + 8]
        if zlib.crc32(content[place + 4 : end]) != int.from_bytes(content[end : end + 4]):
            return False
        place = end + 4
    return kind == b"IEND" and place == len(content)


def _is_gif(content: bytes) -> bool:
    return content.startswith(b"GIF8") and content.endswith(b"\x00;")


def _is_pdf(content: bytes) -> bool:
    return content.startswith(b"%PDF-") and content.rstrip().endswith(b"%%EOF")


def _is_zip(content: bytes) -> bool:
    """Every file in it has the checksum that it was packed with."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return archive.testzip() is None


def _is_text(kind: str, content: bytes) -> bool:
    text = content.decode()
    if kind == ".json":
        json.loads(text)
    if not text or "\0" in text:  # zeros are what a crash of the machine leaves
        return False
    if kind == ".csv":
        return text.endswith("\n") and len({len(row) for row in csv.reader(text.splitlines(), strict=True)}) == 1
    return text.rstrip().endswith(ENDS[kind]) if kind in ENDS else text.endswith("\n")


BINARY: dict[str, Callable[[bytes], bool]] = {".png": _is_png, ".gif": _is_gif, ".pdf": _is_pdf, ".npz": _is_zip}

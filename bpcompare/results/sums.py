"""The list of the files of a run, in the format of ``sha256sum``: ``sha256sum -c comparison.sha256`` checks them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping

LINE = re.compile(r"([0-9a-f]{64})  ([^/\\\0\r\n]+)")


def sha256(content: bytes) -> str:
    r"""The fingerprint of a file, in hexadecimal digits.

    Example:
        >>> sha256(b"epoch\n")[:8]
        'f7ee36de'
    """
    return hashlib.sha256(content).hexdigest()


def to_sums(files: Mapping[str, bytes]) -> bytes:
    r"""A line for each file, in order: its fingerprint, two spaces, its name.

    Example:
        >>> to_sums({"history.csv": b"epoch\n"})[-14:]
        b'  history.csv\n'
    """
    return "".join(f"{sha256(content)}  {name}\n" for name, content in files.items()).encode()


def read_sums(content: bytes) -> dict[str, str]:
    r"""The fingerprint of each file by its name, in order.

    Raises:
        ValueError: A line is not whole, a name is given twice, or a name leads out of the folder.

    Example:
        >>> [*read_sums(to_sums({"history.csv": b"epoch\n"}))]
        ['history.csv']
    """
    *lines, rest = content.decode().split("\n")
    found = [LINE.fullmatch(line) for line in lines]
    sums = {line[2]: line[1] for line in found if line}
    if rest or len(sums) != len(lines) or not lines or sums.keys() & {".", ".."}:
        raise ValueError(content)
    return sums

"""A CSV file's bytes become text, or are refused with the encoding that they are likely in."""

import io
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, TextIO

from bpcompare.errors import TableError, reason
from bpcompare.language import _
from bpcompare.problem.csv_dialect import check_encoding

LONGEST_LINE = 10_000_000  # bytes; a table of a million columns still fits
BLOCK = 1 << 20
UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")
MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), *((mark, "utf-16") for mark in UTF_16_MARKS))
KANA, HANGUL, CYRILLIC = "[\u3040-\u30ff\uff66-\uff9f]", "[\uac00-\ud7a3]", "[\u0400-\u045f№°]"
EUROPEAN = "[\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u00ff°µ²³±·€]"


@contextmanager
def open_text(path: Path, encoding: str | None = None) -> Iterator[tuple[BinaryIO, TextIO]]:
    """The file as bytes and as text, both at one place; line ends are as they stand.

    Args:
        path: The file.
        encoding: A name that Python knows, such as "gbk"; None for UTF-8, or for what a byte order mark says.

    Raises:
        TableError: The file cannot be read, is not in that encoding, or has a line beyond `LONGEST_LINE`.
    """
    try:
        raw = path.open("rb", buffering=0)
    except (OSError, ValueError) as error:
        why = reason(error)
        raise TableError(_("{path} cannot be read: {reason}; check the path", path=path, reason=why)) from error
    with raw, _LinesInBounds(raw, path) as binary:
        if not raw.seekable():
            raise TableError(_("{path} is a pipe, which can be read only once; --csv needs a file", path=path))
        try:
            start = binary.peek(4)[:4]
        except OSError as error:
            why = reason(error)
            raise TableError(_("{path} cannot be read: {reason}; --csv needs a file", path=path, reason=why)) from error
        codec = _codec(path, start, encoding)
        try:
            yield binary, io.TextIOWrapper(binary, encoding=codec, newline="")
        except UnicodeError as error:
            raise _not_in(path, codec) from error
        except OSError as error:
            raise TableError(_("{path} cannot be read: {reason}", path=path, reason=reason(error))) from error


class _LinesInBounds(io.BufferedReader):
    """Hands bytes on, and stops where a line has no end: one of 300 MB would take ten times that in memory."""

    def __init__(self, raw: io.FileIO, path: Path) -> None:
        super().__init__(raw)
        self.path = path
        self.since_line_end = 0

    def seek(self, place: int, whence: int = 0, /) -> int:
        self.since_line_end = 0  # only the beginnings of lines are sought
        return super().seek(place, whence)

    def read1(self, size: int = -1, /) -> bytes:
        data = super().read1(size)
        end = max(data.rfind(b"\n"), data.rfind(b"\r"))
        self.since_line_end = len(data) - end - 1 + (self.since_line_end if end < 0 else 0)
        if self.since_line_end > LONGEST_LINE:
            raise TableError(
                _(
                    "{path} has a line of more than {millions} million bytes; a table has a line for each row, "
                    "so check that it is a CSV file",
                    path=self.path,
                    millions=LONGEST_LINE // 1000000,
                )
            )
        return data


def _codec(path: Path, start: bytes, asked: str | None) -> str:
    """The encoding to read with, from what was asked for and the file's first four bytes."""
    marked = next((name for mark, name in MARKS if start.startswith(mark)), None)
    if asked is None:
        if start.startswith((b"\xff\xfe\0\0", b"\0\0\xfe\xff")) or (b"\0" in start and start[:2] not in UTF_16_MARKS):
            likely = _wide(start)
            raise TableError(
                _(
                    "{path} is not UTF-8, nor UTF-16 with a byte order mark; save it as UTF-8, or add {option}, which "
                    "is likely",
                    path=path,
                    option=_option(likely),
                )
            )
        return marked or "utf-8"
    name = check_encoding(asked)
    if marked is None or _family(name) == "utf-32":
        return name
    if _family(marked) != _family(name):
        raise TableError(
            _(
                "{path} begins with the byte order mark of {marked}, not {name}; leave --encoding out",
                path=path,
                marked=_plain(marked),
                name=name,
            )
        )
    return marked


def _wide(start: bytes) -> str:
    if start.startswith((b"\xff\xfe\0\0", b"\0\0\xfe\xff")) or start.count(b"\0") > 2:
        return "utf-32"
    return "utf-16-be" if start[:1] == b"\0" else "utf-16-le"


def _family(codec: str) -> str:
    return "-".join(codec.split("-")[:2])


def _option(encoding: str) -> str:
    return _("--encoding {encoding} (in Python encoding={encoding!r})", encoding=encoding)


def _plain(codec: str) -> str:
    """What a reader calls it: a byte order mark is no part of the name."""
    return _family(codec).upper() if codec.startswith("utf") else codec


def _not_in(path: Path, codec: str) -> TableError:
    likely = likely_encoding(_bytes_beyond_ascii(path))
    remedy = _("name its encoding with {option}", option=_option("…"))
    if likely not in (None, codec):
        remedy = _("add {option}, which is likely", option=_option(str(likely)))
    return TableError(
        _(
            "{path}, line {line}: this is not {codec} text; save the file as UTF-8, or {remedy}",
            path=path,
            line=_line_of_bad_byte(path, codec),
            codec=_plain(codec),
            remedy=remedy,
        )
    )


def _line_of_bad_byte(path: Path, codec: str) -> int:
    line = 1
    with path.open(encoding=codec, errors="replace") as file, suppress(UnicodeError):  # UTF-16 wants its mark first
        while block := file.read(BLOCK):
            before, bad, _rest = block.partition("\ufffd")
            line += before.count("\n")
            if bad:
                break
    return line


def _bytes_beyond_ascii(path: Path) -> bytes:
    """The first block of the file that holds any, up to its last line end."""
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            if not block.isascii():
                return block[: block.rfind(b"\n") + 1] or block
    return b""


def likely_encoding(data: bytes) -> str | None:
    """The encoding that some bytes of a table are likely in, to be suggested to the user; never used unasked.

    Two-byte encodings put common characters in one part of their table; single bytes among ASCII letters are European.

    Example:
        >>> likely_encoding("速度,距离".encode("gbk")), likely_encoding("Länge,Größe".encode("cp1252"))
        ('gbk', 'cp1252')
    """
    return next((name for name, fits in CANDIDATES if fits(data)), None)


def _common_hanzi(data: bytes) -> bool:
    """Whether most characters are among the 3,755 frequent ones of GB 2312, whose first byte is B0 to D7."""
    try:
        data.decode("gb2312")
    except UnicodeError:
        return False
    firsts: list[int] = [pair[0] for pair in re.findall(rb"[\x80-\xff]{2}", data)]
    return 2 * sum(0xB0 <= first <= 0xD7 for first in firsts) > len(firsts)


def _all(codec: str, expected: str, least: float) -> Callable[[bytes], bool]:
    """Whether the bytes are in a codec, and at least a share of what is not ASCII is as expected."""

    def fits(data: bytes) -> bool:
        try:
            text = data.decode(codec)
        except UnicodeError:
            return False
        beyond = len(text) - len(text.encode("ascii", "ignore"))
        found: int = sum(len(part[0]) for part in re.finditer(expected, text))
        return found > least * beyond

    return fits


CANDIDATES = (
    ("gbk", _common_hanzi),
    ("shift_jis", _all("shift_jis", KANA, 0.3)),
    ("euc_kr", _all("euc_kr", HANGUL, 0.8)),
    ("cp1251", _all("cp1251", f"{CYRILLIC}{{3,}}", 0.8)),
    ("cp1252", _all("cp1252", EUROPEAN, 0.9)),
    ("big5", _all("big5", "[\u4e00-\u9fff]", 0.8)),
    ("gb18030", _all("gb18030", "[\u4e00-\u9fff]", 0.5)),
)

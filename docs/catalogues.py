"""Brings the site's Chinese up to date: new sentences come into its catalogues; exit code 1 until all are translated.

python docs/catalogues.py build/gettext
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from babel.messages.pofile import read_po, write_po

CATALOGUES = Path(__file__).parent / "locale" / "zh_CN" / "LC_MESSAGES"


def faults(extracted: Path, catalogues: Path) -> Iterator[str]:
    """One line for each sentence of a translated page that has no translation; the catalogues are rewritten."""
    for path in sorted(catalogues.rglob("*.po")):
        page = path.relative_to(catalogues)
        with (extracted / page.with_suffix(".pot")).open("rb") as file:
            template = read_po(file)
        with path.open("rb") as file:
            catalogue = read_po(file, locale="zh_CN")
        catalogue.update(template, no_fuzzy_matching=True, update_creation_date=False)
        catalogue.obsolete.clear()
        for message in catalogue:
            message.locations = [(page.with_suffix("").as_posix(), None)]
            if message.id and (message.fuzzy or not message.string):
                yield f"{path}: no translation of {message.id!r}"
        with path.open("wb") as file:
            write_po(file, catalogue, width=0, include_lineno=False)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("extracted", type=Path, help="where Sphinx's gettext builder has put its files")
    wrong = list(faults(parser.parse_args().extracted, CATALOGUES))
    sys.exit("\n".join(wrong) if wrong else 0)

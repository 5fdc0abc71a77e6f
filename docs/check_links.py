"""Checks every local link of a built site, anchors included, and that no page loads anything from the network."""

import argparse
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag

LOADED = {"img": "src", "script": "src", "iframe": "src", "link": "href"}


class Page(HTMLParser):
    """The anchors, links and loaded files of one page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Notes what a tag names, links to or loads."""
        found = {name: value for name, value in attrs if value}
        self.anchors |= {found[name] for name in ("id", "name") if name in found}
        if tag == "a" and "href" in found:
            self.links.append(found["href"])
        if tag in LOADED and LOADED[tag] in found:
            self.loaded.append(found[LOADED[tag]])


def faults(site: Path) -> Iterator[str]:
    """One sentence for each link that leads nowhere and each file that comes from the network."""
    pages = {path: Page(path.read_text(encoding="utf-8")) for path in sorted(site.rglob("*.html"))}
    for path, page in pages.items():
        here = path.relative_to(site)
        for target in page.loaded:
            if target.startswith(("http:", "https:", "//")):
                yield f"{here} loads {target} from the network"
        for target in [*page.links, *page.loaded]:
            if target.split(":")[0] in ("http", "https", "mailto", "data") or target.startswith("//"):
                continue
            file, anchor = map(unquote, urldefrag(target))
            goal = (path.parent / file.partition("?")[0]).resolve() if file else path.resolve()
            if not goal.exists():
                yield f"{here} links to {target}, which is not there"
            elif anchor and goal in pages and anchor not in pages[goal].anchors:
                yield f"{here} links to {target}, but {file or here} has no such anchor"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("site", type=Path, help="the folder of the built site")
    wrong = list(faults(parser.parse_args().site.resolve()))
    sys.exit("\n".join(wrong) if wrong else 0)

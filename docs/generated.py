"""The pages of the site that the program writes: commands, public names, errors of the sources, a report."""

import argparse
import importlib
import io
import shutil
from contextlib import redirect_stdout, suppress
from pathlib import Path

import bpcompare
from bpcompare import cli

HERE = Path(__file__).parent
COMMANDS = ("compare", "sweep", "derive", "graph", "equations", "collapse", "reproduce", "check", "pitfalls", "report")


def write_all(folder: Path) -> None:
    """Writes every generated page into the sources; none of them is committed."""
    write(folder / "reference" / "commands.md", commands())
    write(folder / "reference" / "python.md", python())
    write(folder / "reference" / "glossary.md", glossary())
    write(folder / "explanation" / "source_errors.md", source_errors())
    notebooks(folder / "tutorial")
    report(folder / "_static" / "report.html")


def write(path: Path, text: str) -> None:
    """Writes only what has changed, so that Sphinx reads only that again."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def commands() -> str:
    """Every command's own help."""
    parts = ["# Commands\n\nWhat `python -m bpcompare COMMAND --help` prints."]
    for name in COMMANDS:
        parts.append(f"## {name}\n\n```text\n{_help(name)}\n```")
    return "\n\n".join(parts) + "\n"


def _help(name: str) -> str:
    printed = io.StringIO()
    with redirect_stdout(printed), suppress(SystemExit):
        cli.main([name, "--help"])
    return printed.getvalue().strip()


def python() -> str:
    """Every public name, from its docstring."""
    parts = ["# Python\n\nEvery name of `import bpcompare`."]
    for name in bpcompare.__all__:
        thing = getattr(bpcompare, name)
        kind = "autoclass" if isinstance(thing, type) else "autofunction"
        parts.append(f"## {name}\n\n```{{eval-rst}}\n.. {kind}:: {thing.__module__}.{thing.__qualname__}\n```")
    return "\n\n".join(parts) + "\n"


def glossary() -> str:
    """The words of the tables."""
    words = importlib.import_module("bpcompare.show.glossary").GLOSSARY
    rows = [f"{word}\n: {meaning}" for word, meaning in words.items()]
    return "# Glossary\n\n" + "\n\n".join(rows) + "\n"


def source_errors() -> str:
    """Where the five tutorials are wrong, recomputed."""
    printed = io.StringIO()
    with redirect_stdout(printed):
        cli.main(["reproduce", "--format", "markdown"])
    return printed.getvalue()


def notebooks(folder: Path) -> None:
    """The notebooks beside the pages, where Sphinx executes them."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in sorted((HERE.parent / "notebooks").glob("*.ipynb")):
        shutil.copyfile(path, folder / path.name)


def report(path: Path) -> None:
    """The page of the default problem."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        cli.main(["report", "--out", str(path.parent), "--quiet"])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?", default=HERE)
    write_all(parser.parse_args().folder)

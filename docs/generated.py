"""The pages of the site that the program writes: commands, public names, glossary, the sources' errors, the report.

None of them is committed. Each is written only where it has changed, so that Sphinx reads only that page again.
"""

import argparse
import importlib
import io
import json
import re
import shutil
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path

import bpcompare
from bpcompare import cli
from bpcompare.show import glossary

NOTEBOOKS = Path(__file__).parent.parent / "notebooks"


def write_all(folder: Path, language: str = "en") -> None:
    """Writes every generated page into the site's sources."""
    write(folder / "reference" / "commands.md", commands())
    write(folder / "reference" / "python.md", python())
    write(folder / "reference" / "glossary.md", words())
    write(folder / "explanation" / "source_errors.md", source_errors())
    for notebook in sorted(NOTEBOOKS.glob("*.ipynb")):
        write(folder / "tutorial" / notebook.name, of_site(notebook, language))
    report(folder / "_static")


def of_site(notebook: Path, language: str) -> str:
    """A notebook as the site shows it in a language: its twin, or the same with Chinese outputs, for a catalogue.

    The link to its twin is the site's own.
    """
    twin = notebook.parent / "zh" / notebook.name
    chinese = language == "zh_CN"
    text = (twin if chinese and twin.exists() else notebook).read_text(encoding="utf-8")
    found = json.loads(text.replace("](../", "]("))  # all pages of the tutorial lie in one folder
    cells = found["cells"]
    cells[0]["source"] = [line for line in cells[0]["source"] if not re.match(r"(\[English\]|English ·)", line)]
    if chinese and not twin.exists():
        first = next(cell for cell in cells if cell["cell_type"] == "code")
        source = "".join(first["source"])
        first["source"] = source.replace("import bpcompare", 'import bpcompare\n\nbpcompare.set_language("zh")')
    return json.dumps(found, ensure_ascii=False, indent=1)


def write(path: Path, text: str) -> None:
    """Writes a page if it is new or has changed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def commands() -> str:
    """Every command with its options, as argparse knows them."""
    parts = [
        "# Commands",
        "Start a command with `python -m bpcompare COMMAND`, or with `bpcompare COMMAND`. Without a command, `compare` "
        "runs. `--help` shows the same as this page.",
        "Exit codes: 0 done; 1 a gradient is wrong (`check`, `derive --answer`) or a published figure is not "
        "reproduced; 2 bad input, said in one sentence; 130 or 143 interrupted.",
    ]
    for name in cli.COMMANDS:
        parts += command(name)
    return "\n\n".join(parts) + "\n"


def command(name: str) -> Iterator[str]:
    """The section of one command."""
    module = importlib.import_module(f"bpcompare.cli.{name}")
    parser = argparse.ArgumentParser(add_help=False)
    module.add_arguments(parser)
    description, *examples = module.DESCRIPTION.strip().split("\n\n")
    yield f"## {name}\n\n{plain(description)}"
    for paragraph in examples:
        shown = all(line.strip().startswith("python -m") for line in paragraph.splitlines())
        yield f"```text\n{paragraph}\n```" if shown else plain(paragraph)
    for group in parser._action_groups:
        if group._group_actions:
            about = f"\n\n{plain(group.description)}" if group.description else ""
            yield f"**{plain(group.title or '')}**{about}"
            yield "\n\n".join(option(action) for action in group._group_actions)


def option(action: argparse.Action) -> str:
    """One option or argument, and what it does."""
    value = action.metavar or ("{" + ",".join(action.choices) + "}" if action.choices else action.dest.upper())
    value = "" if action.nargs == 0 else f" {value}"
    name = ", ".join(f"`{flag}{value}`" for flag in action.option_strings) or f"`{value.strip()}`"
    return f"{name}\n: {plain(action.help or '')}"


def plain(text: str) -> str:
    """Text in which nothing is markup, but options and what stands in quotes are code."""
    parts = re.split(r"(--[a-z][a-z-]*|'\S+?')", text)
    parts[::2] = [re.sub(r"([\\`*_{}\[\]<>|$~^#])", r"\\\1", part) for part in parts[::2]]
    parts[1::2] = [f"`{part}`" for part in parts[1::2]]
    return "".join(parts)


def python() -> str:
    """Every public name, from its docstring."""
    parts = ["# Python\n\nEvery name of `import bpcompare`."]
    for name in bpcompare.__all__:
        thing = getattr(bpcompare, name)
        if isinstance(thing, type):
            directive = f".. autoclass:: {thing.__module__}.{thing.__qualname__}\n   :members:"
        elif callable(thing):
            directive = f".. autofunction:: {thing.__module__}.{thing.__qualname__}"
        else:
            directive = f".. automodule:: {thing.__name__}\n   :members:"
        parts.append(f"## {name}\n\n```{{eval-rst}}\n{directive}\n```")
    return "\n\n".join(parts) + "\n"


def words() -> str:
    """The words of the tables, as ``--explain`` has them."""
    rows = [f"{plain(word)}\n: {plain(meaning)}" for word, meaning in glossary.TERMS.items()]
    return (
        "# Glossary\n\nThe words of the tables and sentences. `--explain` prints them, too.\n\n"
        + "\n\n".join(rows)
        + "\n"
    )


def source_errors() -> str:
    """What `reproduce` prints: where the five tutorials are wrong first, their figures below."""
    printed = io.StringIO()
    with redirect_stdout(printed):
        cli.main(["reproduce", "--format", "markdown"])
    figures, errors = printed.getvalue().split("\n# ")
    lower = re.sub(r"^#", "##", figures, flags=re.MULTILINE)
    about = "A, B, C, D and E are the five tutorials that this package recomputes. Their titles stand below."
    return f"# {errors}\n{about}\n\n{lower}"


def report(folder: Path) -> None:
    """The report page of the default problem."""
    made = folder.parent / "_report"
    cli.main(["report", "--out", str(made), "--quiet"])
    folder.mkdir(parents=True, exist_ok=True)
    write(folder / "report.html", (made / "report.html").read_text(encoding="utf-8"))
    shutil.rmtree(made)


if __name__ == "__main__":
    write_all(Path(__file__).parent)

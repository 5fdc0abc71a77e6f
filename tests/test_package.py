import ast
import importlib
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import bpcompare
from bpcompare import errors
from bpcompare.gradients import SOURCES

PACKAGE = Path(bpcompare.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))

# Low to high; a file imports only from layers below its own.
LAYERS = [
    ["errors"],
    ["workers"],
    ["graph"],
    ["theory", "precision", "scaling", "csv_faults"],
    ["problem"],
    ["csv_data", "prediction", "networks", "recursion"],
    ["loops", "gradients", "updates"],
    ["methods", "data_parallel"],
    ["run"],
    ["history", "network_history"],
    ["training", "batched_training"],
    ["agreement", "race"],
    ["comparison", "network_comparison", "sweep", "ledger"],
    ["sweep_summary"],
    ["lessons"],
    ["show"],
    ["serialization"],
    ["comparison_files", "network_files", "ledger_files", "sweep_files"],
    ["export"],
    ["cli"],
]
RANK = {name: rank for rank, layer in enumerate(LAYERS) for name in layer}

# Who may: show draws, cli prints, export writes.
ONLY = {"matplotlib": {"show", "serialization"}, "torchviz": {"show"}, "plotly": {"show"}, "rich": {"show", "cli"}}


def room(path):
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def imports(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_file_imports_only_from_the_layers_below(path):
    if room(path) in ("__init__", "__main__"):
        return
    for name in imports(path):
        top, _, rest = name.partition(".")
        if top == "bpcompare" and (target := rest.split(".")[0]) in RANK:
            assert target == room(path) or RANK[target] < RANK[room(path)], f"{path} imports {name}"
        if top in ONLY:
            assert room(path) in ONLY[top], f"{path} imports {name}"


def test_the_layers_here_are_the_ones_that_import_linter_keeps():
    text = (PACKAGE.parent / "pyproject.toml").read_text()
    section = text[text.index("layers = [") : text.index("]", text.index("layers = ["))]
    listed = [line.strip().strip('",') for line in section.splitlines()[1:] if line.strip()]
    ours = [" | ".join(f"bpcompare.{name}" for name in layer) for layer in reversed(LAYERS)]
    assert [set(line.split(" | ")) for line in listed] == [set(line.split(" | ")) for line in ours]


def test_import_bpcompare_loads_neither_torch_nor_matplotlib():
    code = "import sys, bpcompare; assert not {'torch', 'numpy', 'matplotlib'} & set(sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0


def test_every_public_name_is_listed_and_can_be_had():
    assert bpcompare.__all__ == sorted(bpcompare.__all__)
    assert dir(bpcompare) == bpcompare.__all__
    for name in bpcompare.__all__:
        assert getattr(bpcompare, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = bpcompare.nothing


def test_every_error_is_in_the_tree_and_the_tree_is_true():
    classes = [c for _, c in inspect.getmembers(errors, inspect.isclass) if c.__module__ == errors.__name__]
    for found in classes:
        assert issubclass(found, errors.BpcompareError)
        assert found.__name__ in errors.__doc__


def public(module):
    for name, thing in inspect.getmembers(module):
        if (
            not name.startswith("_")
            and getattr(thing, "__module__", None) == module.__name__
            and inspect.isfunction(thing)
        ):
            yield name, thing


LIBRARY = [path for path in FILES if room(path) not in ("cli", "__main__", "__init__") and path.name != "__init__.py"]


@pytest.mark.parametrize("path", LIBRARY, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_public_functions_have_a_docstring(path):
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    for name, thing in public(importlib.import_module(".".join(parts))):
        assert inspect.getdoc(thing), f"{path}: {name}"


def test_every_gradient_source_says_how_and_shows_it():
    for source in SOURCES.values():
        assert ">>>" in inspect.getdoc(source)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_only_the_command_line_prints_and_only_export_writes(path):
    calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    named = {call.func.id for call in calls if isinstance(call.func, ast.Name)}
    methods = {call.func.attr for call in calls if isinstance(call.func, ast.Attribute)}
    if room(path) != "cli":
        assert "print" not in named
    if room(path) != "export":
        assert not {"write_text", "write_bytes"} & methods

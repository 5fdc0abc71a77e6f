import ast
import importlib
import inspect
import runpy
import subprocess
import sys
import tomllib
from pathlib import Path
from unittest import mock

import pytest
from pages import mentioning, parts

import bpcompare
from bpcompare import errors
from bpcompare.training.gradients import SOURCES

PACKAGE = Path(bpcompare.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))

# Who may: show draws, cli prints, export writes.
ONLY = {"matplotlib": {"show"}, "torchviz": {"show"}, "plotly": {"show"}, "rich": {"show", "cli"}}


def room(path):
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def imports(path):
    for node in parts(path):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_only_these_rooms_import_what_draws():
    found = {(room(path), name.partition(".")[0]) for path in mentioning(FILES, ONLY) for name in imports(path)}
    assert {(where, what) for where, what in found if what in ONLY and where not in ONLY[what]} == set()
    assert {what for _, what in found} >= set(ONLY)


def test_import_bpcompare_loads_neither_torch_nor_matplotlib():
    code = "import sys, bpcompare; assert not {'torch', 'numpy', 'matplotlib'} & set(sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0


def test_every_public_name_is_listed_and_can_be_had():
    assert bpcompare.__all__ == sorted(bpcompare.__all__)
    assert dir(bpcompare) == bpcompare.__all__
    for name in bpcompare.__all__:
        assert getattr(bpcompare, name).__name__.removeprefix("bpcompare.") == name
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = bpcompare.nothing


STUB = ast.parse((PACKAGE / "__init__.pyi").read_text())


def test_type_checkers_are_told_the_same_names_from_the_same_files():
    imported = {
        alias.asname: node.module
        for node in STUB.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.name == alias.asname
    }
    homes = {name: f"bpcompare.{home}" for name, home in bpcompare._HOME.items()}
    assert imported == homes | {"datasets": "bpcompare"}
    (listed,) = (node.value for node in STUB.body if isinstance(node, ast.Assign))
    assert ast.literal_eval(listed) == bpcompare.__all__


def test_a_users_script_is_checked_strictly_and_runs():
    settings = tomllib.loads((PACKAGE.parent / "pyproject.toml").read_text())["tool"]["mypy"]
    assert settings["strict"]
    assert "tests/typed_script.py" in settings["files"]
    runpy.run_path(str(PACKAGE.parent / "tests" / "typed_script.py"))


def test_what_type_checkers_read_is_packaged():
    settings = tomllib.loads((PACKAGE.parent / "pyproject.toml").read_text())["tool"]["setuptools"]
    packaged = {path for pattern in settings["package-data"]["bpcompare"] for path in PACKAGE.glob(pattern)}
    assert {path.name for path in packaged} >= {"py.typed", "__init__.pyi"}


def test_result_files_are_made_without_matplotlib():
    with mock.patch.dict(sys.modules):  # as in a new process, but for PyTorch, which is there already
        for name in [name for name in sys.modules if name.partition(".")[0] in ("bpcompare", "matplotlib")]:
            del sys.modules[name]
        formats = importlib.import_module("bpcompare.results.formats")
        assert formats.versions()["matplotlib"]
        assert "bpcompare.results" in sys.modules
        assert "matplotlib" not in sys.modules


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


def test_public_functions_have_a_docstring():
    modules = (".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts) for path in LIBRARY)
    found = {(module, name): thing for module in modules for name, thing in public(importlib.import_module(module))}
    assert [place for place, thing in found.items() if not inspect.getdoc(thing)] == []
    assert len(found) >= len(LIBRARY)


def test_every_gradient_source_says_how_and_shows_it():
    for source in SOURCES.values():
        assert ">>>" in inspect.getdoc(source)


def called(path):
    """The names of the functions and of the methods that a file calls."""
    calls = [node.func for node in parts(path) if isinstance(node, ast.Call)]
    functions = {call.id for call in calls if isinstance(call, ast.Name)}
    return functions, {call.attr for call in calls if isinstance(call, ast.Attribute)}


def test_only_the_command_line_prints_and_only_export_writes():
    writing = {"write_text", "write_bytes"}
    calls = {path: called(path) for path in mentioning(FILES, {"print(", *writing})}
    assert {room(path) for path, (functions, _) in calls.items() if "print" in functions} == {"cli"}
    writers = [path for path, (_, methods) in calls.items() if writing & methods]
    assert writers in ([], [PACKAGE / "results" / "write.py"])

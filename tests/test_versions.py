"""What is said about versions and dependencies is what pyproject.toml says, and what was run."""

import ast
import re
import tomllib

import pytest
from pages import CHINESE_README, README, ROOT, mentioning, parts

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PAGE = (ROOT / "docs" / "explanation" / "dependencies.md").read_text()
RUN = re.findall(r"^\| (3\.\d+) \| (\d+\.\d+)\.\d+ \|", PAGE, re.MULTILINE)  # pairs of Python and PyTorch
MARKER = "bench_marker.py"  # a search has nothing to be compared with


def number(version):
    return tuple(map(int, version.split(".")))


def least(range_):
    (version,) = re.findall(r">=([\d.]+)$", range_)
    return version


def imported(path):
    for part in parts(path):
        if isinstance(part, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in part.names)
        elif isinstance(part, ast.ImportFrom) and part.module and not part.level:
            yield part.module.partition(".")[0]


@pytest.mark.parametrize("page", [README, CHINESE_README], ids=lambda page: page.name)
def test_the_readme_names_the_oldest_python(page):
    assert f"Python ≥ {least(PROJECT['requires-python'])}" in page.read_text()


@pytest.mark.parametrize("page", [README, CHINESE_README], ids=lambda page: page.name)
def test_the_readme_names_every_dependency(page):
    asked = {re.match(r"[\w-]+", dependency)[0] for dependency in PROJECT["dependencies"]}
    assert set(re.findall(r"`([\w-]+)`", page.read_text().rpartition("\n\n")[2])) == asked


def test_the_ranges_begin_where_the_table_of_versions_begins():
    pythons, torches = ({pair[side] for pair in RUN} for side in (0, 1))
    (torch,) = (dependency for dependency in PROJECT["dependencies"] if re.match(r"torch\b", dependency))
    assert least(PROJECT["requires-python"]) == min(pythons, key=number)
    assert least(torch) == min(torches, key=number)
    assert f"Python ≥ {least(PROJECT['requires-python'])} and PyTorch ≥ {least(torch)}." in PAGE


def test_the_classifiers_name_the_pythons_that_were_run():
    named = {found for entry in PROJECT["classifiers"] for found in re.findall(r"Python :: (3\.\d+)", entry)}
    assert named == {python for python, _ in RUN}


def test_what_is_not_used_is_not_imported():
    (sentence,) = re.findall(r"^Not used, on purpose:.*?\.\n", PAGE, re.DOTALL | re.MULTILINE)
    unused = {"typer", "pandas"}
    assert all(f"`{name}`" in sentence for name in unused)
    for path in mentioning((ROOT / "bpcompare").rglob("*.py"), unused):
        assert not unused & set(imported(path)), path


def test_every_benchmark_is_a_ratio():
    benchmarks = [path for path in (ROOT / "benchmarks").glob("bench_*.py") if path.name != MARKER]
    assert len(benchmarks) >= 8
    for path in benchmarks:
        assert "ratio" in set(imported(path)), path

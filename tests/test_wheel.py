"""What is installed: the wheel holds every file of the package that is needed to run, and nothing else."""

import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = {".po", ".pyc"}  # of catalogues and of bytecode: their compiled or readable halves are what counts
BUILD = "from setuptools import build_meta; build_meta.build_wheel('dist'); build_meta.build_sdist('dist')"


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A wheel and an sdist, made from a copy, for setuptools leaves folders behind."""
    place = tmp_path_factory.mktemp("built")
    shutil.copytree(ROOT / "bpcompare", place / "bpcompare", ignore=shutil.ignore_patterns("__pycache__"))
    (place / "tests").mkdir()
    (place / "tests" / "test_wheel.py").touch()  # setuptools would take this file and leave those that it needs
    for name in ("pyproject.toml", "README.md", "LICENSE", "MANIFEST.in"):
        shutil.copy(ROOT / name, place)
    made = subprocess.run([sys.executable, "-c", BUILD], cwd=place, capture_output=True, text=True, timeout=120)
    assert made.returncode == 0, made.stderr
    return place


def of_the_package():
    files = (path for path in (ROOT / "bpcompare").rglob("*") if path.is_file() and path.suffix not in SOURCES)
    return {str(path.relative_to(ROOT)) for path in files}


def test_the_wheel_holds_the_package_whole_and_nothing_else(built):
    (wheel,) = (built / "dist").glob("*.whl")
    names = [name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name]
    assert set(names) == of_the_package()
    for needed in ("py.typed", "__init__.pyi", "datasets/cars.csv", "show/report/templates/page.html"):
        assert f"bpcompare/{needed}" in names
    assert any(name.endswith("bpcompare.mo") for name in names)


def test_the_sdist_holds_what_builds_the_wheel_and_no_part_of_the_tests(built):
    (sdist,) = (built / "dist").glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames() if not archive.getmember(name).isdir()}
    assert of_the_package() | {"pyproject.toml", "README.md", "LICENSE"} <= names
    assert not any(name.startswith("tests/") for name in names)

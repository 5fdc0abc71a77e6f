"""The files of data are the same to the byte in both languages; the list of the files fits its own language."""

import shutil
import subprocess

import pytest
from pictures import in_words

from bpcompare.cli import main
from bpcompare.results.verify import LISTS, verify

JOBS = {
    "compare": ["--ledger", "adam"],
    "network": ["--layers", "1,3,1", "--epochs", "3"],
    "sweep": ["sweep", "--lr", "1e-2:10:log:4", "--seeds", "2", "--epochs", "3"],
    "reproduce": ["reproduce"],
}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """The folders of both languages with every set; the network's apart, for its list has the name of the first."""
    folders = {language: tmp_path_factory.mktemp(language) for language in ("en", "zh")}
    for language, folder in folders.items():
        for name, arguments in JOBS.items():
            out = folder / "network" if name == "network" else folder
            with in_words():
                assert main([*arguments, "--out", str(out), "--quiet", "--lang", language]) == 0
    return folders


def files_of(folder, suffixes):
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.suffix in suffixes}


def test_json_and_csv_are_the_same_to_the_byte(runs):
    found = files_of(runs["en"], (".json", ".csv"))
    assert len(found) == 8
    assert files_of(runs["zh"], (".json", ".csv")) == found


def test_the_lists_name_the_same_files_and_differ_where_pictures_have_words(runs):
    lists = [files_of(runs[language], (".sha256",)) for language in ("en", "zh")]
    names = [
        {path: [line.split(b"  ")[1] for line in content.splitlines()] for path, content in found.items()}
        for found in lists
    ]
    assert names[0] == names[1]
    assert len(names[0]) == 4
    assert all(lists[0][path] != lists[1][path] for path in names[0])


@pytest.mark.parametrize("language", ["en", "zh"])
def test_both_sets_are_whole(runs, language):
    found = verify(runs[language])
    assert (found.state, found.lists) == ("whole", LISTS)
    assert verify(runs[language] / "network").state == "whole"


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="it is a program of GNU and of BusyBox")
@pytest.mark.parametrize("language", ["en", "zh"])
def test_sha256sum_accepts_the_folder(runs, language):
    for folder, names in ((runs[language], LISTS), (runs[language] / "network", LISTS[:1])):
        done = subprocess.run(["sha256sum", "--strict", "-c", *names], cwd=folder, capture_output=True)
        assert done.returncode == 0, done.stderr

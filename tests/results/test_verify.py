import shutil
import subprocess

import pytest
from pictures import sketched

import bpcompare
from bpcompare.cli import main
from bpcompare.errors import InputError
from bpcompare.problem.line import line
from bpcompare.results.parts import part_npz
from bpcompare.results.stage import Stage
from bpcompare.results.sums import read_sums, sha256, to_sums
from bpcompare.results.verify import LISTS, verify
from bpcompare.results.whole import is_whole
from bpcompare.results.write import write_files
from bpcompare.sweeps.sweep import sweep


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Two runs at two rates, with every kind of file."""
    folder = tmp_path_factory.mktemp("runs")
    for name, rate in (("slow", "0.01"), ("fast", "0.1")):
        options = ["--epochs", "3", "--lr", rate, "--format", "png,svg,pdf", "--methods", "manual", "--quiet"]
        with sketched():
            main(["--out", str(folder / name), *options])
    return folder


@pytest.fixture
def folder(runs, tmp_path):
    return shutil.copytree(runs / "slow", tmp_path / "out")


def said(folder, capsys):
    code = main(["compare", "--verify", str(folder)])
    return code, capsys.readouterr().out


def test_a_run_lists_its_files_in_order_and_they_are_whole(folder, capsys):
    listed = read_sums((folder / "comparison.sha256").read_bytes())
    names = [f"{name}.{kind}" for name in ("loss", "parameters", "fit") for kind in ("png", "svg", "pdf")]
    assert list(listed) == [*names, "history.csv", "comparison.json"]
    assert listed["history.csv"] == sha256((folder / "history.csv").read_bytes())
    found = bpcompare.verify(folder)
    assert (found.state, found.files, found.lists) == ("whole", 11, ("comparison.sha256",))
    code, printed = said(folder, capsys)
    assert code == 0
    assert "whole" in printed


@pytest.mark.parametrize("kind", ["png", "svg", "pdf", "csv"])
def test_a_file_of_another_run_is_told_from_a_damaged_one(kind, runs, folder, capsys):
    path = folder / ("history.csv" if kind == "csv" else f"loss.{kind}")
    content = (runs / "fast" / path.name).read_bytes()
    assert content != path.read_bytes()
    path.write_bytes(content)
    found = verify(folder)
    assert (found.state, found.other, found.damaged) == ("mixed", (path.name,), ())
    code, printed = said(folder, capsys)
    assert code == 1
    assert "mixed" in printed
    assert path.name in printed
    for cut in (0, 1, len(content) // 3, len(content) // 2, len(content) - 3):
        path.write_bytes(content[:cut])
        assert (verify(folder).state, verify(folder).damaged) == ("damaged", (path.name,)), cut
    path.write_bytes(bytes(len(content)))
    assert verify(folder).state == "damaged"


def test_a_flipped_bit_of_a_png_is_damage(folder):
    path = folder / "loss.png"
    content = bytearray(path.read_bytes())
    for place in (3, 20, len(content) // 2, len(content) - 10):
        content[place] ^= 1
        path.write_bytes(content)
        assert verify(folder).damaged == ("loss.png",), place
        content[place] ^= 1


def test_no_damaged_bit_of_a_part_of_a_sweep_stops_the_reader():
    """zipfile raises half a dozen kinds of errors, by what the bit belonged to: a size, a flag, a version."""
    content = bytearray(part_npz(sweep([line(samples=3)], [0.1], epochs=1)))
    assert is_whole("sweep.npz", bytes(content))
    for place in range(0, len(content), 3):
        for bit in (1, 8, 128):
            content[place] ^= bit
            is_whole("sweep.npz", bytes(content))
            content[place] ^= bit


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.json", b"[" * 100_000), ("a.csv", b'a\n"' + b"1\n" * 100_000), ("a.npz", b"PK"), ("a.csv", b"\xff\n")],
    ids=["deep", "one cell", "no archive", "no text"],
)
def test_what_a_reader_refuses_is_not_whole(name, content):
    assert not is_whole(name, content)


def test_a_folder_or_a_circle_of_links_in_the_place_of_a_file_is_damage(folder):
    for name in ("fit.png", "loss.png"):
        (folder / name).unlink()
    (folder / "fit.png").mkdir()
    (folder / "loss.png").symlink_to("loss.png")
    found = verify(folder)
    assert (found.state, found.damaged, found.missing) == ("damaged", ("loss.png", "fit.png"), ())


def test_a_missing_file_and_a_broken_list_are_damage(folder, capsys):
    (folder / "fit.png").unlink()
    assert (verify(folder).state, verify(folder).missing) == ("damaged", ("fit.png",))
    assert "missing: fit.png" in said(folder, capsys)[1]
    (folder / "comparison.json").write_text('{"settings": ')
    assert verify(folder).damaged == ("comparison.json",)


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="it is a program of GNU and of BusyBox")
def test_sha256sum_accepts_a_whole_set_and_no_other(folder):
    command = ["sha256sum", "-c", "comparison.sha256"]
    assert subprocess.run(command, cwd=folder, capture_output=True).returncode == 0
    (folder / "history.csv").write_text("epoch\n")
    assert subprocess.run(command, cwd=folder, capture_output=True).returncode != 0


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="it is a program of GNU and of BusyBox")
def test_the_list_is_what_sha256sum_writes(folder):
    content = (folder / "comparison.sha256").read_bytes()
    command = ["sha256sum", *read_sums(content)]
    assert subprocess.run(command, cwd=folder, capture_output=True).stdout == content


def test_a_list_that_is_cut_off_anywhere_is_damaged(folder):
    path = folder / "comparison.sha256"
    content = path.read_bytes()
    for size in range(len(content)):
        path.write_bytes(content[:size])
        assert path.name in verify(folder).damaged, size


SUM = "0" * 64
LAST = f"{SUM}  comparison.json\n"


@pytest.mark.parametrize(
    "listed",
    [
        "",
        "\n",
        "{}\n",
        f"{SUM} a\n",
        f"{SUM} *a\n",
        f"{SUM}  \n",
        f"{SUM[1:]}  a\n",
        f"{SUM[1:]}g  a\n",
        f"{SUM}  a\n\n",
        f"{SUM}  a\r\n",
        f"{SUM}  a\n{SUM}  a\n",
        f"{SUM}  ../a\n",
        f"{SUM}  b/a\n",
        f"{SUM}  b\\a\n",
        f"{SUM}  /a\n",
        f"{SUM}  ..\n",
        f"{SUM}  .\n",
        "\xff\n",
    ],
    ids=ascii,
)
def test_a_list_with_a_bad_line_is_damaged(listed, tmp_path):
    content = (listed + LAST).encode("latin-1") if listed else b""
    with pytest.raises(ValueError):  # noqa: PT011
        read_sums(content)
    (tmp_path / "comparison.sha256").write_bytes(content)
    found = verify(tmp_path)
    assert (found.state, found.files, found.damaged) == ("damaged", 0, ("comparison.sha256",))


def test_names_in_any_script_are_read_back():
    files = {"学时 1.csv": b"1", "comparison.json": b"2"}
    assert read_sums(to_sums(files)) == {name: sha256(content) for name, content in files.items()}


def test_a_folder_without_a_set_is_refused_in_one_sentence(tmp_path, capsys):
    for folder in (tmp_path, tmp_path / "none"):
        assert main(["compare", "--verify", str(folder)]) == 2
        printed = capsys.readouterr()
        assert not printed.out
        assert printed.err.count("\n") == 1
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="/file"):
        verify(tmp_path / "file")


@pytest.mark.usefixtures("without_pictures", "computed_once")
def test_sweep_and_reproduce_list_their_files_too(tmp_path):
    main(["sweep", "--out", str(tmp_path), "--lr", "0.1,0.2", "--seeds", "1", "--epochs", "2", "--quiet"])
    main(["reproduce", "--out", str(tmp_path), "--quiet"])
    found = verify(tmp_path)
    assert (found.state, found.files, found.lists) == ("whole", 6, tuple(LISTS[1:]))


def test_a_journal_leads_to_no_file_outside_its_folder(tmp_path):
    (tmp_path / "mine").write_text("x")
    stage = Stage.unused(tmp_path / "out", ["a"])
    stage.new.mkdir(parents=True)
    (stage.new / "a").write_text("x")
    stage.journal.write_text('["../mine", "b"]')
    write_files(tmp_path / "out", {"c": b"x"})
    assert (tmp_path / "mine").exists()
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["c"]

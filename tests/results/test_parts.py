"""A sweep in parts is the whole sweep, to the byte, or it is refused and nothing is written."""

import io
import itertools
import json
import random
import shutil

import numpy as np
import pytest

from bpcompare.cli import main
from bpcompare.problem.line import line
from bpcompare.results.parts import part_npz
from bpcompare.results.sums import to_sums
from bpcompare.results.whole import is_whole
from bpcompare.sweeps.sweep import sweep

pytestmark = pytest.mark.usefixtures("without_pictures")
SEEDS = 6
SWEEP = ["sweep", "--lr", "0.01,0.5,1e30", "--seeds", str(SEEDS), "--epochs", "3", "--quiet"]
KINDS = {
    "line": ["--seed", "3"],
    "float64": ["--dtype", "float64", "--no-bias"],
    "matrix": ["--weight", "1,2,3;0,-1,2", "--samples", "12", "--methods", "manual,moments+AdamEpsInside"],
    "table": ["--csv", "cars", "--x", "speed", "--y", "dist", "--standardize"],
}


def cut(places):
    """The parts between these places."""
    ends = [0, *sorted(places), SEEDS]
    return [f"{a}:{b}" for a, b in itertools.pairwise(ends)]


def made(folder, options, parts):
    for part in parts:
        assert main([*SWEEP, *options, "--part", part, "--out", str(folder / part.replace(":", "-"))]) == 0
    return [str(folder / part.replace(":", "-")) for part in parts]


def files(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    """Three parts of one sweep."""
    return tmp_path_factory.mktemp("parts")


@pytest.fixture
def three(parts, tmp_path):
    """A copy of the three, to spoil."""
    if not list(parts.iterdir()):
        made(parts, [], cut([2, 3]))
    for part in parts.iterdir():
        shutil.copytree(part, tmp_path / part.name)
    return [tmp_path / name for name in ("0-2", "2-3", "3-6")]


def refused(folders, out, capsys, *more):
    """What is said when they are not merged, and that nothing is written."""
    capsys.readouterr()
    assert main(["sweep", "--merge", *map(str, folders), "--out", str(out / "merged"), *more]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert not (out / "merged").exists()
    return said


@pytest.mark.parametrize("kind", KINDS)
def test_cut_anywhere_and_merged_in_any_order_it_is_the_whole(kind, tmp_path):
    drawn = random.Random(kind)
    assert main([*SWEEP, *KINDS[kind], "--out", str(tmp_path / "whole")]) == 0
    for trial in range(2):
        places = drawn.sample(range(1, SEEDS), k=drawn.randint(1, 3))
        folders = made(tmp_path / str(trial), KINDS[kind], cut(places))
        drawn.shuffle(folders)
        merged = tmp_path / f"merged {trial}"
        assert main(["sweep", "--merge", *folders, "--out", str(merged), "--quiet"]) == 0
        assert files(merged) == files(tmp_path / "whole"), places


def test_all_in_one_part_is_the_whole_too_and_a_part_has_its_own_seeds_only(three, tmp_path):
    assert main([*SWEEP, "--out", str(tmp_path / "whole")]) == 0
    (one,) = made(tmp_path / "one", [], [f"0:{SEEDS}"])
    for name, folders in (("one", [one]), ("three", three)):
        assert main(["sweep", "--merge", *map(str, folders), "--out", str(tmp_path / f"of {name}"), "--quiet"]) == 0
        assert files(tmp_path / f"of {name}") == files(tmp_path / "whole")
    with np.load(three[1] / "sweep.npz") as archive:
        assert archive["weights"].shape[1] == len(archive["data"]) == 1
    assert main(["compare", "--verify", str(three[0])]) == 0


@pytest.mark.parametrize(
    ("kept", "named"), [([1, 2], "0:2"), ([0, 2], "2:3"), ([0, 1], "3:6"), ([2], "0:3"), ([0, 0, 1, 2], "both")]
)
def test_a_gap_and_an_overlap_are_refused(kept, named, three, tmp_path, capsys):
    assert named in refused([three[place] for place in kept], tmp_path, capsys)


def test_parts_that_overlap_in_a_seed_are_refused(three, tmp_path, capsys):
    more = made(tmp_path / "more", [], ["1:4"])
    assert "1:2" in refused([*three, *more], tmp_path, capsys)


@pytest.mark.parametrize("name", ["sweep.npz", "sweep.json", "sweep.sha256"])
@pytest.mark.parametrize("damage", ["lost", "cut off", "changed", "of another part"])
def test_a_damaged_part_is_refused(name, damage, three, tmp_path, capsys):
    file, content = three[1] / name, (three[1] / name).read_bytes()
    if damage == "lost":
        file.unlink()
    elif damage == "of another part":
        shutil.copy(three[0] / name, file)
    else:
        middle = len(content) // 2
        file.write_bytes(
            content[:middle] + (b"" if damage == "cut off" else bytes([content[middle] ^ 1]) + content[middle + 1 :])
        )
    assert str(three[1]) in refused(three, tmp_path, capsys)


def test_a_folder_without_a_part_is_refused(three, tmp_path, capsys):
    assert main([*SWEEP, "--out", str(tmp_path / "whole")]) == 0
    for folder in (tmp_path / "nowhere", tmp_path / "whole"):
        assert str(folder) in refused([*three, folder], tmp_path, capsys)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--noise", "0.2"], "noise"),
        (["--epochs", "4"], "epochs"),
        (["--seed", "1"], "seed"),
        (["--no-bias"], "no_bias"),
    ],
)
def test_parts_of_different_sweeps_are_refused(options, named, three, tmp_path, capsys):
    other = made(tmp_path / "other", options, ["2:3"])
    said = refused([three[0], other[0], three[2]], tmp_path, capsys)
    assert f" {named};" in said


def with_version(folder, name, version):
    """The part as another version would have written it."""
    document = json.loads((folder / "sweep.json").read_text())
    document["versions"][name] = version
    content = {"sweep.npz": (folder / "sweep.npz").read_bytes(), "sweep.json": json.dumps(document).encode()}
    (folder / "sweep.json").write_bytes(content["sweep.json"])
    (folder / "sweep.sha256").write_bytes(to_sums(content))


def test_parts_of_other_versions_are_refused_and_threads_do_not_matter(three, tmp_path, capsys):
    with_version(three[0], "threads", 17)
    assert main(["sweep", "--merge", *map(str, three), "--out", str(tmp_path / "fine"), "--quiet"]) == 0
    with_version(three[1], "torch", "1.0")
    assert " torch;" in refused(three, tmp_path, capsys)
    for folder in three:
        with_version(folder, "torch", "1.0")
    assert "torch 1.0" in refused(three, tmp_path, capsys)


def test_data_that_have_changed_since_are_refused(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    table = tmp_path / "table.csv"
    table.write_text("a,b\n1,2\n2,3\n3,5\n")
    folders = made(tmp_path, ["--csv", "table.csv", "--x", "a", "--y", "b"], cut([3]))
    table.write_text("a,b\n1,2\n2,3\n3,6\n")
    assert folders[0] in refused(folders, tmp_path, capsys)
    table.unlink()
    assert "table.csv" in refused(folders, tmp_path, capsys)


def test_a_merge_does_not_write_over_a_part(three, capsys):
    before = [files(folder) for folder in three]
    (three[0].parent / "link").symlink_to(three[1])
    for out in (three[0], three[0].parent / "link"):
        assert main(["sweep", "--merge", *map(str, three), "--out", str(out)]) == 2
        assert str(out) in capsys.readouterr().err
    assert [files(folder) for folder in three] == before


@pytest.mark.parametrize(
    "option", [["--lr", "0.1"], ["--seeds", "6"], ["--no-bias"], ["--part", "0:1"], ["--csv", "cars"]]
)
def test_a_merge_takes_no_settings(option, three, tmp_path, capsys):
    assert option[0] in refused(three, tmp_path, capsys, *option)


def test_a_part_beyond_the_seeds_is_refused(tmp_path, capsys):
    for part in ("4:7", "6:7"):
        assert main([*SWEEP, "--part", part, "--out", str(tmp_path / "out")]) == 2
        assert part in capsys.readouterr().err
    for part in ("3", "3:3", "4:3", "-1:2", "a:b"):
        with pytest.raises(SystemExit, match="2"):
            main([*SWEEP, f"--part={part}", "--out", str(tmp_path / "out")])
        assert part in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_numbers_are_kept_in_float32_only_where_nothing_is_lost():
    result = sweep([line(seed=seed, standardize=True) for seed in range(2)], [0.1, 1e30], epochs=2)
    with np.load(io.BytesIO(part_npz(result))) as archive:
        for name in ("losses", "weights", "biases"):
            assert np.array_equal(archive[name].astype(np.float64), getattr(result, name).numpy(), equal_nan=True)
        assert archive["losses"].dtype == np.float64  # in the user's units
    plain = sweep([line()], [0.1], epochs=2)
    with np.load(io.BytesIO(part_npz(plain))) as archive:
        assert archive["losses"].dtype == np.float32


def test_an_archive_is_whole_or_not():
    content = part_npz(sweep([line()], [0.1], epochs=1))
    assert is_whole("sweep.npz", content)
    assert not is_whole("sweep.npz", content[:-10])
    assert not is_whole("sweep.npz", content.replace(b"weights", b"weight\0", 1)[: len(content) // 2])

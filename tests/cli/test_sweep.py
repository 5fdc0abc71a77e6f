import contextlib
import csv
import io
import json
import re

import pytest

from bpcompare.cli import main
from bpcompare.comparison.linear import compare
from bpcompare.problem.from_data import from_data
from bpcompare.problem.line import line
from bpcompare.show import comparison_table, sweep_sentences, sweep_table
from bpcompare.sweeps.summary import Summary
from bpcompare.sweeps.sweep import sweep

QUICK = ["--lr", "0.01:1:log:5", "--seeds", "3", "--epochs", "10"]
METHODS = ["manual", "adam", "autograd+AdamNoBiasCorrection", "formula+AdamMomentumOnly", "moments+AdamRMSPropOnly"]


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    """A folder with a sweep's files, and what it printed."""
    folder = tmp_path_factory.mktemp("swept")
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        assert main(["sweep", *QUICK, "--dpi", "50", "--out", str(folder)]) == 0
    return folder, printed.getvalue()


def test_a_sweep_writes_its_files_and_prints_what_they_show(swept):
    folder, printed = swept
    pictures = ["sweep.png", "sweep.sha256", "sweep_map.png", "sweep_spread.png"]
    assert sorted(path.name for path in folder.iterdir()) == ["sweep.csv", "sweep.json", *pictures]
    document = json.loads((folder / "sweep.json").read_text())
    assert document["settings"]["lr"] == pytest.approx([0.01, 0.0316228, 0.1, 0.316228, 1.0], rel=1e-5)
    assert len((folder / "sweep.csv").read_text().splitlines()) == 31
    assert set(re.findall(r"\d+", printed.splitlines()[0])) == {"30", "2", "5", "3", "10"}
    assert f"{document['theory']['largest_stable_lr']['least']:.6g}" in printed


def test_a_second_sweep_writes_the_same_bytes(swept, tmp_path):
    folder, _ = swept
    assert main(["sweep", *QUICK, "--dpi", "50", "--quiet", "--out", str(tmp_path)]) == 0
    first, second = ({path.name: path.read_bytes() for path in place.iterdir()} for place in (folder, tmp_path))
    assert first == second


@pytest.mark.usefixtures("without_pictures")
def test_a_table_of_ones_own_is_swept_from_several_starts(tmp_path, capsys):
    table = tmp_path / "cars.csv"
    table.write_text("speed,dist\n4,2\n7,4\n8,16\n9,10\n")
    columns = ["--csv", str(table), "--x", "speed", "--y", "dist"]
    assert main(["sweep", *columns, *QUICK, "--standardize", "--out", str(tmp_path / "out")]) == 0
    document = json.loads((tmp_path / "out" / "sweep.json").read_text())
    assert set(document["spread"]["least_squares"].values()) == {0.0}  # one table
    assert min(document["spread"]["learned"]["manual"].values()) > 0  # several starts
    assert sweep_sentences.UNIQUE_SPREAD in capsys.readouterr().out


@pytest.mark.usefixtures("without_pictures")
def test_several_outputs_and_one_seed_can_be_swept(tmp_path, capsys):
    several = ["--weight", "1,2;3,4", "--bias", "0,1", "--samples", "20"]
    assert main(["sweep", *QUICK, *several, "--out", str(tmp_path)]) == 0
    limit = json.loads((tmp_path / "sweep.json").read_text())["theory"]["largest_stable_lr"]
    assert limit["least"] < limit["most"]  # by the seed
    printed = capsys.readouterr().out
    assert f"{limit['least']:.4g}" in printed
    assert f"{limit['most']:.4g}" in printed
    assert main(["sweep", "--lr", "0.1", "--seeds", "1", "--epochs", "2", "--out", str(tmp_path / "one")]) == 0
    assert not (tmp_path / "one" / "sweep_spread.png").exists()


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize(
    "options",
    [["--lr", "1e4"], ["--lr", "1e38", "--dtype", "float64"], ["--lr", "1e38,1e4"], ["--lr", "1e4", "--standardize"]],
)
def test_where_every_run_diverges_no_rate_is_called_best(options, tmp_path, capsys):
    assert (
        main(["sweep", *options, "--methods", "manual", "--seeds", "2", "--epochs", "60", "--out", str(tmp_path)]) == 0
    )
    document = json.loads((tmp_path / "sweep.json").read_text())["methods"]["manual"]
    assert [document[key] for key in ("best_lr", "loss", "gap_left", "highest_good_lr")] == [None] * 4
    assert document["diverged"] == document["runs"] == document["worse_than_start"] == 2 * len(options[1].split(","))
    printed = capsys.readouterr().out
    limit = json.loads((tmp_path / "sweep.json").read_text())["theory"]["largest_stable_lr"]["least"]
    suggested = re.search(r"try --lr (\S+):(\S+):log:50", printed)
    assert 0 < float(suggested[1]) < float(suggested[2]) < limit
    assert ("--standardize" in printed) == ("--standardize" not in options)


@pytest.mark.usefixtures("without_pictures")
def test_the_rates_that_are_suggested_work(tmp_path, capsys):
    quick = ["--methods", "manual", "--seeds", "2", "--out", str(tmp_path)]
    assert main(["sweep", *quick, "--lr", "50,1e4", "--weight", "1,2,3"]) == 0
    suggested = re.search(r"try --lr (\S+:log:50)", capsys.readouterr().out)[1]
    assert main(["sweep", *quick, "--weight", "1,2,3", "--lr", suggested]) == 0
    assert json.loads((tmp_path / "sweep.json").read_text())["methods"]["manual"]["gap_left"] < 0.1


@pytest.mark.usefixtures("without_pictures")
def test_data_without_noise_can_be_swept(tmp_path):
    assert main(["sweep", *QUICK, "--noise", "0", "--quiet", "--out", str(tmp_path)]) == 0
    assert json.loads((tmp_path / "sweep.json").read_text())["spread"]["theory"] == {"weight": 0.0, "bias": 0.0}


@pytest.mark.usefixtures("without_pictures")
@pytest.mark.parametrize("several", [[], ["--weight", "1,2;3,4", "--bias", "0,1"]])
def test_a_sweep_of_standardised_columns_tells_the_losses_that_compare_tells(several, tmp_path):
    problem = ["--noise", "5", "--standardize", "--quiet", *several]
    assert main(["sweep", *problem, "--lr", "0.05", "--seeds", "1", "--out", str(tmp_path)]) == 0
    assert main(["compare", *problem, "--lr", "0.05", "--out", str(tmp_path)]) == 0
    swept = json.loads((tmp_path / "sweep.json").read_text())["methods"]
    runs = json.loads((tmp_path / "comparison.json").read_text())["runs"]
    rows = {row["method"]: row for row in csv.DictReader((tmp_path / "sweep.csv").read_text().splitlines())}
    for name in ("manual", "adam"):
        assert swept[name]["loss"] == pytest.approx(runs[name]["loss"], rel=1e-6)
        assert float(rows[name]["loss"]) == swept[name]["loss"]


@pytest.mark.parametrize("columns", [80, 100])
def test_every_line_fits_the_terminal(columns, tmp_path):
    summary = Summary(
        sweep([line(seed=s, weight=[[1.0] * 3]) for s in range(2)], [0.01, 50.0], METHODS, epochs=5), noise=0.1
    )
    printed = sweep_table.render(summary, width=columns).splitlines()
    assert max(map(len, printed)) <= columns
    assert not any("…" in row for row in printed)
    for name in METHODS:  # unabridged, in the best rates, in the limits and in the spread
        assert sum(name.split("+")[-1] in row.split() for row in printed) >= 3


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--lr", "1:2"], "A:B:log:N"),
        (["--lr", "1:2:cube:3"], "A:B:log:N"),
        (["--lr", "2:1:log:3"], "from A to B"),
        (["--lr", "1:2:log:1"], "from A to B"),
        (["--lr", "0,1"], "'0'"),
        (["--lr", "x"], "'x'"),
        (["--lr", "1e308"], "'1e308'"),
        (["--lr", "1e-50"], "1e-50"),
        (["--seeds", "0"], "'0'"),
        (["--methods", "autograd+RMSprop"], "RMSprop"),
        (["--methods", "autgrad"], "autograd"),
    ],
)
def test_wrong_options_are_refused_in_one_sentence_and_nothing_is_written(options, named, tmp_path, capsys):
    out = tmp_path / "out"
    try:
        code = main(["sweep", *options, "--out", str(out)])
    except SystemExit as end:
        code = end.code
    assert code == 2
    error = capsys.readouterr().err
    assert named in error
    assert error.count("\n") == 1
    assert not out.exists()


@pytest.mark.usefixtures("without_pictures")
def test_rates_may_be_evenly_spaced(tmp_path):
    assert (
        main(["sweep", "--lr", "0.1:0.3:lin:3", "--seeds", "1", "--epochs", "1", "--quiet", "--out", str(tmp_path)])
        == 0
    )
    assert json.loads((tmp_path / "sweep.json").read_text())["settings"]["lr"] == pytest.approx([0.1, 0.2, 0.3])


@pytest.mark.usefixtures("undrawn")
def test_compare_draws_the_landscape_the_animation_and_the_ledger_when_asked(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("bpcompare.show.animation.FRAMES", 3)
    options = ["--landscape", "--animate", "--ledger", "adam", "--epochs", "4", "--dpi", "30"]
    assert main(["compare", *options, "--out", str(tmp_path)]) == 0
    assert {"landscape.png", "animation.gif", "ledger.csv"} < {path.name for path in tmp_path.iterdir()}
    assert "lr·sign(g)" in capsys.readouterr().out  # next to the first step
    rows = list(csv.DictReader((tmp_path / "history.csv").read_text().splitlines()))
    adam = [row for row in rows if row["method"] == "adam"]
    assert float(adam[0]["m weight"]) == pytest.approx(0.1 * float(adam[0]["grad weight"]))
    assert adam[-1]["m weight"] == ""  # what was learned is not stepped from any more
    assert {row["v_hat bias"] for row in rows if row["method"] == "manual"} == {""}


@pytest.mark.usefixtures("without_pictures")
def test_without_a_ledger_the_history_has_no_columns_of_one(tmp_path):
    assert main(["compare", "--quiet", "--epochs", "1", "--out", str(tmp_path)]) == 0
    header = (tmp_path / "history.csv").read_text().splitlines()[0]
    assert header == "epoch,method,loss,weight,bias,grad weight,grad bias"


def test_the_table_says_why_a_rate_lands_in_one_step_grows_or_never_arrives():
    def said(word, problem, lr=0.1):
        rows = comparison_table.render(compare(problem, ["manual"], lr=lr, epochs=2)).splitlines()
        (row,) = [row for row in rows if row.split()[:1] == [word]]
        return row

    assert "λ = 2" in said("curvature", line(standardize=True), 0.5)
    assert " 1.28" in said("predicted", line(), 0.9)
    assert not re.search(r"\d", said("predicted", line(), 1e-20))  # neither of epochs nor of a factor
    assert "(rank 2)" in said("curvature", from_data([[1.0, 1.0], [2.0, 2.0], [3.0, 3.0]], [[2.0], [4.0], [7.0]]))
    assert set(re.findall(r"\d+", said("curvature", from_data([[0.0]] * 2, [[2.0], [4.0]], bias=False)))) == {"0"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--ledger", "manual"], "'manual'"),
        (["--ledger", "Adam"], "manual, autograd, adam"),
        (["--ledger", "adam", "--batch-size", "5"], "--batch-size"),
    ],
)
def test_a_ledger_that_cannot_be_kept_is_refused_before_training(options, message, tmp_path, capsys):
    assert main(["compare", *options, "--out", str(tmp_path / "out")]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()

import csv
import errno
import json
import os
from pathlib import Path

import pytest
import torch
from torch import nn

from bpcompare.comparison import compare
from bpcompare.comparison_files import comparison_json, history_csv
from bpcompare.errors import OutputError
from bpcompare.export import check_folder, write_files
from bpcompare.problem import from_data, line
from bpcompare.serialization import defused


def document(comparison):
    def refuse(constant):
        raise AssertionError(f"{constant} is not JSON")

    return json.loads(comparison_json(comparison, {"lr": comparison.lr}), parse_constant=refuse)


def test_the_json_has_the_schema_and_the_published_figures_to_the_last_digit():
    got = document(compare(line()))
    keys = ["settings", "versions", "problem", "truth", "optimum", "theory", "runs", "agreement", "race"]
    assert list(got) == keys
    assert got["truth"] == {"weight": [[2.0]], "bias": [1.0]}
    for name in ("manual", "autograd"):
        run = got["runs"][name]
        assert run["weight"] == [[1.3135614395141602]]
        assert run["bias"] == [1.3715894222259521]
        assert len(run["losses"]) == 50
        assert run["loss"] < run["losses"][-1]
        assert (run["status"], run["diverged_at"]) == ("stopped", None)
    assert got["runs"]["adam"]["update"] == "torch.optim.Adam"
    assert got["agreement"]["manual~autograd"]["bit_equal"] is True
    assert got["problem"]["x_names"] == ["x"]
    assert got["optimum"]["rank"] == 2


def test_the_json_of_a_diverged_rank_short_bias_free_comparison_has_no_nan():
    x = torch.tensor([[1.0, 2.0], [2.0, 4.0]])
    got = document(compare(from_data(x, x[:, :1] * 3, bias=False), lr=50.0))
    assert got["truth"] is None
    assert got["runs"]["manual"]["bias"] is None
    assert got["runs"]["manual"]["status"] == "diverged"
    assert got["theory"]["condition_number"] is None
    assert got["optimum"]["unique"] is False


def test_equal_comparisons_give_equal_bytes():
    first, second = (compare(line()) for _ in range(2))
    assert comparison_json(first, {}) == comparison_json(second, {})
    assert history_csv(first) == history_csv(second)


def test_the_history_has_every_state_with_torchs_loss_and_gradient():
    problem = line(weight=[[1.0, 2.0], [3.0, 4.0]], bias=[0.0, 1.0], dtype=torch.float64)
    rows = list(csv.DictReader(history_csv(compare(problem, ["manual", "adam"], epochs=3)).decode().splitlines()))
    assert [(row["method"], row["epoch"]) for row in rows] == [
        (m, str(k)) for m in ("manual", "adam") for k in range(4)
    ]
    row = rows[2]
    weight = torch.tensor([[float(row[f"weight[{y}, {x}]"]) for x in ("x1", "x2")] for y in ("y1", "y2")])
    bias = torch.tensor([float(row[f"bias[{y}]"]) for y in ("y1", "y2")])
    weight, bias = weight.double().requires_grad_(), bias.double().requires_grad_()
    loss = nn.functional.mse_loss(problem.x @ weight.T + bias, problem.y)
    loss.backward()
    # the parameters went through float32 in torch.tensor above
    assert float(row["loss"]) == pytest.approx(loss.item(), rel=1e-5)
    assert float(row["grad weight[y2, x1]"]) == pytest.approx(weight.grad[1, 0].item(), rel=1e-4)
    assert float(row["grad bias[y1]"]) == pytest.approx(bias.grad[0].item(), rel=1e-4)


def test_the_history_of_a_standardised_run_ends_in_the_users_units():
    x = torch.tensor([[10.0], [20.0], [40.0]], dtype=torch.float64)
    problem = from_data(x, 3 * x + 5, standardize=True)
    rows = list(csv.DictReader(history_csv(compare(problem, ["manual"], lr=0.4, epochs=60)).decode().splitlines()))
    assert float(rows[-1]["weight"]) == pytest.approx(3, rel=1e-9)
    assert float(rows[-1]["bias"]) == pytest.approx(5, rel=1e-9)
    assert float(rows[-1]["grad weight"]) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "\nx"])
def test_cells_that_a_spreadsheet_would_run_are_defused(text):
    assert defused(text) == "'" + text


def test_a_method_named_like_a_formula_is_defused_in_the_history():
    from dataclasses import replace

    from bpcompare.methods import Method

    method = replace(Method.named("manual"), name="=HYPERLINK(1)")
    rows = list(csv.reader(history_csv(compare(line(), [method], epochs=1)).decode().splitlines()))
    assert rows[1][1] == "'=HYPERLINK(1)"


def test_files_are_written_whole_with_the_usual_rights(tmp_path):
    paths = write_files(tmp_path / "a" / "b", {"x.txt": b"one", "y.txt": b"two"})
    assert [path.read_bytes() for path in paths] == [b"one", b"two"]
    umask = os.umask(0)
    os.umask(umask)
    assert paths[0].stat().st_mode & 0o777 == 0o666 & ~umask
    assert sorted(p.name for p in (tmp_path / "a" / "b").iterdir()) == ["x.txt", "y.txt"]


def test_a_failure_while_writing_leaves_the_old_files_and_no_scraps(tmp_path, monkeypatch):
    write_files(tmp_path, {"a.txt": b"old", "b.txt": b"old"})
    calls = []

    def full(descriptor):
        calls.append(descriptor)
        if len(calls) == 2:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match=r"cannot be written to .*: no space left on device; choose another --out"):
        write_files(tmp_path, {"a.txt": b"new", "b.txt": b"new"})
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == {"a.txt": b"old", "b.txt": b"old"}


def test_an_interruption_while_writing_leaves_the_old_files_and_no_scraps(tmp_path, monkeypatch):
    write_files(tmp_path, {"a.txt": b"old"})

    def interrupted(descriptor):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_files(tmp_path, {"a.txt": b"new"})
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == {"a.txt": b"old"}


def test_files_take_their_place_in_the_order_given(tmp_path, monkeypatch):
    placed = []
    replace = Path.replace
    monkeypatch.setattr(Path, "replace", lambda part, target: (placed.append(target.name), replace(part, target)))
    write_files(tmp_path, {"loss.png": b"1", "history.csv": b"2", "comparison.json": b"3"})
    assert placed == ["loss.png", "history.csv", "comparison.json"]


def test_a_folder_is_tried_and_left_as_it_was(tmp_path):
    check_folder(tmp_path / "new" / "deep", ["a.txt"])
    assert not list(tmp_path.iterdir())


def test_what_cannot_be_written_is_known_beforehand(tmp_path):
    (tmp_path / "file").write_text("x")
    (tmp_path / "taken" / "loss.png").mkdir(parents=True)
    with pytest.raises(OutputError, match=r"cannot be written to .*file.*choose another --out"):
        check_folder(tmp_path / "file")
    with pytest.raises(OutputError, match="not a directory"):
        check_folder(tmp_path / "file" / "below")
    with pytest.raises(OutputError, match=r"loss\.png cannot be written: it is a folder"):
        check_folder(tmp_path / "taken", ["loss.png"])

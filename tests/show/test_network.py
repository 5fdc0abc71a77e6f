import csv
import io
import json
import re

import pytest
import torch
from torch import nn

from bpcompare.cli import main
from bpcompare.comparison.network import compare_network
from bpcompare.problem.from_data import from_data
from bpcompare.problem.line import line
from bpcompare.problem.networks import quadratic, with_network
from bpcompare.results.network import network_history, network_json
from bpcompare.show import network_figures, network_table
from bpcompare.show.style import to_bytes

FILES = ["comparison.json", "comparison.sha256", "delta.png", "fit.png", "history.csv", "loss.png"]
SMALL = ["--layers", "2,6,1", "--epochs", "3"]


@pytest.fixture(scope="module")
def comparison():
    problem = quadratic(layers=(2, 6, 4, 1))
    return compare_network(problem, lr=0.002, epochs=5, batch_size=1, shuffle=False)


def test_the_table_tells_layers_inits_agreement_and_race(comparison):
    starts = {init: quadratic(layers=(2, 6, 4, 1), init=init) for init in ("normal", "pytorch")}
    told = network_table.render(comparison, starts)
    headline = told.splitlines()[0]
    assert headline.startswith("quadratic: 30 ")
    for part in ("2 → 6 → 4 → 1", "Sigmoid", "51 ", "float64", "lr 0.002", "5 epochs"):
        assert part in headline
    assert re.search(r"^agreement +manual ~ autograd: bit-equal", told, re.MULTILINE)
    assert "| pytorch " in told
    assert f"{comparison.results['adam'].run.loss:.6g}" in told
    assert f"{comparison.results['manual'].delta_sizes[0, 0].item():.3g}" in told
    assert network_table.render(comparison, width=80, color=True).count("\x1b[") > 0


def test_vanishing_is_said_where_it_is():
    problem = with_network(line(), [1, 5, 5, 5, 1])
    with torch.no_grad():
        problem.start[0].weight.fill_(100.0)  # saturates the first layer
    told = list(network_table.sentences(compare_network(problem, ["manual"], epochs=1)))
    assert any(re.match(r"vanishing\b\D* 1\b", sentence) for sentence in told)


def test_divergence_and_standardised_losses_are_said(tmp_path):
    problem = quadratic(layers=(2, 6, 1), standardize=True)
    comparison = compare_network(problem, ["manual", "adam"], lr=1e6, epochs=80)
    told = list(network_table.sentences(comparison))
    step = comparison.results["manual"].run.diverged_at
    assert any(re.match(rf"diverged +manual\b.*\b{step}\b", sentence) for sentence in told)
    assert {"diverged", "loss"} <= {sentence.split()[0] for sentence in told}
    for figure in network_figures.figures(comparison).values():
        assert to_bytes(figure, "svg")


def test_the_pictures_hold_the_data_the_curves_and_every_layer(comparison):
    drawn = network_figures.figures(comparison)
    fit = drawn["fit"].axes[0]
    labels = [line.get_label() for line in fit.lines]
    assert labels == ["data", "manual", "autograd", "adam"]
    assert len(fit.lines[0].get_xdata()) == 30
    problem, adam = comparison.problem, comparison.results["adam"]
    x = fit.lines[3].get_xdata()
    inputs = torch.tensor([[v, v * v] for v in x], dtype=torch.float64)
    assert fit.lines[3].get_ydata() == pytest.approx(problem.predict(adam.model, inputs)[:, 0].tolist())
    delta = drawn["delta"].axes
    assert [axes.get_title() for axes in delta] == ["manual = autograd", "adam"]
    assert list(delta[0].lines[0].get_ydata()) == comparison.results["manual"].delta_sizes[:, 0].tolist()
    assert len(delta[0].lines) == 3
    assert delta[0].get_ylim() == delta[1].get_ylim()
    loss = drawn["loss"].axes[0]
    assert list(loss.lines[2].get_ydata()) == adam.losses.tolist()


def test_with_several_free_inputs_predicted_is_drawn_against_measured():
    x = torch.rand(20, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    problem = with_network(from_data(x, x[:, :2] ** 2), [3, 4, 2])
    comparison = compare_network(problem, ["manual"], epochs=2)
    axes = network_figures.figures(comparison)["fit"].axes
    assert len(axes) == 2
    assert axes[1].get_xlabel() == "y2, measured"
    points = axes[1].lines[1]
    predicted = problem.predict(comparison.results["manual"].model, x)[:, 1].tolist()
    assert list(points.get_ydata()) == pytest.approx(predicted)
    diverged = compare_network(problem, ["manual"], lr=1e9, epochs=80)
    assert "ran away" in network_figures.figures(diverged)["fit"].axes[0].lines[1].get_label()


def test_the_json_has_no_optimum_and_the_parameters_of_small_networks_only(comparison):
    document = json.loads(network_json(comparison, {"lr": 0.002}))
    assert [document[key] for key in ("truth", "optimum", "theory")] == [None, None, None]
    assert document["problem"]["parameters"] == 51
    manual = document["runs"]["manual"]
    assert manual["parameters"]["0.weight"] == comparison.results["manual"].model[0].weight.tolist()
    assert len(manual["losses"]) == 5
    assert manual["delta_sizes"] == comparison.results["manual"].delta_sizes[-1].tolist()
    large = compare_network(quadratic(layers=(2, 300, 1)), ["manual"], lr=1e-6, epochs=1)
    assert json.loads(network_json(large, {}))["runs"]["manual"]["parameters"] is None


def test_the_history_holds_norms_of_every_tensor_and_state(comparison):
    rows = list(csv.DictReader(io.StringIO(network_history(comparison).decode())))
    assert len(rows) == 3 * 6
    last = rows[5]
    assert (last["epoch"], last["method"]) == ("5", "manual")
    model = comparison.results["manual"].model
    assert float(last["norm 2.weight"]) == pytest.approx(model[2].weight.norm().item(), rel=1e-12)
    assert float(last["delta 3"]) == comparison.results["manual"].delta_sizes[-1, 2].item()
    loss = nn.functional.mse_loss(model(comparison.problem.x), comparison.problem.y)
    loss.backward()
    assert float(last["norm grad 0.weight"]) == pytest.approx(model[0].weight.grad.norm().item(), rel=1e-9)


@pytest.mark.usefixtures("undrawn")
def test_the_published_problem_by_command_takes_the_published_settings(tmp_path, capsys):
    assert main(["--problem", "quadratic", *SMALL, "--out", str(tmp_path)]) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == FILES
    document = json.loads((tmp_path / "comparison.json").read_text())
    asked = {"seed": 333, "dtype": "float64", "lr": 0.002, "batch_size": 1, "order": "given", "init": "normal"}
    assert asked.items() <= document["settings"].items()
    assert list(document["runs"]) == ["manual", "autograd", "adam", "graph"]
    assert document["agreement"]["manual~autograd"]["bit_equal"]
    printed = capsys.readouterr().out
    assert "2 → 6 → 1 (Sigmoid)" in printed
    assert "| pytorch " in printed


def test_a_second_run_writes_the_same_bytes(tmp_path):
    contents = []
    for _ in range(2):
        asked = ["--methods", "manual", "--format", "png,svg", "--dpi", "30"]
        options = ["--problem", "quadratic", *SMALL, *asked, "--quiet"]
        assert main([*options, "--out", str(tmp_path)]) == 0
        contents.append({path.name: path.read_bytes() for path in tmp_path.iterdir()})
    assert contents[0] == contents[1]
    assert len(contents[0]) == 9


@pytest.mark.usefixtures("undrawn")
def test_a_table_is_learned_by_a_network(tmp_path):
    table = tmp_path / "cars.csv"
    table.write_text("speed,dist\n4,2\n7,4\n8,16\n9,10\n12,22\n")
    options = ["--csv", str(table), "--x", "speed", "--y", "dist", "--layers", "1,5,1", "--activation", "tanh"]
    out = tmp_path / "out"
    assert main([*options, "--standardize", "--epochs", "20", "--out", str(out), "--quiet"]) == 0
    document = json.loads((out / "comparison.json").read_text())
    assert document["problem"]["network"][1] == "Tanh()"
    assert document["settings"]["lr"] == 0.1
    assert document["runs"]["manual"]["loss"] < document["runs"]["manual"]["losses"][0]


@pytest.mark.usefixtures("undrawn")
def test_the_order_can_be_given_for_a_line_too(tmp_path):
    for name, order in (("a", ["--order", "given"]), ("b", ["--order", "given", "--seed", "0"]), ("c", [])):
        options = ["--batch-size", "10", "--epochs", "2", "--methods", "manual", "--quiet"]
        assert main([*options, *order, "--out", str(tmp_path / name)]) == 0
    weights = [json.loads((tmp_path / n / "comparison.json").read_text())["runs"]["manual"]["weight"] for n in "abc"]
    assert weights[0] == weights[1] != weights[2]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--problem", "quadratic", "--csv", "cars"], ["--problem", "--csv", "--layers"]),
        (["--problem", "line", "--csv", "cars"], ["--problem", "--csv"]),
        (["--problem", "quadratic", "--noise", "1"], ["--noise", "--problem quadratic"]),
        (["--activation", "tanh"], ["--activation", "--layers"]),
        (["--layers", "1,5,2"], ["layers", "1,5,2"]),
        (["--problem", "quadratic", "--methods", "moments+Adam"], ["moments", "nn.Linear"]),
        (["--problem", "quadratic", "--landscape"], ["--landscape", "nn.Linear"]),
        (["--layers", "1,5,1", "--animate"], ["--animate", "nn.Linear"]),
        (["--layers", "1,5,1", "--ledger", "adam"], ["--ledger", "nn.Linear"]),
    ],
)
def test_contradictions_are_one_sentence_and_nothing_is_written(arguments, named, tmp_path, capsys):
    assert main([*arguments, "--out", str(tmp_path / "out")]) == 2
    printed = capsys.readouterr()
    assert all(part in printed.err for part in named)
    assert printed.err.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("layers", ["2", "2,x", "2,0,1", ""])
def test_widths_that_are_none_are_named(layers, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--layers", layers])
    assert ended.value.code == 2
    assert "--layers" in capsys.readouterr().err

import math

import pytest
import torch
from pictures import sketched

from bpcompare.cli import main
from bpcompare.cli import pitfalls as command
from bpcompare.errors import InputError
from bpcompare.lessons.pitfalls import learning_rate, wrong_loops
from bpcompare.lessons.pitfalls.code import period, undamped_momentum
from bpcompare.lessons.pitfalls.learning_rate import PITFALLS, run
from bpcompare.lessons.pitfalls.pitfall import Prediction, descent, distance, main_problem, main_theory
from bpcompare.show import pitfalls as show

pytestmark = pytest.mark.usefixtures("loops_once")

# What the pitfalls must keep to, whatever they say themselves: float64 over some hundred steps; float16 keeps 11 bits.
CURVE = dict.fromkeys(PITFALLS, 1e-09) | {"float16": 0.5}


@pytest.fixture(scope="module")
def pitfalls():
    return {name: run(name) for name in PITFALLS}


@pytest.mark.parametrize("name", PITFALLS)
def test_the_measured_curve_is_the_predicted_one(pitfalls, name):
    pitfall = pitfalls[name]
    assert pitfall.name == name
    assert [prediction.what for prediction in pitfall.predictions if not prediction.holds] == []
    measured, predicted = pitfall.curves["mistake"], pitfall.curves["predicted"]
    assert len(measured) == len(predicted) == len(pitfall.curves["right"])
    assert distance(measured, predicted) <= CURVE[name]
    assert distance(measured, pitfall.curves["right"]) > 0.1  # the mistake shows


def test_the_published_line_is_the_main_problem():
    problem = main_problem()
    assert problem.x.dtype == torch.float64
    # The tutorial's result after 50 epochs, trained in float32: rounding is all that may differ.
    model = problem.model()
    rule = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(50):
        rule.zero_grad()
        torch.nn.functional.mse_loss(model(problem.x), problem.y).backward()
        rule.step()
    assert model.weight.item() == pytest.approx(1.3135614395141602, rel=1e-6)


def test_accumulated_gradients_are_sgd_with_momentum_1():
    problem, epochs = main_problem(), 60
    model, losses = problem.model(), []
    rule = torch.optim.SGD(model.parameters(), lr=0.1, momentum=1.0)
    for _ in range(epochs):
        rule.zero_grad()
        loss = torch.nn.functional.mse_loss(model(problem.x), problem.y)
        loss.backward()
        losses.append(loss.item())
        rule.step()
    assert distance(run("zero-grad").curves["mistake"][:epochs], losses) < 1e-9


def test_undamped_momentum_begins_with_a_step_of_gradient_descent():
    for value in (0.1, 1.0, 3.0):
        assert undamped_momentum(0.1, value, 0) == pytest.approx(1)
        assert undamped_momentum(0.1, value, 1) == pytest.approx(1 - 0.1 * value)
        whole = period(0.1, value)
        assert math.cos(2 * math.pi / whole) == pytest.approx(1 - 0.05 * value)


def test_the_predicted_curve_begins_with_the_loss_itself():
    problem = main_problem()
    model = problem.model()
    loss = torch.nn.functional.mse_loss(model(problem.x), problem.y).item()
    assert descent(main_theory(), 0.1, 1)[0] == pytest.approx(loss, rel=1e-12)


def test_a_curve_beyond_all_numbers_is_infinite():
    assert math.isinf(descent(main_theory(), 1e9, 60)[-1])


def test_the_mistake_ends_worse_than_the_right_way(pitfalls):
    for pitfall in pitfalls.values():
        assert pitfall.curves["mistake"][-1] > pitfall.curves["right"][-1], pitfall.name


@pytest.mark.parametrize(("reduction", "passes", "part"), [("mean", 1, 1.0), ("sum", 1, 0.01), ("mean", 2, 0.5)])
def test_the_largest_stable_rate_is_found_by_trying(reduction, passes, part):
    x = main_problem().x
    design = torch.cat([x, torch.ones_like(x)], 1)
    limit = 2 / torch.linalg.eigvalsh(2 / len(x) * design.T @ design)[-1].item()
    found = wrong_loops.largest_stable_lr(main_problem(), reduction=reduction, passes=passes)
    assert found == pytest.approx(part * limit, rel=1e-3)


def test_adam_with_a_rate_and_an_eps_for_each_step_is_torchs():
    problem = main_problem()
    rates, epsilons = [0.1, 0.3, 0.05, 0.2], [1e-8, 1e-3, 1e-1, 1e-5]
    model, losses = problem.model(), []
    rule = torch.optim.Adam(model.parameters())
    for rate, eps in zip(rates, epsilons, strict=True):
        rule.param_groups[0].update(lr=rate, eps=eps)
        rule.zero_grad()
        loss = torch.nn.functional.mse_loss(model(problem.x), problem.y)
        loss.backward()
        losses.append(loss.item())
        rule.step()
    assert wrong_loops.adam(problem, rates, epsilons) == pytest.approx(losses, rel=1e-13)


def test_a_prediction_that_misses_does_not_hold():
    assert not Prediction("x", 1.0, 1.1, 0.01).holds
    assert not Prediction("x", 1.0, 1.1, 0.0, at_most=True).holds
    assert Prediction("x", 1.0, 0.2, 0.0, at_most=True).holds


def test_the_pictures_show_prediction_measurement_and_the_right_way(pitfalls):
    for pitfall in pitfalls.values():
        (axes,) = show.figure(pitfall).axes
        assert [line.get_label() for line in axes.lines] == list(show.LABELS.values())
        assert axes.get_xlabel() == "step"
        assert axes.get_ylabel() == pitfall.quantity
        styles = {(line.get_linestyle(), line.get_marker(), line.get_linewidth()) for line in axes.lines}
        assert len(styles) == 3  # told apart without colour


def test_a_page_holds_mistake_remedy_prediction_and_measurement(pitfalls):
    for pitfall in pitfalls.values():
        page = show.page(pitfall)
        words = page.split()
        assert all(word in words for word in (pitfall.mistake + " " + pitfall.remedy).split())
        assert max(map(len, page.splitlines())) <= show.WIDTH
        assert page.count("✓") == len(pitfall.predictions)
    assert "✗" not in show.overview(list(pitfalls.values()))


@pytest.mark.usefixtures("undrawn")
def test_the_command_runs_one_pitfall_and_writes_its_picture(tmp_path, capsys):
    assert main(["pitfalls", "ascent", "--out", str(tmp_path), "--format", "png,svg"]) == 0
    assert {path.name for path in tmp_path.iterdir()} == {"ascent.png", "ascent.svg"}
    assert "gradient ascent" in capsys.readouterr().out


def test_the_command_runs_them_all(pitfalls, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(learning_rate, "run", pitfalls.__getitem__)
    assert main(["pitfalls", "--dpi", "30", "--out", str(tmp_path)]) == 0
    assert {path.name for path in tmp_path.iterdir()} == {f"{name}.png" for name in PITFALLS}
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in tmp_path.iterdir())
    assert capsys.readouterr().out.count("✓") == len(PITFALLS) == 10


@pytest.mark.usefixtures("undrawn")
def test_the_command_can_be_quiet(tmp_path, capsys):
    assert main(["pitfalls", "broadcast", "--out", str(tmp_path), "--quiet"]) == 0
    assert capsys.readouterr().out == ""
    assert [path.name for path in tmp_path.iterdir()] == ["broadcast.png"]


def test_an_unknown_pitfall_is_one_sentence_and_writes_nothing(tmp_path, capsys):
    with pytest.raises(InputError, match="'zero'"):
        run("zero")
    assert main(["pitfalls", "zero", "--out", str(tmp_path / "new")]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert not (tmp_path / "new").exists()


def test_the_pictures_that_are_announced_are_those_that_are_made(pitfalls):
    names, formats = ["ascent", "sum-for-mean"], ("png", "svg")
    makers = command.files(names, formats)
    assert list(makers) == ["ascent.png", "ascent.svg", "sum-for-mean.png", "sum-for-mean.svg"]
    found = {name: pitfalls[name] for name in names}
    with sketched():
        assert all(makers[f"{name}.svg"](found).startswith(b"<?xml") for name in names)
        assert makers["ascent.png"](found).startswith(b"\x89PNG")

import math

import pytest
import torch

from bpcompare.cli import main
from bpcompare.errors import InputError
from bpcompare.lessons.pitfalls.bowl import Bowl, descent, period, undamped_momentum
from bpcompare.lessons.pitfalls.learning_rate import PITFALLS, run
from bpcompare.lessons.pitfalls.pitfall import Finding, distance, main_problem
from bpcompare.show import pitfalls as show

# What the lessons must keep to, whatever they say themselves: float64 over some hundred steps; float16 keeps 11 bits.
CURVE = dict.fromkeys(PITFALLS, 1e-09) | {"float16": 0.5}


@pytest.fixture(scope="module")
def lessons():
    return {name: run(name) for name in PITFALLS}


@pytest.mark.parametrize("name", PITFALLS)
def test_the_measured_curve_is_the_predicted_one(lessons, name):
    lesson = lessons[name]
    assert lesson.name == name
    assert [finding.what for finding in lesson.findings if not finding.holds] == []
    measured, predicted = lesson.curves["mistake"], lesson.curves["predicted"]
    assert len(measured) == len(predicted) == len(lesson.curves["right"])
    assert distance(measured, predicted) <= CURVE[name]
    assert distance(measured, lesson.curves["right"]) > 0.1  # the mistake shows


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
        assert undamped_momentum(0.1)(value, 0) == pytest.approx(1)
        assert undamped_momentum(0.1)(value, 1) == pytest.approx(descent(0.1)(value, 1))
        whole = period(0.1, value)
        assert math.cos(2 * math.pi / whole) == pytest.approx(1 - 0.05 * value)


def test_the_bowl_is_the_loss_itself():
    problem = main_problem()
    bowl, model = Bowl.of(problem), problem.model()
    start = torch.cat([model.weight.detach().flatten(), model.bias.detach()])
    loss = torch.nn.functional.mse_loss(model(problem.x), problem.y).item()
    assert bowl.curve(start, descent(0.1), 1)[0] == pytest.approx(loss, rel=1e-12)


def test_a_curve_beyond_all_numbers_is_infinite():
    problem = main_problem()
    curve = Bowl.of(problem).curve(torch.zeros(2), descent(1e9), 60)
    assert math.isinf(curve[-1])


def test_a_finding_that_misses_does_not_hold():
    assert not Finding("x", 1.0, 1.1, 0.01).holds
    assert not Finding("x", 1.0, 1.1, 0.0, at_most=True).holds
    assert Finding("x", 1.0, 0.2, 0.0, at_most=True).holds


def test_the_pictures_show_prediction_measurement_and_the_right_way(lessons):
    for lesson in lessons.values():
        (axes,) = show.figure(lesson).axes
        assert [line.get_label() for line in axes.lines] == list(show.LABELS.values())
        assert axes.get_xlabel() == "step"
        assert axes.get_ylabel() == lesson.quantity
        styles = {(line.get_linestyle(), line.get_marker(), line.get_linewidth()) for line in axes.lines}
        assert len(styles) == 3  # told apart without colour


def test_a_page_holds_mistake_remedy_prediction_and_measurement(lessons):
    for lesson in lessons.values():
        page = show.page(lesson)
        assert lesson.mistake in page
        assert lesson.remedy in page
        assert page.count("✓") == len(lesson.findings)
    assert "✗" not in show.overview(list(lessons.values()))


def test_the_command_runs_one_pitfall_and_writes_its_picture(tmp_path, capsys):
    assert main(["pitfalls", "ascent", "--out", str(tmp_path), "--format", "png,svg"]) == 0
    assert {path.name for path in tmp_path.iterdir()} == {"ascent.png", "ascent.svg"}
    assert "gradient ascent" in capsys.readouterr().out


def test_the_command_runs_them_all(tmp_path, capsys):
    assert main(["pitfalls", "--out", str(tmp_path)]) == 0
    assert {path.stem for path in tmp_path.iterdir()} == set(PITFALLS)
    assert capsys.readouterr().out.count("✓") == len(PITFALLS)
    assert main(["pitfalls", "broadcast", "--out", str(tmp_path), "--quiet"]) == 0
    assert capsys.readouterr().out == ""


def test_an_unknown_pitfall_is_one_sentence_and_writes_nothing(tmp_path, capsys):
    with pytest.raises(InputError, match="there is no pitfall 'zero'"):
        run("zero")
    assert main(["pitfalls", "zero", "--out", str(tmp_path / "new")]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert not (tmp_path / "new").exists()

import functools
import math
import re

import pytest
import torch
from certified import ANSCOMBE_AND_CARS, nist
from rich.cells import cell_len

from bpcompare.comparison.adam_ledger import ledger
from bpcompare.comparison.linear import compare
from bpcompare.comparison.network import compare_network
from bpcompare.problem.from_data import from_data
from bpcompare.problem.line import line
from bpcompare.problem.networks import quadratic
from bpcompare.show import advice, first_step, glossary, ledger_table, network_table, verdicts
from bpcompare.show.comparison_table import render, sentences
from bpcompare.show.terminal import Columns
from bpcompare.show.terminal import text as text_of
from bpcompare.training.updates import RULES, Adam

ADAMS = [name for name, rule in RULES.items() if issubclass(rule, Adam)]


def cells(text):
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in text.splitlines() if row.startswith("|")]


def cars(**options):
    x, y = (torch.tensor(column, dtype=torch.float64)[:, None] for column in ANSCOMBE_AND_CARS["cars"])
    return from_data(x, y, x_names=("speed",), y_names=("dist",), **options)


def certified(name, **options):
    x, y, intercept, _ = nist(name)
    return from_data(x, y, bias=intercept, **options)


def test_every_learned_number_is_next_to_truth_and_optimum():
    comparison = compare(line())
    rows = cells(render(comparison))
    assert rows[0] == ["method", "parameter", "learned", "truth", "error", "optimum", "error"]
    assert rows[2][:2] == ["manual", "weight"]
    assert rows[3][:2] == ["", "bias"]
    for row, learned in ((rows[2], comparison.results["manual"].weight), (rows[3], comparison.results["manual"].bias)):
        assert float(row[2]) == pytest.approx(learned.item(), rel=1e-8)
        assert float(row[4]) == pytest.approx(learned.item() - float(row[3]), rel=1e-2)
        assert float(row[6]) == pytest.approx(learned.item() - float(row[5]), rel=1e-2)


def test_the_loss_reached_is_above_that_of_the_optimum():
    comparison = compare(line(), epochs=200)
    losses = {row[0]: row[1:] for row in cells(render(comparison)) if len(row) == 6}
    counts = {row[0]: row[1:] for row in cells(render(comparison)) if len(row) == 5}
    assert losses["autograd"][:2] == ["autograd", "GradientDescent"]
    assert losses["adam"][1] == "torch.optim.Adam"
    assert float(losses["optimum"][2]) == pytest.approx(comparison.optimum.loss, rel=1e-5)
    for name, result in comparison.results.items():
        assert float(losses[name][2]) == pytest.approx(result.loss, rel=1e-5)
        assert float(losses[name][4]) == pytest.approx(result.gaps[-1].item(), rel=1e-2)
        assert counts[name] == [str(result.epochs_to(f)) for f in (0.1, 0.01, 0.001)] + [result.status]


STEPS = torch.arange(5.0)[:, None]
WIDE = {"weight": [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], "bias": [1.0, 2.0]}
COMPARED = {
    "line": lambda: compare(line()),
    "converged": lambda: compare(line(), epochs=300),
    "cars": lambda: compare(cars()),
    "cars, standardised": lambda: compare(cars(standardize=True), lr=0.4),
    "longley": lambda: compare(certified("Longley", dtype=torch.float32)),
    "outputs": lambda: compare(line(**WIDE)),
    "variants": lambda: compare(line(), ["manual", *(f"autograd+{name}" for name in ADAMS)], epochs=3),
    "names": lambda: compare(from_data(STEPS, STEPS**2, x_names=("a" * 90,), name="速度.csv")),
    "overflow": lambda: compare(certified("Pontius"), epochs=5),
}


def rows_of(name):
    """What renders that table at a width, of one comparison."""
    if name == "glossary":
        return glossary.render
    if name == "network":
        network = compare_network(quadratic(layers=(2, 100, 40, 1)), lr=0.002, epochs=2)
        return functools.partial(network_table.render, network, {"normal": quadratic()})
    if name == "ledger":
        adam = compare(cars(standardize=True)).results["adam"].run
        return functools.partial(ledger_table.render, ledger(adam, 0.1), cars(standardize=True))
    return functools.partial(render, COMPARED[name]())


@pytest.mark.parametrize("name", [*COMPARED, "network", "ledger", "glossary"])
def test_no_line_is_wider_than_the_terminal_and_nothing_is_abridged(name):
    rendered = rows_of(name)
    whole = rendered(width=None)
    words = {word.strip("|:") for word in whole.split()} - {"", "-"}
    words = {word for word in words if set(word) != {"-"} and "|-" not in word}
    for width in (80, 60, 40):
        text = rendered(width=width)
        assert "…" not in text
        assert "\x1b" not in text
        for row in text.splitlines():
            assert cell_len(row) <= width or max(map(cell_len, row.split())) > 0.5 * width, row
        assert words <= {word.strip("|:") for word in text.split()}


def test_tables_of_the_first_command_fit_eighty_columns_in_markdown_too():
    assert max(len(row) for row in render(compare(line())).splitlines() if row.startswith("|")) <= 80


def test_a_terminal_gets_lines_and_colour_and_others_plain_text():
    comparison = compare(line(), epochs=2)
    assert "\x1b[" in render(comparison, width=100, color=True)
    plain = render(comparison)
    assert "\x1b[" not in plain
    assert "| manual" in plain


def test_what_steers_a_terminal_is_made_visible():
    x = torch.tensor([[1.0], [2.0]])
    problem = from_data(x, x, name="\x1b]0;title\x07")
    for width in (None, 80):
        text = render(compare(problem, "manual"), width=width)
        assert not set(text) & set("\x1b\x07")
        assert r"\x1b]0;title\x07" in text
    shown = text_of([Columns(("method", "a\x1b[2J\x07\nb\u202e\x9b"), [("manual", "1")])], 80, False)
    assert r"a\x1b[2J\x07 b\u202e\x9b" in shown


def test_measured_data_have_no_truth():
    assert "truth" not in render(compare(certified("Norris", dtype=torch.float32)))


def test_an_optimum_that_is_not_unique_is_not_claimed():
    x = torch.tensor([[1.0, 2.0], [2.0, 4.0], [3.0, 6.0]])
    text = render(compare(from_data(x, x[:, :1]), ["manual"]))
    assert "not unique" in text
    (said,) = [row for row in text.splitlines() if row.startswith("optimum ")]
    assert re.findall(r"\d+", said) == ["2", "3"]  # the rank, and what it would have to be


def test_many_parameters_are_cut_and_say_where_they_are():
    text = render(compare(line(30, weight=[[1.0] * 20]), ["manual"], epochs=1))
    assert any("9" in row and "comparison.json" in row for row in text.splitlines())


def test_names_with_brackets_are_shown_as_they_are():
    x = torch.tensor([[1.0], [2.0]])
    problem = from_data(x, x, x_names=("speed [km/h]",), y_names=("[bold]dist[/bold]",), name="[red]t.csv")
    wide = from_data(x, torch.cat([x, x], 1), x_names=("speed [km/h]",), y_names=("[bold]a", r"\[b] :x:"))
    assert "[red]t.csv" in render(compare(problem, epochs=1))
    table = render(compare(wide, epochs=1))
    assert "weight[[bold]a, speed [km/h]]" in table
    assert r"bias[\[b] :x:]" in table


def test_never_is_said_where_it_never_came_and_zero_where_it_began_there():
    assert verdicts.winner({0.1: {"a": 0, "b": None}}).endswith("a 0, b never")
    assert "neither" in verdicts.winner({0.1: {"a": None, "b": None}})
    assert (verdicts.epochs_cell(0), verdicts.epochs_cell(None)) == ("0", "–")


# Why Adam differs: every equation is worked out again, from what is printed.


def equations(rows):
    """Label, left side and right side of each printed equation between numbers."""
    for row in rows:
        if found := re.fullmatch(r"  (\S+(?: \S+)?) +([-+*/.()\de ]+) = (\S+)", row):
            yield found.groups()


def test_where_the_start_is_the_optimum_no_epoch_is_predicted_that_the_table_does_not_show():
    problem = from_data(torch.tensor([[1.0], [2.0]]), torch.zeros(2, 1))
    with torch.no_grad():
        for parameter in problem.start.parameters():
            parameter.zero_()
    comparison = compare(problem, ["manual"], epochs=2)
    assert comparison.results["manual"].epochs_to(0.1) is None
    (predicted,) = [line for line in render(comparison, width=200).splitlines() if line.startswith("predicted")]
    assert not any(character.isdigit() for character in predicted)


@pytest.mark.parametrize("rule", ADAMS)
@pytest.mark.parametrize(
    "problem", [line(), cars(), cars(standardize=True), line(**WIDE), certified("Norris", dtype=torch.float32)]
)
def test_every_equation_of_the_first_step_is_true_as_printed_and_of_the_run(rule, problem):
    lr = 0.1
    comparison = compare(problem, ["manual", f"autograd+{rule}"], lr=lr, epochs=1)
    found = list(equations(first_step.sentences(comparison)))
    assert len(found) >= 3
    for _, left, right in found:
        digits = len(re.sub(r"e.*|[-.]", "", right).lstrip("0"))
        assert f"{eval(left):.{max(digits, 5)}g}" == right, left
    states = comparison.results[f"autograd+{rule}"].run.parameters["weight"].double()
    gradient = comparison.results["manual"].run.gradients["weight"][0].flatten()[0].item()
    moved = (states[0] - states[1]).flatten()[0].item()
    rounding = 4 * torch.finfo(problem.dtype).eps * states[0].abs().max().item()
    steps = {label: float(right) for label, _, right in reversed(found)}  # of the first parameter
    assert steps["gradient descent"] == pytest.approx(lr * gradient, rel=1e-4)
    assert steps[rule] == pytest.approx(moved, rel=1e-4, abs=rounding)


def test_the_first_step_is_not_told_where_there_is_no_adam():
    assert list(first_step.sentences(compare(line(), ["manual", "autograd+RMSprop"], epochs=1))) == []


def test_a_gradient_of_zero_and_one_whose_square_overflows_are_not_worked():
    x = torch.zeros(3, 1)
    still = compare(from_data(x, x, bias=False), ["manual", "adam"], epochs=1)
    assert not list(equations(first_step.sentences(still)))
    far = torch.tensor([[1e15], [2e15]])
    huge = compare(from_data(1e5 * STEPS, far[:1].expand(5, 1), bias=False, dtype=torch.float32), epochs=1)
    assert not list(equations(first_step.sentences(huge)))


# The advice, followed.


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", ["Norris", "Pontius", "NoInt1", "NoInt2", "cars", *list(ANSCOMBE_AND_CARS)[:4]])
def test_who_follows_the_advice_converges(name, dtype):
    columns = nist(name) if name in ("Norris", "Pontius", "NoInt1", "NoInt2") else None
    if columns is None:
        x, y = (torch.tensor(column, dtype=torch.float64)[:, None] for column in ANSCOMBE_AND_CARS[name])
        columns = x, y, True, None
    x, y, bias, _ = columns
    better = advice.on_all_samples(advice.standardised(from_data(x, y, bias=bias, dtype=dtype)))
    followed = from_data(x, y, bias=bias, dtype=dtype, standardize=True)
    comparison = compare(followed, ["manual"], lr=better.lr, epochs=int(better.epochs))
    assert comparison.results["manual"].status == "converged"


def test_the_epochs_without_standardising_are_those_that_it_takes():
    problem = cars()
    told = advice.on_all_samples(problem)
    result = compare(problem, ["manual"], lr=told.lr, epochs=int(told.epochs)).results["manual"]
    slope, offset = 3.932408759, -17.579094891  # R: lm(dist ~ speed, cars)
    start = problem.start.weight.item() - slope, problem.start.bias.item() - offset
    left = result.weight.item() - slope, result.bias.item() - offset
    assert 0.3e-3 < math.hypot(*left) / math.hypot(*start) < 1.001e-3


def test_a_diverged_run_is_told_what_to_type():
    told = " ".join(sentences(compare(certified("Norris", dtype=torch.float32))))
    assert re.search(r"diverged +manual \D*\b4\b", told)
    assert all(part in told for part in ("--standardize --lr 0.5", "2/(λmin+λmax)", "1 epoch", "3.4e-06", "3·10⁶"))
    batches = " ".join(sentences(compare(certified("Norris", standardize=True), lr=50.0, epochs=3, batch_size=1)))
    assert "--lr 0.129" in batches
    assert "epochs leave" not in batches


def test_the_rate_for_batches_is_safe_for_every_one_of_them():
    problem = certified("Norris", standardize=True)
    rate = advice.in_batches(problem)
    result = compare(problem, ["manual"], lr=rate.lr, epochs=30, batch_size=1).results["manual"]
    assert result.gaps.max() <= result.gaps[0]


def test_a_run_that_grows_or_creeps_is_told_too_and_one_that_converges_is_not():
    told = " ".join(sentences(compare(line(dtype=torch.float64), ["manual", "adam"], lr=2.0)))
    assert re.search(r"runs away +manual\b", told)
    assert re.search(r"\b0\.749\b.*\b66\b", told)
    assert not re.search(r"runs away +adam\b", told)
    assert any(row.startswith("advice") for row in sentences(compare(cars(), lr=1e-5)))
    assert not any(row.startswith("advice") for row in sentences(compare(line())))


def test_columns_that_depend_on_each_other_are_said():
    told = list(sentences(compare(certified("Filip"), epochs=3)))
    assert any(row.startswith("columns ") for row in told)
    x = torch.rand(30, 1, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    twice = from_data(torch.cat([x, 3 * x], 1), x, dtype=torch.float32)
    assert advice.on_all_samples(advice.standardised(twice)).epochs < 10


def test_where_nothing_moves_in_some_directions_the_curvature_is_not_the_same_in_all():
    one = compare(from_data([[1.0, 2.0], [2.0, 4.0], [3.0, 6.0]], [[1.0], [2.0], [4.0]], bias=False), "manual")
    (told,) = [sentence for sentence in sentences(one) if sentence.startswith("curvature")]
    assert one.curvature.rank == 1
    assert "every direction" not in told
    assert "inf" not in told
    assert "rank 1" in told


def test_the_headline_says_in_which_order_the_batches_are():
    drawn, kept = (render(compare(line(), "manual", epochs=1, batch_size=10, shuffle=new)) for new in (True, False))
    assert drawn.splitlines()[0] != kept.splitlines()[0]
    assert "1 epoch," in kept.splitlines()[0]


@pytest.mark.parametrize("word", ["best lr", "gap left", "stable up to", "diverged", "ended worse", "spread"])
def test_the_words_of_a_sweeps_tables_are_explained(word):
    assert word in glossary.TERMS

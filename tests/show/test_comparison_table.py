import torch
from certified import nist

from bpcompare.comparison.linear import compare
from bpcompare.problem.problem import from_data, line
from bpcompare.show.comparison_table import render, sentences


def cells(text):
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in text.splitlines() if row.startswith("|")]


def test_every_learned_number_stands_beside_truth_and_optimum():
    rows = cells(render(compare(line())))
    assert rows[0] == ["method", "parameter", "learned", "truth", "error", "optimum", "error"]
    assert rows[2] == ["manual", "weight", "1.31356144", "2", "-6.86e-01", "1.99973326", "-6.86e-01"]
    assert rows[3][:4] == ["", "bias", "1.37158942", "1"]


def test_the_loss_reached_stands_beside_the_optimums():
    rows = cells(render(compare(line(), epochs=200)))
    losses = {row[0]: row[1:] for row in rows if len(row) == 10}
    assert losses["autograd"][:2] == ["autograd", "GradientDescent"]
    assert losses["adam"][1] == "torch.optim.Adam"
    assert losses["optimum"][2] == "0.0104948"
    assert losses["adam"][-1] == "converged"


def test_a_terminal_gets_lines_and_colour_and_others_plain_text():
    comparison = compare(line(), epochs=2)
    assert "\x1b[" in render(comparison, width=100, color=True)
    plain = render(comparison)
    assert "\x1b[" not in plain
    assert "| manual" in plain


def test_measured_data_have_no_truth():
    x, y, _, _ = nist("Norris")
    assert "truth" not in render(compare(from_data(x, y, dtype=torch.float32)))


def test_a_diverged_run_is_told_the_largest_stable_rate():
    x, y, _, _ = nist("Norris")
    told = " ".join(sentences(compare(from_data(x, y, dtype=torch.float32))))
    assert "diverged   manual at step 4" in told
    assert "the largest stable rate is 3.40794e-06" in told
    assert "--standardize" in told
    batches = " ".join(
        sentences(compare(from_data(x, y, dtype=torch.float32, standardize=True), lr=50.0, batch_size=1))
    )
    assert "the largest rate that is safe for every batch is 0.259348" in batches
    assert "--standardize" not in batches


def test_a_run_that_grows_without_overflowing_is_told_too():
    told = " ".join(sentences(compare(line(dtype=torch.float64), ["manual", "adam"], lr=2.0)))
    assert "runs away  manual: its loss has grown to" in told
    assert "the largest stable rate is 0.788664" in told
    assert "runs away  adam" not in told


def test_an_optimum_that_is_not_unique_is_not_claimed():
    x = torch.tensor([[1.0, 2.0], [2.0, 4.0], [3.0, 6.0]])
    text = render(compare(from_data(x, x[:, :1]), ["manual"]))
    assert "not unique" in text
    assert "the inputs have rank 2 for 3 parameters per output" in text


def test_many_parameters_are_cut_and_say_where_they_are():
    text = render(compare(line(30, weight=[[1.0] * 20]), ["manual"], epochs=1))
    assert "… 9 more: comparison.json" in text


def test_names_with_brackets_are_shown_as_they_are():
    x = torch.tensor([[1.0], [2.0]])
    problem = from_data(x, x, x_names=("speed [km/h]",), y_names=("[bold]dist[/bold]",), name="[red]t.csv")
    wide = from_data(x, torch.cat([x, x], 1), x_names=("speed [km/h]",), y_names=("[bold]a", "b"))
    assert "[red]t.csv" in render(compare(problem, epochs=1))
    assert "weight[[bold]a, speed [km/h]]" in render(compare(wide, epochs=1))


def test_the_race_says_never_where_it_never_came():
    told = " ".join(sentences(compare(line(), ["autograd", "autograd+Adagrad"], epochs=20)))
    assert "race       autograd ~ autograd+Adagrad: the same gradient, another step" in told
    neither = " ".join(sentences(compare(line(), ["autograd", "adam"], epochs=1)))
    assert "neither came down to a tenth of the starting gap" in neither

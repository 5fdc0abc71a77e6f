import json
import re

import pytest
import torch
from rich.cells import cell_len
from torch import nn

from bpcompare.cli import main
from bpcompare.errors import InputError
from bpcompare.lessons.collapse import collapse
from bpcompare.lessons.equations import equations
from bpcompare.lessons.published import reproduce as reproduction
from bpcompare.lessons.published.figure import number, text, zero
from bpcompare.lessons.published.reproduce import SHAPES, reproduce
from bpcompare.lessons.published.source_errors import source_errors
from bpcompare.show import reproduction as shown


@pytest.fixture(scope="module")
def figures():
    return reproduce()


def test_86_figures_hold_or_are_explained(figures):
    assert len(figures) == 86  # as the site says
    assert {figure.source for figure in figures} == set("ABCDE")
    failed = [figure for figure in figures if figure.verdict not in ("holds", "explained")]
    assert failed == []
    assert [f.what for f in figures if f.verdict == "explained"] == ["w after 50 epochs, adam"]


def test_an_explained_figure_says_how_far_and_why(figures):
    (adam,) = (figure for figure in figures if figure.verdict == "explained")
    assert (adam.published, adam.recomputed) == ("1.378663420677185", "1.378663182258606")
    assert adam.difference.split()[0] == "2"
    assert adam.why


@pytest.mark.parametrize(
    ("published", "value", "options", "verdict"),
    [
        ("0.6667", 2 / 3, {}, "holds"),
        ("0.6667", 0.66664, {}, "fails"),
        ("2.0000", 2.0, {}, "holds"),
        ("-4", -4.0, {}, "holds"),
        ("-4", 4.0, {}, "fails"),
        ("-4", -4.0000001, {}, "fails"),  # a whole number is exact
        ("0.8101858733432837", 0.8101858733432838, {"why": "rounding"}, "explained"),
        ("0.8101858733432837", 0.8101858733432838, {}, "fails"),  # nobody says why
        ("0.8101858733432837", 0.8101858733433, {"why": "rounding"}, "fails"),  # too far for rounding
        ("1.378663420677185", 1.378663182258606, {"single": True, "why": "rounding"}, "explained"),
        ("1.378663420677185", 1.378663182258606, {"why": "rounding"}, "fails"),  # not in float64
        ("1.0", float("nan"), {}, "fails"),
    ],
)
def test_the_verdict_follows_the_digits_that_were_printed(published, value, options, verdict):
    assert number("A", "it", published, value, **options).verdict == verdict


def test_texts_hold_where_equal_and_equations_within_rounding():
    assert text("E", "shape", (100, 4), (100, 2)).verdict == "fails"
    assert zero("E", "a = b", 1e-13, 1.0).verdict == "holds"
    assert zero("E", "a = b", 1e-11, 1.0).verdict == "fails"
    assert zero("E", "a = b", 1.0, 0.0).verdict == "fails"


def test_every_error_of_the_sources_is_shown_by_numbers():
    errors = source_errors()
    assert all(error.shown for error in errors)
    assert {error.source for error in errors} == {*"ABCE", "a video course"}
    told = {error.written: error.shown_by for error in errors}
    assert any(re.findall(r"\d[\d.]*", shown_by) == ["4.0000", "4"] for shown_by in told.values())
    assert re.findall(r"\d[\d.]*", told["∂L/∂ŷ = 2(ŷ − y)/N"])[-2:] == ["3.0000", "3"]
    assert "nan" in told["σ′(z) = exp(z)/(1 + exp(z))²"]


@pytest.mark.usefixtures("computed_once")
def test_the_command_prints_writes_and_ends_with_0(tmp_path, capsys):
    assert main(["reproduce", "--out", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert "| w after 50 epochs, manual | 1.3135614395141602 | 1.3135614395141602 | none | holds |" in printed
    assert printed.startswith((tmp_path / "reproduce.md").read_text())
    document = json.loads((tmp_path / "reproduce.json").read_text())
    assert len(document["figures"]) == 86
    assert len(document["errors"]) == 12
    assert main(["reproduce", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out) == document
    assert main(["reproduce", "--quiet"]) == 0
    assert capsys.readouterr().out == ""


def test_a_figure_that_does_not_hold_ends_with_1_and_is_named(monkeypatch, capsys):
    wrong = {**reproduction.NODES, "Linear": ("1.4512183820274132", None)}
    monkeypatch.setattr(reproduction, "NODES", wrong)
    assert main(["reproduce"]) == 1
    (failed,) = [row for row in capsys.readouterr().out.splitlines() if row.startswith("- ") and "fails" in row]
    assert "Linear" in failed
    assert re.findall(r"\d\.\d+", failed) == ["1.4512183820274132", "1.4512183820274032"]


def test_a_terminal_gets_tables_that_fit(figures):
    told = shown.render(figures, source_errors(), width=100, color=True)
    plain = re.sub(r"\x1b\[[0-9;]*m", "", told)
    assert max(map(len, plain.splitlines())) <= 100
    assert "1.3135614395141602" in plain
    assert shown.summary(figures) in plain


@pytest.mark.usefixtures("computed_once")
def test_the_command_prints_tables_on_a_terminal(monkeypatch, capsys):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "120")
    assert main(["reproduce"]) == 0
    printed = capsys.readouterr().out
    assert "| " not in printed
    assert printed.strip().endswith(".")
    assert " explained." in printed


def test_markdown_keeps_bars_and_stars_inside_their_cells(figures):
    document = shown.to_markdown(figures, source_errors())
    rows = [line for line in document.splitlines() if line.startswith("| ")]
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} <= {5, 6}
    assert r"∂Loss/∂Sigmoid\*∂Sigmoid/∂Linear\*∂Linear/∂k" in document


@pytest.mark.parametrize(("inputs", "outputs"), SHAPES)
def test_the_equations_say_what_the_layer_computes(inputs, outputs):
    torch.manual_seed(0)  # a number below 1e-4, one in some thousands, would be written as a power of ten
    layer = nn.Linear(inputs, outputs, dtype=torch.float64)
    x = torch.randn(inputs, dtype=torch.float64)
    both = equations(layer.weight, layer.bias, digits=17)
    names = {"x": x[0].item()} | {f"x{'₀₁₂₃₄₅₆₇₈₉'[i + 1]}": v.item() for i, v in enumerate(x)}
    for line, latex, exact in zip(both.text, both.latex, layer(x).tolist(), strict=True):
        right = line.split(" = ")[1].replace("·", "*").replace("−", "-")
        for name in sorted(names, key=len, reverse=True):
            right = right.replace(name, repr(names[name]) if names[name] >= 0 else f"({names[name]!r})")
        assert eval(right) == pytest.approx(exact, rel=1e-12)
        assert latex.count(r"\,x") == inputs


def test_equations_keep_signs_exponents_and_the_users_names():
    both = equations(torch.tensor([[-1e-9, 2.5e8]]), torch.tensor([-0.5]), ["speed, mph", "a_b"], ["$"])
    assert both.text == ("$ = −1·10⁻⁹·speed, mph + 2.5·10⁸·a_b − 0.5",)
    assert both.latex == (
        r"\mathrm{\$} = -1 \cdot 10^{-9}\,\mathrm{speed,\ mph} + 2.5 \cdot 10^{8}\,\mathrm{a\_b} - 0.5",
    )
    assert equations(torch.tensor([[2.0]])).text == ("y = 2·x",)


def test_a_layer_brings_its_weight_and_bias():
    layer = nn.Linear(3, 2)
    assert equations(layer) == equations(layer.weight, layer.bias)
    assert equations(nn.Linear(2, 1, bias=False)).text[0].count("x") == 2
    with pytest.raises(InputError, match="bias"):
        equations(layer, layer.bias)


@pytest.mark.parametrize("weight", [nn.Linear, nn.ReLU(), "2x + 1", None, object()])
def test_what_is_no_weight_is_refused_by_what_came(weight):
    with pytest.raises(InputError, match="weight must be"):
        equations(weight)


@pytest.mark.parametrize("digits", [0, 18, 10**30, 2.5, True, None])
def test_digits_are_those_of_a_float64(digits):
    with pytest.raises(InputError, match=r"^digits\b.*\b1\b.*\b17\b"):
        equations(nn.Linear(1, 1), digits=digits)


WIDTHS = [(2, 3), (2, 0, 1), (2.5, 3, 1), (True, 3, 1), (2, 3, 10**30), 5, "123", None, (1, 2, 3, 4)]


@pytest.mark.parametrize(
    "options", [*({"layers": widths} for widths in WIDTHS), {"seed": 2**70}, {"seed": 0.5}], ids=str
)
def test_a_collapse_without_three_widths_or_with_a_seed_out_of_range_is_refused(options):
    with pytest.raises(InputError, match="must be"):
        collapse(**options)


@pytest.mark.parametrize(
    "arguments", [(torch.ones(3),), (torch.ones(2, 3), torch.ones(3)), (torch.ones(1, 2), None, ["x"])]
)
def test_shapes_and_names_that_do_not_fit_are_refused(arguments):
    with pytest.raises(InputError, match="got"):
        equations(*arguments)


def test_the_command_writes_the_published_line_and_five_shapes(capsys):
    assert main(["equations"]) == 0
    printed = capsys.readouterr().out
    assert "    y = 1.31356·x + 1.37159\n" in printed  # A's published w and b
    assert [f"nn.Linear({i}, {o})" in printed for i, o in SHAPES] == [True] * 5
    assert r"y_{3} = " in printed
    assert main(["equations", "--shape", "3,1", "--digits", "3", "--no-bias"]) == 0
    assert "x₃" in capsys.readouterr().out


def test_the_equations_of_a_table_use_its_names(tmp_path, capsys):
    table = tmp_path / "t.csv"
    table.write_text("speed,dist\n0,1\n1,3\n2,5\n")
    options = ["--csv", str(table), "--x", "speed", "--y", "dist", "--lr", "0.3", "--epochs", "500"]
    assert main(["equations", *options, "--dtype", "float64"]) == 0
    assert "dist = 2·speed + 1\n" in capsys.readouterr().out


def test_two_linear_layers_are_one_and_a_tanh_prevents_it():
    found = collapse((4, 2, 3), seed=5)
    x = torch.randn(7, 4, dtype=torch.float64)
    assert torch.allclose(found.two(x), found.one(x), rtol=1e-13)
    assert found.output_difference < 1e-14
    assert max(found.gradient_differences.values()) < 1e-13  # sums of 50 products in float64
    assert set(found.gradient_differences) == {"∂L/∂W₁", "∂L/∂b₁", "∂L/∂W₂", "∂L/∂b₂"}
    assert found.rank == 2
    assert found.linear_gap < 1e-12
    assert found.curved_gap > 0.01


def test_the_collapse_command_shows_both(capsys):
    assert main(["collapse", "--layers", "2,4,1"]) == 0
    printed = capsys.readouterr().out
    assert "W₂(W₁x + b₁) + b₂ = (W₂W₁)x + (W₂b₁ + b₂)" in printed
    assert "∂L/∂W₁ = W₂ᵀ·∂L/∂W" in printed


@pytest.mark.parametrize(
    "arguments",
    [["collapse", "--layers", "3"], ["equations", "--shape", "1"], ["reproduce", "--format", "xml"]],
)
def test_wrong_options_of_the_lessons_are_one_sentence(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("width", [60, 80, 120])
def test_on_a_terminal_no_published_figure_is_cut_or_broken(figures, width):
    errors = source_errors()
    text = shown.render(figures, errors, width=width)
    words = set(text.split())
    for cell in (part for f in figures for part in (f.what, f.published)):
        assert set(cell.split()) <= words
    numbers = {f.recomputed for f in figures if f.recomputed != f.published and " " not in f.recomputed}
    assert numbers <= words
    assert {word for e in errors for part in (e.written, e.right, e.shown_by) for word in part.split()} <= words
    assert max(map(cell_len, text.splitlines())) <= width


@pytest.mark.parametrize(("layers", "lines"), [("20,3,20", 20), ("21,3,2", 0), ("2,3,400", 0)])
def test_a_collapse_writes_its_equations_out_where_a_reader_can_follow_them(layers, lines, capsys):
    assert main(["collapse", "--layers", layers]) == 0
    printed = capsys.readouterr().out
    assert sum("·x₁ " in line and line.startswith("  y") for line in printed.splitlines()) == lines
    assert len(printed) < 20_000

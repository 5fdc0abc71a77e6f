import io
import re
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from certified import nist
from matplotlib.figure import Figure
from pictures import without_ticks
from PIL import Image

from bpcompare.comparison.linear import compare
from bpcompare.problem.column_names import fault_of_name
from bpcompare.problem.from_data import from_data
from bpcompare.problem.line import line
from bpcompare.show import comparison_figures, landscape
from bpcompare.show.comparison_figures import figures
from bpcompare.show.page import drawn_for
from bpcompare.show.panels import drawn_rows
from bpcompare.show.style import house_style, line_styles, plain, to_bytes


def texts(figure):
    found = [figure.get_suptitle()]
    for axes in figure.axes:
        legend = axes.get_legend()
        found += [axes.get_title(), axes.get_xlabel(), axes.get_ylabel()]
        found += [text.get_text() for text in legend.get_texts()] if legend else []
    return found + [text.get_text() for legend in figure.legends for text in legend.get_texts()]


def picture(comparison, name):
    """One picture; `figures` makes all three."""
    problem = comparison.problem
    with house_style(problem.name, *problem.x_names, *problem.y_names):
        return getattr(comparison_figures, f"_{name}")(comparison)


def drawn_line(axes, label):
    return next(line for line in axes.lines if line.get_label() == label)


def levels(axes):
    """Where lines are drawn across all the picture, from one end to the other."""
    return [line.get_ydata()[0] for line in axes.lines if list(line.get_xdata()) == list(axes.get_xlim())]


def numbers(text):
    return [float(number.replace(",", "")) for number in re.findall(r"\d[\d,]*(?:\.\d+)?", text)]


def test_a_png_can_be_opened_and_is_not_blank():
    for figure in figures(compare(line(), ["manual"])).values():
        image = Image.open(io.BytesIO(to_bytes(figure, "png")))
        assert image.width > 400
        assert np.asarray(image.convert("L")).std() > 5


def test_losses_are_drawn_side_by_side_and_together_on_a_log_axis():
    comparison = compare(line())
    figure = picture(comparison, "loss")
    assert [axes.get_title() for axes in figure.axes] == ["together", "manual", "autograd", "adam"]
    assert all(axes.get_yscale() == "log" for axes in figure.axes)
    for name, result in comparison.results.items():
        assert list(drawn_line(figure.axes[0], name).get_ydata()) == result.losses.tolist()
    floor = drawn_line(figure.axes[0], "least-squares optimum, 0.01049")
    assert floor.get_ydata()[0] == comparison.optimum.loss


def test_a_floor_far_below_does_not_flatten_the_curves():
    comparison = compare(line(noise=0.0), ["manual"])
    axes = picture(comparison, "loss").axes[0]
    assert axes.get_ylim()[0] > 1e-6
    (floor,) = [line for line in axes.lines if f"{comparison.optimum.loss:.4g}" in line.get_label()]
    assert len(floor.get_xdata()) == 0  # in the legend only


def test_paths_are_drawn_against_truth_and_optimum():
    comparison = compare(line())
    figure = picture(comparison, "parameters")
    assert [axes.get_title() for axes in figure.axes] == ["weight", "bias"]
    optimum = comparison.optimum
    assert levels(figure.axes[0]) == [optimum.weight.item(), 2.0]
    assert levels(figure.axes[1]) == [optimum.bias.item(), 1.0]
    named = [numbers(text.get_text()) for text in figure.axes[0].get_legend().get_texts()]
    assert named == [[float(f"{optimum.weight.item():.6g}")], [2.0]]
    assert {"manual", "autograd", "adam"} <= set(texts(figure))


def test_diverged_runs_are_named_and_leave_the_others_readable():
    x, y, _, _ = nist("Norris")
    drawn = figures(compare(from_data(x, y, dtype=torch.float32)))
    assert any(text.startswith("manual") and numbers(text) == [4] for text in texts(drawn["loss"]))
    for axes, name in zip(drawn["parameters"].axes, ("weight", "bias"), strict=True):
        assert axes.get_title().startswith(name)
        assert axes.get_title() != name  # it says that some paths are not seen whole
    assert drawn["parameters"].axes[0].get_ylim()[1] < 10
    fit = drawn["fit"].axes[0]
    handles = dict(zip(*reversed(fit.get_legend_handles_labels()), strict=True))
    (gone,) = [handles[label] for label in handles if "manual" in label]
    assert (gone.get_linestyle(), gone.get_marker()) == ("None", "")
    assert (handles["data"].get_linestyle(), handles["data"].get_marker()) == ("None", ".")


def test_a_run_about_to_overflow_can_still_be_drawn():
    x, y, _, _ = nist("Pontius")
    comparison = compare(from_data(x, y), ["manual"], epochs=5)
    assert comparison.results["manual"].status == "stopped"
    assert comparison.results["manual"].loss > 1e200
    drawn = figures(comparison)
    assert all(to_bytes(figure, "png") for figure in drawn.values())
    assert drawn["loss"].axes[0].get_ylim()[1] < 1e30


def test_one_input_shows_the_lines_and_several_predicted_against_measured():
    one = picture(compare(line()), "fit").axes[0]
    assert (one.get_xlabel(), one.get_ylabel()) == ("x", "y")
    several = picture(compare(line(weight=[[1.0, 2.0], [3.0, 4.0]]), lr=5.0), "fit")
    assert [axes.get_ylabel() for axes in several.axes] == ["y1, predicted", "y2, predicted"]
    assert "predicted = measured" in texts(several)
    (gone,) = [line for line in several.axes[0].lines if "manual" in line.get_label()]
    assert len(gone.get_xdata()) == 0


def test_many_samples_and_parameters_are_cut_and_say_so():
    drawn = figures(compare(line(5001, weight=[[1.0] * 9]), ["manual"], epochs=1))
    assert numbers(drawn["parameters"].get_suptitle()) == [6, 10]
    assert "history.csv" in drawn["parameters"].get_suptitle()
    assert numbers(drawn["fit"].get_suptitle()) == [2_000, 5_001]
    assert drawn["fit"].axes[0].lines[1].get_xdata().__len__() == 2000


def test_an_optimum_of_many_is_called_one_of_many():
    x = torch.ones(3, 1)
    assert any("one of many" in text for text in texts(picture(compare(from_data(x, x), ["manual"]), "parameters")))


def test_ways_differ_in_more_than_colour():
    styles = line_styles("abcdefg").values()
    assert len({(str(s["linestyle"]), s["linewidth"], s.get("marker")) for s in styles}) == 7


NAMES = ["速度", "Größe", "$x_1$ {broken", "\\frac{1}{2", "<svg>&amp;", "x" * 300]


@pytest.fixture(scope="module")
def oddly_named():
    """The fit of columns of all these names."""
    x = torch.tensor([[1.0], [2.0]])
    problem = from_data(x, x.expand(2, 6), x_names=("x",), y_names=NAMES)
    return without_ticks(picture(compare(problem, ["manual"], epochs=1), "fit"))


@pytest.mark.parametrize("format", ["png", "svg", "pdf"])
def test_any_column_name_can_be_drawn(format, oddly_named):
    shown = "\n".join(texts(oddly_named))
    assert all(plain(name) in shown for name in NAMES)
    assert to_bytes(oddly_named, format)


def test_a_dollar_is_not_a_formula():
    assert plain("$a$") == r"\$a\$"
    assert len(plain("x" * 300)) == 40


def test_a_loss_near_the_end_of_float64_leaves_the_axis_and_not_a_warning():
    comparison = compare(line(dtype=torch.float64), ["manual"], lr=3.0, epochs=3000)
    assert comparison.results["manual"].losses.max() > 1e290
    drawn = picture(comparison, "loss")
    assert to_bytes(drawn, "svg")
    assert max(v for axes in drawn.axes for v in axes.lines[0].get_ydata() if v == v) <= 1e250


@pytest.mark.parametrize("lr", [0.8, 1.2, 5.0])
def test_a_run_that_swings_out_draws_no_block(lr):
    comparison = compare(line(), ["manual"], lr=lr, epochs=3000)
    assert comparison.results["manual"].ran_away
    drawn = figures(comparison)
    for axes in drawn["parameters"].axes:
        path = next(line for line in axes.lines if line.get_label() == "manual")
        best = (
            comparison.optimum.weight.item()
            if axes.get_title().startswith("weight")
            else comparison.optimum.bias.item()
        )
        away = [abs(value - best) for value in path.get_ydata()]
        assert max(away[:-1]) <= 1.5 * away[0]
    bands = [line.get_linewidth() for axes in (*drawn["loss"].axes, *drawn["parameters"].axes) for line in axes.lines]
    assert max(bands) <= 2.5


def test_the_loss_says_data_and_settings_and_its_crosses_differ_from_every_curve():
    figure = picture(compare(line(), epochs=7), "loss")
    assert figure.get_suptitle().startswith("line, ")
    assert numbers(figure.get_suptitle()) == [100, 0.1, 7]
    crosses = {line.get_color() for axes in figure.axes for line in axes.lines if line.get_marker() == "x"}
    assert len(crosses) == 1
    assert not crosses & {style["color"] for style in line_styles("abcdefg").values()}


def test_many_points_are_a_haze_under_the_lines():
    drawn = picture(compare(line(5000), ["manual"], epochs=1), "fit").axes[0]
    points, *lines = drawn.lines
    assert points.get_alpha() < 0.5
    assert points.get_zorder() < min(line.get_zorder() for line in lines)
    several = picture(compare(line(5000, weight=[[1.0, 2.0]]), ["manual"], epochs=1), "fit").axes[0]
    diagonal = drawn_line(several, "predicted = measured")
    assert diagonal.get_zorder() > several.lines[1].get_zorder()


@pytest.fixture(scope="module")
def short():
    """A comparison of which pictures are quickly made."""
    return compare(line(), ["manual"], epochs=2)


@pytest.fixture(scope="module")
def small_type(short):
    """The size of a label that is not on a slide."""
    return picture(short, "loss").axes[0].xaxis.label.get_size()


@pytest.fixture(scope="module")
def slide(short):
    """The losses on a slide."""
    with drawn_for("slides"):
        return picture(short, "loss")


@pytest.mark.parametrize("format", ["png", "svg", "pdf"])
def test_slides_are_sixteen_to_nine_with_large_type(format, slide, small_type):
    with drawn_for("slides"):
        content = to_bytes(slide, format)
    width, height = slide.get_size_inches()
    assert width / height == pytest.approx(16 / 9)
    assert slide.axes[0].xaxis.label.get_size() > 1.3 * small_type
    if format == "png":
        assert Image.open(io.BytesIO(content)).size == (1920, 1080)


def test_a_figure_of_fixed_places_keeps_its_shape_on_a_slide():
    figure = Figure(figsize=(2, 8))
    axes = figure.add_axes((0, 0, 1, 1))
    with drawn_for("slides", 50):
        to_bytes(figure, "png")
    width, height = figure.get_size_inches()
    box = axes.get_position()
    assert width / height == pytest.approx(16 / 9)
    assert box.width * width / (box.height * height) == pytest.approx(2 / 8)


def test_dots_per_inch_scale_a_png_only():
    figure = picture(compare(line(), epochs=2), "fit")
    plain_size = Image.open(io.BytesIO(to_bytes(figure, "png"))).size
    with drawn_for("paper", 220):
        assert Image.open(io.BytesIO(to_bytes(figure, "png"))).size == (2 * plain_size[0], 2 * plain_size[1])


ODD_NAMES = ["a\x1b[2Jb", "\x00", "a]]>b", "&<\"'>", "\u202e", "\ufffe", "\ud800", "$" * 50, "w" * 5000]


@pytest.mark.parametrize("name", ODD_NAMES)
def test_a_picture_of_data_of_any_name_is_well_formed(name):
    x = torch.tensor([[1.0], [2.0]])
    drawn = figures(compare(from_data(x, x, name=name), ["manual"], epochs=1))
    title, *rest = [text for figure in drawn.values() for text in texts(figure)]
    assert title.startswith(plain(name))
    assert not any(plain(name) in text for text in rest)
    for axes in drawn["loss"].axes:
        axes.set_visible(False)  # what they hold is the same for every name
    ElementTree.fromstring(to_bytes(drawn["loss"], "svg"))


def test_a_picture_of_columns_of_any_name_is_well_formed():
    names = [name for name in ODD_NAMES if not fault_of_name(name)]  # a column of such a name is refused
    assert len(names) == 4
    x = torch.eye(4)
    comparison = compare(from_data(x, x, x_names=names, y_names=names, bias=False), ["manual"], epochs=2)
    drawn = figures(comparison) | {"landscape": landscape.figure(comparison)}
    loss = "\n".join(texts(drawn.pop("loss")))
    assert not any(plain(name) in loss for name in names if len(name) > 5)
    for figure in drawn.values():
        ElementTree.fromstring(to_bytes(without_ticks(figure), "svg"))
    assert all(plain(name) in "\n".join(texts(drawn["fit"])) for name in names)


@pytest.mark.parametrize("samples", [1, 2_000, 2_001, 50_000])
def test_the_samples_that_are_drawn_are_spread_over_all_and_each_is_drawn_once(samples):
    rows = drawn_rows(line(samples))
    assert len(rows) == min(samples, 2_000)
    assert bool((rows.diff() > 0).all())
    assert rows[0] < max(samples / 2_000, 1)
    assert rows[-1] >= samples - max(samples / 2_000, 1) - 1


@pytest.mark.parametrize("period", [7, 24, 100, 1_000])
def test_data_with_a_period_are_drawn_at_every_place_of_it(period):
    assert len(set((drawn_rows(line(200_000)) % period).tolist())) > 0.8 * period

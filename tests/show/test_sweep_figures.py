import pytest
from matplotlib.colors import to_hex

from bpcompare.problem.line import line
from bpcompare.show import style, sweep_figures, sweep_spread
from bpcompare.show.page import drawn_for
from bpcompare.sweeps.summary import Summary
from bpcompare.sweeps.sweep import sweep


def swept(rates, methods=("manual", "adam"), seeds=3, **options):
    problems = [line(seed=seed, **options) for seed in range(seeds)]
    return Summary(sweep(problems, rates, methods, epochs=20), noise=options.get("noise", 0.1))


def drawn(name, *given, **options):
    """One picture of a sweep; `figures` makes all three."""
    summary = swept(*given, **options)
    styles = {"styles": sweep_figures._styles(summary)} if name == "sweep_spread" else {}
    makers = {"sweep": sweep_figures._curves, "sweep_map": sweep_figures._map, "sweep_spread": sweep_spread.figure}
    with style.house_style():
        return makers[name](summary, **styles)


def legend(figure):
    return [text.get_text() for part in figure.legends for text in part.get_texts()]


def vertical(axes):
    return [line for line in axes.lines if len(set(line.get_xdata())) == 1 and len(line.get_xdata()) == 2]


def test_the_limit_of_gradient_descent_is_on_its_own_panel_only():
    figure = drawn("sweep_map", [0.01, 0.1, 1.0, 5.0])
    panels = {axes.get_title(): axes for axes in figure.axes if axes.get_title()}
    assert len(vertical(panels["manual"])) == 2
    assert vertical(panels["adam"]) == []


def test_a_limit_outside_the_map_is_not_in_its_legend():
    assert not any("limit" in text for text in legend(drawn("sweep_map", [0.01, 0.1])))
    assert any("limit" in text for text in legend(drawn("sweep_map", [0.1, 1.0])))


def test_without_gradient_descent_no_picture_has_its_limit():
    pictures = sweep_figures.figures(swept([0.01, 0.1, 1.0], ["adam"]))
    texts = [text.get_text() for text in pictures["sweep"].axes[0].get_legend().get_texts()]
    assert texts == ["adam"]
    assert not any("limit" in text for text in legend(pictures["sweep_map"]))


def test_every_dash_means_one_thing():
    methods = ["manual", "adam", "AdamEpsInside", "AdamMomentumOnly", "AdamRMSPropOnly"]
    methods = [methods[0], methods[1], *[f"moments+{rule}" for rule in methods[2:]]]
    axes = drawn("sweep", [0.01, 0.1, 1.0], methods).axes[0]
    looks = [(line.get_linestyle(), line._dash_pattern, to_hex(line.get_color())) for line in axes.lines if line]
    named = [look for look, line in zip(looks, axes.lines, strict=True) if not line.get_label().startswith("_")]
    assert len(named) == len({str(look) for look in named}) == len(methods) + 2


@pytest.mark.parametrize(
    ("rates", "seeds", "words", "absent"),
    [
        ([0.01, 0.1], 3, ["median of 3 seeds", "band", "star"], []),
        ([0.01, 0.1], 1, ["star"], ["median", "band"]),
        ([1e4], 3, [], ["median", "band", "star"]),
    ],
)
def test_the_title_names_only_what_is_drawn(rates, seeds, words, absent):
    axes = drawn("sweep", rates, seeds=seeds).axes[0]
    title = axes.get_title()
    assert all(word in title for word in words)
    assert not any(word in title for word in absent)
    assert ("star" in title) == any(line.get_marker() == "*" for line in axes.lines)
    assert ("band" in title) == any(len(part.get_paths()) > 0 for part in axes.collections)


def test_diverged_runs_are_hatched_and_named_so_only_where_there_are_any():
    calm, wild = drawn("sweep_map", [0.01, 0.1]), drawn("sweep_map", [0.1, 1e6])
    assert not any("diverged" in text or "worse" in text for text in legend(calm))
    assert any("diverged" in text for text in legend(wild))
    handles = {handle.get_label(): handle for part in wild.legends for handle in part.legend_handles}
    (diverged,) = (handle for label, handle in handles.items() if "diverged" in label)
    assert diverged.get_hatch()
    assert to_hex(diverged.get_facecolor()) == "#ffffff"  # no solid block, like no colour of the data


@pytest.mark.parametrize("options", [{"noise": 0.0}, {"weight": [[1.0, 2.0], [3.0, 4.0]]}, {"learn_bias": False}])
@pytest.mark.parametrize("rates", [[0.1], [1e4], [1e-30, 1e30]])
def test_every_sweep_can_be_drawn(rates, options):
    if "noise" in options:
        pictures = sweep_figures.figures(swept(rates, ["manual"], seeds=2, **options))
        assert list(pictures) == ["sweep", "sweep_map", "sweep_spread"]
    else:  # what the others show is one number of each run, of whatever problem
        pictures = {"sweep_spread": drawn("sweep_spread", rates, ["manual"], seeds=2, **options)}
    with drawn_for("paper", 45):
        for figure in pictures.values():
            assert style.to_bytes(figure, "png")


def test_a_method_for_which_nothing_worked_is_not_in_the_picture_of_what_was_learned():
    names = legend(drawn("sweep_spread", [1e4], ["manual"]))
    assert not any("manual" in name for name in names)
    assert "least squares" in names

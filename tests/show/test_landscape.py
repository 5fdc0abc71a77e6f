import io
import itertools

import numpy as np
import pytest
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image

from bpcompare.comparison.linear import compare
from bpcompare.problem.from_data import from_data
from bpcompare.problem.line import line
from bpcompare.show import animation, landscape, loss_plane
from bpcompare.show.page import drawn_for
from bpcompare.show.style import Picture, house_style, to_bytes

PANELS = (animation._fit, animation._landscape, animation._curves)

WIDE = {"weight": [[1.0, 2.0, 3.0], [0.0, -1.0, 2.0]], "bias": [1.0, 2.0]}


def test_height_above_the_plane_is_the_loss_above_the_optimum():
    problem = line(dtype=torch.float64)
    comparison = compare(problem)
    seen = loss_plane.plane(comparison)
    for w, b in ((0.0, 0.0), (2.0, 1.0), (-3.0, 5.0)):
        loss = (problem.y - w * problem.x - b).square().mean().item()
        assert seen.gaps(torch.tensor([w, b], dtype=torch.float64)).item() == pytest.approx(
            loss - comparison.optimum.loss, rel=1e-9
        )


def test_a_step_in_the_plane_of_two_eigenvectors_costs_what_the_plane_says():
    problem = line(dtype=torch.float64, **WIDE)
    comparison = compare(problem)
    seen = loss_plane.plane(comparison)
    assert len(seen.names) == 2
    point = torch.tensor([0.3, -1.2], dtype=torch.float64)
    numbers = seen.origin + torch.einsum("c,cpo->po", point, seen.axes)
    loss = (problem.x @ numbers[:-1] + numbers[-1] - problem.y).square().mean().item()
    assert loss - comparison.optimum.loss == pytest.approx(seen.gaps(point).item(), rel=1e-8)
    assert torch.allclose(seen.place(numbers[None, :-1].mT, numbers[None, -1]), point[None])


def test_the_two_most_telling_directions_hold_the_largest_parts_of_the_starting_gap():
    comparison = compare(line(dtype=torch.float64, **WIDE))
    shares = [float(name.split("(")[1].split(" %")[0]) for name in loss_plane.plane(comparison).names]
    excess = comparison.modes.initial_excess
    largest = (excess / excess.sum()).flatten().sort(descending=True).values[:2]
    assert shares == pytest.approx((100 * largest).tolist(), rel=0.01)


def test_gradient_descent_moves_along_each_eigenvector_by_itself():
    comparison = compare(line(dtype=torch.float64, **WIDE), ["manual"])
    seen = loss_plane.plane(comparison)
    path = loss_plane.paths(comparison, seen)["manual"]
    ratios = path[1:6] / path[:5]
    assert torch.allclose(ratios, 1 - 0.1 * seen.hessian.diagonal().expand_as(ratios), rtol=1e-9)


def test_both_axes_have_one_scale_and_everything_is_named():
    axes = landscape.figure(compare(line())).axes[0]
    assert axes.get_aspect() == 1
    assert axes.get_xlabel() == "weight"
    assert axes.get_ylabel() == "bias"
    named = [handle.get_label() for handle in axes.get_legend_handles_labels()[0]]
    assert named == ["start", "least squares", "truth", "manual", "autograd", "adam"]
    assert [text.get_text() for text in axes.texts if "λ" in text.get_text()] == ["λ₁ = 2.536", "λ₂ = 0.1341"]


def test_the_truth_of_a_standardised_problem_stands_where_it_belongs():
    comparison = compare(line(standardize=True, noise=0.0, dtype=torch.float64), ["manual"])
    axes = landscape.figure(comparison).axes[0]
    points = {artist.get_label(): artist.get_xydata()[0] for artist in axes.lines}
    assert points["truth"] == pytest.approx(points["least squares"], abs=1e-9)  # without noise they are one
    assert axes.get_xlabel() != "weight"  # it is that of other units
    assert axes.get_xlabel().startswith("weight")


def test_a_path_that_climbs_out_is_cut_and_named():
    axes = landscape.figure(compare(line(), lr=0.9)).axes[0]
    assert axes.get_title().splitlines()[1].endswith(": manual, autograd")
    assert axes.get_ylim()[1] < 10


def test_one_parameter_is_a_valley_and_a_short_rank_has_many_optima():
    problem = line(learn_bias=False, dtype=torch.float64)
    comparison = compare(problem)
    valley = landscape.figure(comparison).axes[0]
    (curve,) = [line for line in valley.lines if len(line.get_xdata()) == 201]
    losses = [(problem.y - w * problem.x).square().mean().item() for w in curve.get_xdata()]
    assert curve.get_ydata() == pytest.approx([loss - comparison.optimum.loss for loss in losses], abs=1e-12)
    single = from_data(torch.tensor([[2.0]]), torch.tensor([[3.0]]))
    axes = landscape.figure(compare(single, lr=0.05)).axes[0]
    assert "least squares" not in axes.get_legend_handles_labels()[1]  # it says that there are many
    assert any(label.startswith("least squares") for label in axes.get_legend_handles_labels()[1])
    assert "λ₂ = 0" in [text.get_text() for text in axes.texts]


def test_an_input_that_says_nothing_can_be_drawn():
    flat = from_data(torch.zeros(3, 2), torch.ones(3, 1), bias=False)
    assert to_bytes(landscape.figure(compare(flat, ["manual"], epochs=2)), "png")[1:4] == b"PNG"


@pytest.fixture(scope="module")
def two_runs():
    """The landscapes of two runs that are the same."""
    return [landscape.figure(compare(line(), "manual", epochs=5)) for _ in range(2)]


@pytest.mark.parametrize("format", ["png", "svg", "pdf"])
def test_the_landscape_is_byte_identical_on_every_run(format, two_runs):
    first, second = (to_bytes(figure, format) for figure in two_runs)
    assert first == second


@pytest.mark.parametrize(
    ("problem", "options"),
    [
        (line(), {"epochs": 50}),
        (line(**WIDE), {"epochs": 3}),
        (line(learn_bias=False), {"lr": 30.0, "epochs": 200}),
        (line(noise=0.0, samples=1), {"epochs": 1}),
    ],
)
def test_the_frames_of_an_animation_grow_and_are_the_same_bytes_on_every_run(problem, options, monkeypatch):
    count = 6  # of all sixty is the example of `gif`
    monkeypatch.setattr(animation, "FRAMES", count)
    comparison = compare(problem, **options)
    drawn = []
    with drawn_for("paper", 45):
        content = animation.gif(comparison, lambda: drawn.append(1))
        assert len(drawn) == count
        assert not problem.in_features > 1 or animation.gif(comparison) == content
    picture = Image.open(io.BytesIO(content))
    assert picture.n_frames == count
    frames = []
    for frame in (0, count // 3, count - 1):
        picture.seek(frame)
        frames.append(np.asarray(picture.convert("RGB")).astype(int))
    assert np.abs(frames[0] - frames[1]).max() > 100
    assert np.abs(frames[1] - frames[2]).max() > 100


def test_a_line_grows_straight_from_state_to_state_and_stops_at_the_last():
    states = torch.tensor([[0.0], [10.0], [30.0]])
    assert animation._at(states, 0.25).item() == 2.5
    assert animation._at(states, 1.5).item() == 20
    assert animation._at(states, 2.0).item() == 30
    assert animation._at(states, 9.0).item() == 30


def test_equal_eigenvalues_have_no_axes_of_their_own():
    axes = landscape.figure(compare(line(standardize=True), lr=0.4)).axes[0]
    assert axes.get_aspect() == 1
    assert any("λ₁ = λ₂ = 2" in text.get_text() for text in axes.texts)
    assert {style.get_linestyle() for style in axes.lines} <= {"-", "--", "None"}


def test_nothing_that_stands_still_overlaps_in_the_animation():
    comparison = compare(line(standardize=True), lr=0.4)
    with house_style():
        figure = Picture(figsize=(11.0, 4.4), dpi=90, layout="constrained")
        panels = figure.subplots(1, 3)
        grow = [make(axes, comparison) for make, axes in zip(PANELS, panels, strict=True)]
        assert len(grow) == 3
        FigureCanvasAgg(figure).draw()
        renderer = figure.canvas.get_renderer()
        boxes = [axes.get_tightbbox(renderer) for axes in panels]
    assert not any(a.overlaps(b) for a, b in itertools.combinations(boxes, 2))
    assert not panels[1].texts

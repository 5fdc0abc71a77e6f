"""Fit, landscape and loss curves growing together, as an animated GIF."""

import io
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.lines import Line2D
from PIL import Image
from torch import Tensor

from bpcompare.comparison.linear import Comparison
from bpcompare.language import _
from bpcompare.show import fonts, landscape, loss_plane
from bpcompare.show.page import chosen
from bpcompare.show.panels import cloud, drawn_rows
from bpcompare.show.style import GREY, Picture, house_style, letters_of, line_styles, plain

DPI, MOST_DPI = 90, 120  # of 60 frames
FRAMES = 60
FRAME_TIME = 100  # milliseconds
LAST_FRAME_TIME = 3_000
COLORS = 256

Panel = Callable[[float], list[Line2D]]


def gif(comparison: Comparison, on_frame: Callable[[], object] | None = None) -> bytes:
    """An animated GIF of 60 frames, the same bytes on every run: what each method knows as the epochs go by.

    The early epochs, in which most happens, get more frames: frame f shows epoch E·(f/59)^1.5. Between two states the
    lines grow straight from one to the next.

    Args:
        comparison: What to show.
        on_frame: Called after every frame.

    Example:
        >>> from bpcompare.comparison.linear import compare
        >>> from bpcompare.problem.line import line
        >>> Image.open(io.BytesIO(gif(compare(line(), "manual", epochs=2)))).n_frames
        60
    """
    problem = comparison.problem
    with house_style(problem.name, *problem.x_names, *problem.y_names):
        page = chosen()
        size = (11.0, 4.4) if page.size is None else (11.0, 11.0 * page.size[1] / page.size[0])
        figure = Picture(figsize=size, dpi=min(page.dpi or DPI, MOST_DPI), layout="constrained")
        canvas = FigureCanvasAgg(figure)
        panels = figure.subplots(1, 3)
        grow = [_fit(panels[0], comparison), _landscape(panels[1], comparison), _curves(panels[2], comparison)]
        count = figure.suptitle(" ", animated=True)
        # A bar that grows with every frame: a reader sees how long it goes on, and no two frames are one.
        bar = Line2D([], [], color=GREY, linewidth=5, animated=True)
        figure.add_artist(bar)
        handles, labels = panels[1].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))
        fonts.note_missing(letters_of(figure))
        canvas.draw()
        background = canvas.copy_from_bbox(figure.bbox)
        frames = []
        for frame in range(FRAMES):
            epoch = comparison.epochs * (frame / (FRAMES - 1)) ** 1.5
            canvas.restore_region(background)
            for panel in grow:
                for line in panel(epoch):
                    line.draw(canvas.get_renderer())
            bar.set_data([0, (frame + 1) / FRAMES], [0, 0])
            bar.draw(canvas.get_renderer())
            count.set_text(_("epoch {epoch:,} of {epochs:,}", epoch=math.floor(epoch), epochs=comparison.epochs))
            count.draw(canvas.get_renderer())
            frames.append(Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB"))
            if on_frame:
                on_frame()
    return _encode(frames)


def _encode(frames: list[Image.Image]) -> bytes:
    """One palette for all frames, so that nothing flickers."""
    palette = frames[-1].quantize(COLORS, Image.Quantize.MEDIANCUT, kmeans=3, dither=Image.Dither.NONE)
    first, *others = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]
    times = [FRAME_TIME] * (FRAMES - 1) + [LAST_FRAME_TIME]
    buffer = io.BytesIO()
    first.save(buffer, "GIF", save_all=True, append_images=others, duration=times, loop=0, optimize=False, disposal=1)
    return buffer.getvalue()


def _at(states: Tensor, epoch: float) -> Tensor:
    """The state at an epoch, on the straight line between the two it lies between; the last one after the end."""
    before = min(math.floor(epoch), len(states) - 1)
    after = min(before + 1, len(states) - 1)
    return states[before] + (epoch - before) * (states[after] - states[before]) if after > before else states[before]


def _until(states: Tensor, epoch: float) -> Tensor:
    return torch.cat([states[: math.floor(epoch) + 1], _at(states, epoch)[None]])


def _line(axes: Axes, style: dict[str, Any]) -> Line2D:
    (line,) = axes.plot([], [], **{**style, "animated": True})
    return line


def _fit(axes: Axes, comparison: Comparison) -> Panel:
    """The data with each method's line; with several inputs, what it predicts against what was measured."""
    problem = comparison.problem
    rows = drawn_rows(problem)
    x, y = problem.measured_x[rows], problem.measured_y[rows, 0]
    name = plain(problem.y_names[0])
    steady = [r for r in comparison.results.values() if r.status != "diverged" and r.gaps[-1] <= r.gaps[0]]
    ends = [problem.measured_x[rows] @ r.weights[k, 0] + r.biases[k, 0] for r in steady for k in (0, -1)]
    low, high = torch.cat([y, *ends]).min().item(), torch.cat([y, *ends]).max().item()
    margin = 0.04 * (high - low) or 1.0
    single = problem.in_features == 1
    if single:
        axes.plot(x[:, 0].tolist(), y.tolist(), ".", color="#777777", **cloud(len(rows), 4))
        x = torch.stack([x.amin(0), x.amax(0)])
        axes.set(xlabel=plain(problem.x_names[0]), ylabel=name, title=_("fit"))
    else:
        axes.plot([low, high], [low, high], color=GREY, linewidth=1)
        axes.set_xlim(y.min().item() - margin, y.max().item() + margin)
        axes.set(xlabel=_("{name}, measured", name=name), ylabel=_("{name}, predicted", name=name), title=_("fit"))
    across = (x[:, 0] if single else y).tolist()
    axes.set_ylim(low - margin, high + margin)
    looks = {} if single else {"linestyle": "", "marker": "o", "markersize": 3}
    lines = {key: _line(axes, {**style, **looks}) for key, style in line_styles(comparison.results).items()}

    def panel(epoch: float) -> list[Line2D]:
        for key, line in lines.items():
            result = comparison.results[key]
            fitted = x @ _at(result.weights, epoch)[0] + _at(result.biases, epoch)[0]
            line.set_data(across, fitted.tolist())
        return [*lines.values()]

    return panel


def _landscape(axes: Axes, comparison: Comparison) -> Panel:
    seen = landscape.draw(axes, comparison, small=True)
    styles = landscape.path_styles(comparison)
    every = loss_plane.paths(comparison, seen)
    lines = {name: _line(axes, {**styles[name], "markevery": [0]}) for name in every}
    heads = {name: _line(axes, {**_head(styles[name]), "label": "_"}) for name in every}

    def panel(epoch: float) -> list[Line2D]:
        for name, path in every.items():
            lines[name].set_data(*loss_plane.coordinates(seen, _until(path, epoch)))
            heads[name].set_data(*loss_plane.coordinates(seen, _at(path, epoch)[None]))
        return [*lines.values(), *heads.values()]

    return panel


def _head(style: dict[str, Any]) -> dict[str, Any]:
    return {"marker": style.get("marker", "o"), "color": style["color"], "markersize": 7, "markeredgecolor": "white"}


def _curves(axes: Axes, comparison: Comparison) -> Panel:
    results, styles = comparison.results, line_styles(comparison.results)
    axes.set_yscale("log")
    axes.set(xlabel=_("epoch"), title=_("mean squared error"), xlim=(0, comparison.epochs))
    losses = {name: result.losses.clamp(min=1e-300) for name, result in results.items()}
    highest = 100 * max(some[0].item() for some in losses.values())  # a diverging curve leaves the picture there
    seen = torch.cat([*losses.values()]).clamp(max=highest)
    axes.set_ylim(seen.min().item() / 1.5, seen.max().item() * 1.5)
    lines = {name: _line(axes, {**styles[name], "markevery": [0]}) for name in results}
    heads = {name: _line(axes, {**_head(styles[name]), "label": "_"}) for name in results}

    def panel(epoch: float) -> list[Line2D]:
        for name, some in losses.items():
            end = min(epoch, len(some) - 1)
            states = [float(k) for k in range(math.floor(end) + 1)] + [end]
            lines[name].set_data(states, _until(some, end).tolist())
            heads[name].set_data([end], [_at(some, end).item()])
        return [*lines.values(), *heads.values()]

    return panel

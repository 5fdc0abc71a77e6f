"""Break it: the ten pitfalls, predicted and measured."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from bpcompare.language import N_, _, english
from bpcompare.lessons.pitfalls.learning_rate import PITFALLS, run
from bpcompare.lessons.pitfalls.pitfall import Pitfall
from bpcompare.show.report.charts import HIGHEST, LINES, Chart, Figure, chart, in_lines, line, log_axis

NAMES = {
    "mistake": N_("the mistake, measured"),
    "predicted": N_("the mistake, predicted"),
    "right": N_("the right way"),
}


@dataclass(frozen=True, eq=False)
class Shown:
    """One pitfall with its chart."""

    pitfall: Pitfall
    chart: Chart


def pitfalls(on_part: Callable[[], object] | None = None) -> list[Shown]:
    """Every pitfall, run, with what the page shows of it."""
    shown = []
    for name in PITFALLS:
        pitfall = run(name)
        shown.append(Shown(pitfall, _chart(pitfall)))
        if on_part:
            on_part()
    return shown


def _chart(pitfall: Pitfall) -> Chart:
    figure = Figure()
    for (key, name), look in zip(NAMES.items(), LINES, strict=False):
        values = [v if math.isfinite(v) and abs(v) < HIGHEST else None for v in pitfall.curves[key]]
        figure.traces.append(line(list(range(len(values))), values, _(name), look))
    quantity = _(pitfall.quantity)
    if "nodes" in english(pitfall.quantity):
        figure.y["title"] = in_lines(quantity)
    else:
        log_axis(figure, quantity)
    figure.x["title"] = _("step")
    return chart(figure, 320)

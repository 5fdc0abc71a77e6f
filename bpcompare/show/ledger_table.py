"""Adam's ledger on the terminal."""

from collections.abc import Iterator

from bpcompare.comparison.adam_ledger import QUANTITIES, SCALES, Ledger, column
from bpcompare.problem.parameter_names import Entry, entries
from bpcompare.problem.problem import Problem
from bpcompare.show.comparison_table import MOST_PARAMETERS
from bpcompare.show.terminal import Columns, text

HEADINGS = ("g", "m", "v", "m̂", "v̂", "step", "ulp m", "ulp v", "ulp parameter")
SHOWN = 3  # first epochs; then the last


def render(ledger: Ledger, problem: Problem, *, width: int | None = None, color: bool = False) -> str:
    """The first steps and the last one, number by number, and what they show.

    Example:
        >>> from bpcompare.comparison.adam_ledger import ledger
        >>> from bpcompare.problem.problem import line
        >>> from bpcompare.training.train import train
        >>> print(render(ledger(train(line(), "adam"), 0.1), line()).splitlines()[0])
        ledger of adam: Adam by hand next to torch.optim.Adam, 50 steps; all of them are in ledger.csv
    """
    head = f"ledger of {ledger.run.method.name}: {ledger.rule.__name__} by hand next to torch.optim.Adam"
    shown = list(entries(problem))[:MOST_PARAMETERS]
    rows = []
    for epoch in sorted({*range(min(SHOWN, ledger.steps)), *range(ledger.steps)[-1:]}):
        for row, entry in enumerate(shown):
            numbers = [column(ledger, quantity, entry)[epoch].item() for quantity in QUANTITIES]
            cells = [f"{n:.6g}" for n in numbers[:6]] + [f"{n:,}" for n in numbers[6:]]
            rows.append(["" if row else str(epoch), entry.name, *cells])
    parts: list[Columns | str] = [
        f"{head}, {ledger.steps:,} steps; all of them are in ledger.csv",
        Columns(("epoch", "parameter", *HEADINGS), rows, keys=2, glued=HEADINGS[-2:]),
        "",
        *_sentences(ledger, shown[0]),
    ]
    return text(parts, width, color)


def _sentences(ledger: Ledger, entry: Entry) -> Iterator[str]:
    same = (
        "bit-equal in m, v and every parameter at every step"
        if not ledger.max_ulp
        else (f"m, v or a parameter is up to {ledger.max_ulp:,} units in the last place from it, on the same gradients")
    )
    yield f"torch      {same}."
    weights = ledger.first_steps["weight"]
    steps = entry.path(weights, weights[..., 0])
    sign = ledger.lr * column(ledger, "g", entry)[0].sign().item()
    pairs = ", ".join(f"{scale:g}·g → {step:.6g}" for scale, step in zip(SCALES, steps.tolist(), strict=True))
    yield f"first      step of {entry.name}, by the size of its gradient: {pairs}; lr·sign(g) is {sign:.6g}."

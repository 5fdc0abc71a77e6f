"""Adam's ledger on the terminal."""

from collections.abc import Iterator

from bpcompare.comparison.adam_ledger import QUANTITIES, SCALES, Ledger, column
from bpcompare.language import N_, _, listed
from bpcompare.problem.parameter_names import Entry, entries
from bpcompare.problem.problem import Problem
from bpcompare.show.comparison_table import MOST_PARAMETERS
from bpcompare.show.terminal import Columns, text

HEADINGS = ("g", "m", "v", "m̂", "v̂", N_("step"), "ulp m", "ulp v", N_("ulp parameter"))
SHOWN = 3  # first epochs; then the last


def render(ledger: Ledger, problem: Problem, *, width: int | None = None, color: bool = False) -> str:
    """The first steps and the last one, number by number, and what they show.

    Example:
        >>> from bpcompare.comparison.adam_ledger import ledger
        >>> from bpcompare.problem.line import line
        >>> from bpcompare.training.train import train
        >>> print(render(ledger(train(line(), "adam"), 0.1), line()).splitlines()[0])
        ledger of adam: Adam by hand next to torch.optim.Adam, 50 steps; all of them are in ledger.csv
    """
    shown = list(entries(problem))[:MOST_PARAMETERS]
    rows = []
    for epoch in sorted({*range(min(SHOWN, ledger.steps)), *range(ledger.steps)[-1:]}):
        for row, entry in enumerate(shown):
            numbers = [column(ledger, quantity, entry)[epoch].item() for quantity in QUANTITIES]
            cells = [f"{n:.6g}" for n in numbers[:6]] + [f"{n:,}" for n in numbers[6:]]
            rows.append(["" if row else str(epoch), entry.name, *cells])
    head = _(
        "ledger of {method}: {rule} by hand next to torch.optim.Adam, {steps:,} steps; all of them are in ledger.csv",
        method=ledger.run.method.name,
        rule=ledger.rule.__name__,
        steps=ledger.steps,
    )
    headings = [_(heading) for heading in HEADINGS]
    parts: list[Columns | str] = [
        head,
        Columns((_("epoch"), _("parameter"), *headings), rows, keys=2, glued=headings[-2:]),
        "",
        *_sentences(ledger, shown[0]),
    ]
    return text(parts, width, color)


def _sentences(ledger: Ledger, entry: Entry) -> Iterator[str]:
    if not ledger.max_ulp:
        yield _("torch      bit-equal in m, v and every parameter at every step.")
    else:
        yield _(
            "torch      m, v or a parameter is up to {ulp:,} units in the last place from it, on the same gradients.",
            ulp=ledger.max_ulp,
        )
    weights = ledger.first_steps["weight"]
    steps = entry.path(weights, weights[..., 0])
    sign = ledger.lr * column(ledger, "g", entry)[0].sign().item()
    pairs = listed(f"{scale:g}·g → {step:.6g}" for scale, step in zip(SCALES, steps.tolist(), strict=True))
    yield _(
        "first      step of {name}, by the size of its gradient: {pairs}; lr·sign(g) is {sign:.6g}.",
        name=entry.name,
        pairs=pairs,
        sign=sign,
    )

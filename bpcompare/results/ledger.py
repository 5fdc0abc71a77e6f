"""The ledger of Adam as a CSV table, and as columns of history.csv."""

from collections.abc import Iterator, Mapping

from torch import Tensor

from bpcompare.comparison.adam_ledger import QUANTITIES, Ledger, column
from bpcompare.problem.parameter_names import entries
from bpcompare.problem.problem import Problem
from bpcompare.results.formats import csv_bytes


def ledger_csv(ledgers: Mapping[str, Ledger], problem: Problem) -> bytes:
    """The ledgers as one table: a row for every method, epoch and number that is learned, in the units of training.

    Example:
        >>> from bpcompare.comparison.adam_ledger import ledger
        >>> from bpcompare.problem.line import line
        >>> from bpcompare.training.train import train
        >>> ledger_csv({"adam": ledger(train(line(), "adam"))}, line()).decode().splitlines()[0]
        'method,epoch,parameter,g,m,v,m_hat,v_hat,step,ulp_m,ulp_v,ulp_parameter'
    """
    return csv_bytes(_rows(ledgers, problem))


def _rows(ledgers: Mapping[str, Ledger], problem: Problem) -> Iterator[list[object]]:
    yield ["method", "epoch", "parameter", *QUANTITIES]
    learned = list(entries(problem))
    for method, ledger in ledgers.items():
        columns_of = [[column(ledger, quantity, entry).tolist() for quantity in QUANTITIES] for entry in learned]
        for epoch in range(ledger.steps):
            for entry, columns in zip(learned, columns_of, strict=True):
                yield [method, epoch, entry.name, *[values[epoch] for values in columns]]


def history_columns(ledgers: Mapping[str, Ledger], problem: Problem) -> dict[str, dict[str, Tensor]]:
    """What `comparison.history_csv` takes next to its own columns: m, v, m_hat, v_hat and step of every number.

    They are in the units of training, which their headings say where columns were standardised.
    """
    units = " (standardised)" if problem.scaling else ""
    return {
        f"{quantity} {entry.name}{units}": {
            method: column(ledger, quantity, entry) for method, ledger in ledgers.items()
        }
        for quantity in ("m", "v", "m_hat", "v_hat", "step")
        for entry in entries(problem)
        if ledgers
    }

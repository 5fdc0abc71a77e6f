"""Every change of a graph, cheapest first: of one place, and of all places of a kind."""

from collections.abc import Iterator, Sequence

from bpcompare.language import N_
from bpcompare.marker.hypotheses.graph_changes.change import Change
from bpcompare.marker.hypotheses.graph_changes.derivatives import derivatives
from bpcompare.marker.hypotheses.graph_changes.operands import operands, tensor_factors, transposed_gradients
from bpcompare.marker.hypotheses.graph_changes.paths import paths, upstreams
from bpcompare.marker.hypotheses.graph_changes.reductions import reductions
from bpcompare.marker.hypotheses.graph_changes.walk import Traced
from bpcompare.marker.phrases import Words, phrase


def everywhere(changes: Sequence[Change]) -> Iterator[Change]:
    """One mistake made at every step of one operation: all tanh, all means."""
    groups: dict[tuple[str, Words], list[Change]] = {}
    for change in changes:
        if change.what:
            groups.setdefault((change.sites[0].op, change.what), []).append(change)
    for (op, what), alike in groups.items():
        sites = tuple(dict.fromkeys(site for change in alike for site in change.sites))
        if len(sites) > 1:
            first = alike[0]
            says = phrase(N_("at every {op} {what}"), op=op, what=what)
            yield Change(first.kind, sites, first.act, says, first.cost + 0.3, first.place)


def all_changes(problem: Traced) -> list[Change]:
    """Every change of one place, and of all places of a kind, cheapest first."""
    makers = (paths, derivatives, reductions, upstreams, operands, transposed_gradients, tensor_factors)
    found = [change for maker in makers for change in maker(problem)]
    found += everywhere(found)
    return sorted(found, key=lambda change: change.cost)

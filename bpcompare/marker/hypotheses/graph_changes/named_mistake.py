"""What is told of a wrong gradient: the mistake in words, where it stands, and what else gives the same numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

from bpcompare.language import N_, _, listed
from bpcompare.marker.hypotheses.graph_changes.change import Change
from bpcompare.marker.hypotheses.graph_changes.replay import ForwardChange
from bpcompare.marker.hypotheses.graph_changes.search import Found
from bpcompare.marker.hypotheses.graph_changes.size_factor import SizeFactor
from bpcompare.marker.phrases import Phrase, Words, phrase

ONE = SizeFactor()


@dataclass(frozen=True)
class NamedMistake:
    """What is wrong with one answer.

    Attributes:
        answer: Whose gradient.
        kind: path, derivative, reduction, operand, factor, upstream, forward; several joined by a plus sign.
        told: The mistake.
        places: File, line and source text of the steps concerned.
        cost: How much has to go wrong.
        others: Other mistakes that give the same numbers.
        factor: What multiplies the whole answer besides.
    """

    answer: str
    kind: str
    told: Phrase
    places: tuple[str, ...]
    cost: float
    others: tuple[Phrase, ...] = ()
    factor: SizeFactor = ONE

    @property
    def says(self) -> str:
        """The mistake in words."""
        return str(self.told)

    @property
    def alternatives(self) -> tuple[str, ...]:
        """Other mistakes that give the same numbers, in words."""
        return tuple(map(str, self.others))

    def lines(self) -> list[str]:
        """The mistake, what else gives the same numbers, and where."""
        other = [_("  or {other}", other=text) for text in self.alternatives]
        return [self.says, *other, *(_("  at {place}", place=place) for place in self.places)]

    def __str__(self) -> str:
        return listed(self.lines(), "\n")


def zero_everywhere(name: str, others: Mapping[str, NamedMistake]) -> NamedMistake:
    """Zero everywhere: a path that another answer lacks is the likely reason, and is told."""
    cut = [mistake for mistake in others.values() if mistake.kind == "path"]
    places = cut[0].places if cut else ()
    says = Phrase(N_("it is zero everywhere: no path back to it is followed"))
    if cut:
        with_reason = N_("it is zero everywhere: no path back to it is followed ({reason})")
        says = phrase(with_reason, reason=cut[0].told)
    return NamedMistake(name, "path", says, places, 1.0)


def named(name: str, best: Found, candidates: Sequence[Found]) -> NamedMistake:
    """The mistake that the best explanation is, with those of the candidates that cost the same."""
    others = [
        candidate
        for candidate in candidates
        if candidate is not best and abs(candidate.cost - best.cost) < 1e-6 and _places(candidate) != _places(best)
    ]
    alternatives = tuple(dict.fromkeys(_says(other) for other in others))[:2]
    kinds = "+".join(dict.fromkeys("factor" if best.share else change.kind for change in best.changes)) or "factor"
    return NamedMistake(name, kinds, _says(best), _places(best), best.cost, alternatives, best.factor)


def _places(found: Found) -> tuple[str, ...]:
    return tuple(dict.fromkeys(change.place for change in found.changes if change.place))


def _says(found: Found) -> Phrase:
    factor = found.factor.said
    if not found.changes:
        return phrase(N_("it is {factor} times the right gradient"), factor=factor)
    if found.share is not None:
        text = phrase(N_("{path} is multiplied by {share}"), path=_path(found.changes[0]), share=found.share.said)
    else:
        first, *more = (_as_phrase(change.says) for change in found.changes)
        text = reduce(lambda one, other: phrase(N_("{one}, and {other}"), one=one, other=other), more, first)
    if found.factor == ONE:
        return text
    return phrase(N_("{change}; besides it is {factor} times that"), change=text, factor=factor)


def _path(change: Change | ForwardChange) -> Words:
    """What the path is called that a change does not follow."""
    if isinstance(change, Change) and change.path:
        return change.path
    through = change.through if isinstance(change, Change) and change.through else change.says
    return phrase(N_("the path through {value}"), value=through)


def _as_phrase(says: Words) -> Phrase:
    return says if isinstance(says, Phrase) else Phrase(says)

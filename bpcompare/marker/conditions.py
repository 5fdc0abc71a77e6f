"""Where a mistake shows: the kinds of calls that it may be confined to, and how to say so."""

from collections.abc import Callable, Iterator, Sequence

from bpcompare.language import N_, _
from bpcompare.marker.calls import Call

Test = Callable[[Call], bool]


def _size(name: str, call: Call) -> int:
    return call.problem.sizes.get(name, 0)


# From the widest to the narrowest; each is followed by its opposite.
KINDS: tuple[tuple[str, Test], ...] = (
    (N_("for one output (out = 1)"), lambda call: _size("out", call) == 1),
    (N_("for several outputs (out > 1)"), lambda call: _size("out", call) > 1),
    (N_("for one feature (in = 1)"), lambda call: _size("in", call) == 1),
    (N_("for several features (in > 1)"), lambda call: _size("in", call) > 1),
    (N_("in float32"), lambda call: call.problem.dtype == "float32"),
    (N_("in float64"), lambda call: call.problem.dtype == "float64"),
    (N_("for in = out = 1"), lambda call: _size("in", call) == _size("out", call) == 1),
    (N_("beyond in = out = 1"), lambda call: not _size("in", call) == _size("out", call) == 1),
    (N_("where w is square (in = out > 1)"), lambda call: _size("in", call) == _size("out", call) > 1),
    (N_("where w is not square"), lambda call: _size("in", call) != _size("out", call)),
    (N_("for several features and outputs"), lambda call: _size("in", call) > 1 < _size("out", call)),
    (N_("for one feature or one output"), lambda call: 1 in (_size("in", call), _size("out", call))),
    (N_("for several features, one output"), lambda call: _size("in", call) > 1 == _size("out", call)),
    (N_("for one feature, several outputs"), lambda call: _size("in", call) == 1 < _size("out", call)),
    (N_("where w is neither square nor a row or a column"), lambda call: _oblong(call)),
    (N_("for N other than 100"), lambda call: _size("N", call) != 100),
    (N_("for N = 100"), lambda call: _size("N", call) == 100),
)


def _oblong(call: Call) -> bool:
    inward, outward = _size("in", call), _size("out", call)
    return inward != outward and min(inward, outward) > 1


def kind_of(some: Sequence[Call], every: Sequence[Call]) -> str:
    """The one kind of calls that ``some`` of ``every`` call are, in words; the empty text where there is none."""
    chosen = {id(call) for call in some}
    kinds = (name for name, test in KINDS if {id(call) for call in every if test(call)} == chosen)
    return next(map(_, kinds), "") if len(some) < len(every) else ""


def describe(some: Sequence[Call], every: Sequence[Call]) -> str:
    """``some`` of ``every`` call in words; the empty text for all of them.

    Example:
        >>> describe([], [])
        ''
    """
    if len(some) == len(every):
        return ""
    return kind_of(some, every) or _("in {some} of {every} calls", some=len(some), every=len(every))


def parts(calls: Sequence[Call]) -> Iterator[tuple[list[Call], list[Call]]]:
    """Ways to cut ``calls`` in two, by kind; both parts hold something."""
    for __, test in KINDS[::2]:
        inside = [call for call in calls if test(call)]
        if 0 < len(inside) < len(calls):
            yield inside, [call for call in calls if not test(call)]

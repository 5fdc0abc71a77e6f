"""What was meant by a name that has no value, or by a function that is not there."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable

from bpcompare.errors import did_you_mean, nearest
from bpcompare.graph.operations import FUNCTIONS
from bpcompare.language import N_, _, listed

_LOOK_ALIKES = str.maketrans("асеорхуіАВЕКМНОРСТХΑΒΕΖΗΙΚΜΝΟΡΤΥΧον", "aceopxyiABEKMHOPCTXABEZHIKMNOPTYXov")


def no_function(name: str, known: Collection[str]) -> str:
    """Why ``name`` cannot be called, where ``known`` are the names that have a value."""
    if name in known:
        return _("{name} is a value, not a function; did you mean {name}*(…)?", name=name)
    near = nearest(name, FUNCTIONS)
    message = N_("there is no function {name}; the functions are {known}")
    if near:
        message = N_("there is no function {name}; did you mean {near}? The functions are {known}")
    return _(message, name=name[:40], near=near, known=listed(sorted(FUNCTIONS)))


def no_value(name: str, known: Collection[str], spare: list[str]) -> str:
    """Why ``name`` has no value, where ``known`` have one and ``spare`` are those of them that nothing uses."""
    if name in FUNCTIONS:
        return _("{name} is a function and needs brackets; write {name}(x), or give {name}=… a value", name=name)
    alike = [other for other in spare if other.translate(_LOOK_ALIKES) == name.translate(_LOOK_ALIKES)]
    if alike:
        letters = listed(unicodedata.name(letter, "?") for letter in alike[0] if letter not in name)
        hint = _("did you mean {name}, which is written with {letters}?", name=alike[0], letters=letters)
    elif parts := split_into(name, known):
        hint = _("did you mean {name}?", name="*".join(parts))
    else:
        suggestion = did_you_mean(name, spare) or did_you_mean(name, known)
        hint = suggestion or _("add {name}=…, for example {name}=2", name=name[:20])
    return _("{name} has no value; {hint}", name=name[:40], hint=hint)


def split_into(name: str, known: Iterable[str]) -> list[str]:
    """The known names that stand in ``name`` without a sign between them; empty where it is none such.

    Example:
        >>> split_into("xw1", ["x", "w1", "w"])
        ['x', 'w1']
    """
    found: dict[int, list[str]] = {0: []}
    for end in range(1, len(name) + 1):
        for part in known:
            start = end - len(part)
            if start in found and name[start:end] == part and (end not in found or len(found[start]) < len(found[end])):
                found[end] = [*found[start], part]
    return found.get(len(name), [])

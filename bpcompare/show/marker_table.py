"""What the marker found in many files, a line for each."""

from collections.abc import Sequence
from typing import Any

from bpcompare.language import N_, _, columns_of, listed, padded
from bpcompare.marker.mistake_names import called
from bpcompare.show.visible import visible


def table(marked: Sequence[dict[str, Any]]) -> str:
    """One line for each file: right or not, and the mistakes in each answer; then how many are right."""
    files = [visible(data["file"]) for data in marked]
    width = max(map(columns_of, files))
    lines = [
        f"{'✓' if data['right'] else '✗'} {padded(file, width)}  {in_short(data)}".rstrip()
        for file, data in zip(files, marked, strict=True)
    ]
    right = sum(data["right"] for data in marked)
    broken = sum("error" in data for data in marked)
    summary = _("{right} of {every} right.", right=right, every=len(marked))
    if broken:
        some = N_("{right} of {every} right, {broken} cannot be marked.")
        summary = _(some, right=right, every=len(marked), broken=broken)
    return "\n".join([*lines, "", summary])


def in_short(data: dict[str, Any]) -> str:
    """The mistakes of one file in one line: ``grad_w: sign; grad_b: x-left-in``; nothing where it is right.

    It is in the language in use, and `english` gives what files hold.
    """
    if "error" in data:
        error: str = data["error"]
        return error
    parts = []
    for answer, found in data["answers"].items():
        named = dict.fromkeys(name for finding in found["mistakes"] for name in finding["names"])
        if named:
            parts.append(_("{answer}: {mistakes}", answer=answer, mistakes=listed(map(called, named))))
    if data["changed_inputs"]:
        parts.append(_("changes {inputs}", inputs=", ".join(data["changed_inputs"])))
    if data["raised"]:
        parts.append(_("raises in {some} of {every} calls", some=data["raised"], every=data["calls"]))
    return listed(parts, N_("; "))

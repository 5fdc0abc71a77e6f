"""A file with a loss of its own: asked in the sandbox, judged by the marker.

The child differentiates the loss and calls the gradients; numbers alone come back, as JSON, and the marker decides.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from bpcompare.errors import InputError
from bpcompare.language import N_, _
from bpcompare.marker import graph_findings
from bpcompare.marker.calls import Array, Call, Problem
from bpcompare.marker.check_gradients import Asked, ask, judge
from bpcompare.marker.explanation import Explanation
from bpcompare.marker.marking import Marking
from bpcompare.marker.mistakes import ANSWER, Mistake
from bpcompare.marker.phrases import as_data, from_data, phrase
from bpcompare.marker.sandbox_wire import trouble

LARGEST_ANSWER = 100_000  # numbers in all arrays of one problem


@dataclass(frozen=True)
class _Told:
    """One problem or call, in what JSON holds."""

    numbers: dict[str, dict[str, Any]]
    texts: dict[str, Any]


def tell(loss: Callable[..., Any], gradients: Callable[..., Any], sample: Callable[..., Any]) -> dict[str, Any]:
    """In the child: the problems and the calls; or the sentence that says why there are none."""
    try:
        asked = ask(loss, gradients, sample)
    except InputError as error:
        return {"refused": as_data(error.args[0])}
    marking = judge("gradients", asked)
    found = graph_findings.find(loss, marking.calls, asked.names, marking.verdicts, pairs=False)
    problems = list({id(call.problem): call.problem for call in asked.calls}.values())
    places = {id(problem): index for index, problem in enumerate(problems)}
    return {
        "names": list(asked.names),
        "overruled": list(asked.overruled),
        "found": {
            answer: {
                "kind": one.kind,
                "says": as_data(graph_findings.placed(one)),
                "others": [as_data(other) for other in one.others],
                "cost": one.cost,
            }
            for answer, one in found.items()
        },
        "problems": [asdict(_problem_told(problem)) for problem in problems],
        "calls": [asdict(_call_told(call, places[id(call.problem)])) for call in asked.calls],
    }


def as_json(told: Mapping[str, Any]) -> str:
    """The same as one text."""
    return json.dumps(told)


def _problem_told(problem: Problem) -> _Told:
    inputs = {name: value for name, value in problem.inputs.items() if hasattr(value, "shape")}
    numbers = {"inputs": _lists(inputs), "expected": _lists(problem.expected), "terms": _lists(problem.terms)}
    return _Told(numbers, {"dtype": problem.dtype})


def _call_told(call: Call, problem: int) -> _Told:
    texts = {"problem": problem, "dtypes": dict(call.dtypes), "raised": call.raised, "changed": list(call.changed)}
    return _Told({"answers": _lists(call.answers)}, texts)


def _lists(arrays: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, array in arrays.items():
        values = np.asarray(array.detach().cpu() if hasattr(array, "detach") else array, dtype=np.float64)
        if values.size > LARGEST_ANSWER:
            problem = N_("{name} has {size} numbers; let sample(k) draw at most {most}")
            raise InputError(phrase(problem, name=name, size=values.size, most=LARGEST_ANSWER))
        found[name] = {"shape": list(values.shape), "values": [float(value).hex() for value in values.ravel()]}
    return found


def judge_told(function: str, told: Mapping[str, Any]) -> Marking:
    """In the marker: the marking of what the child told.

    Raises:
        InputError: The loss, the gradients or the samples cannot be used; the sentence is the child's.
        ValueError: It is not what a child tells.
    """
    if "raised" in told:
        raise InputError(trouble(told["raised"]))
    if "refused" in told:
        raise InputError(str(from_data(told["refused"])))
    try:
        problems = [_problem(one["numbers"], one["texts"]) for one in told["problems"]]
        calls = tuple(_call(one["numbers"], one["texts"], problems) for one in told["calls"])
        names, overruled = _words(told["names"]), _words(told["overruled"])
        marking = judge(
            function, Asked(names, calls, tuple(name for name in problems[0].expected if name in overruled))
        )
        found = {str(answer): _explanation(one) for answer, one in told.get("found", {}).items()}
        return replace(marking, verdicts=graph_findings.named(marking.verdicts, found, marking.calls))
    except (AttributeError, KeyError, IndexError, TypeError) as error:
        raise ValueError("not what a child tells") from error


def _problem(numbers: Mapping[str, Any], texts: Mapping[str, Any]) -> Problem:
    if texts["dtype"] not in ("float64", "float32"):
        raise ValueError(texts["dtype"])
    inputs, expected, terms = (_arrays(numbers[name]) for name in ("inputs", "expected", "terms"))
    return Problem({}, texts["dtype"], inputs, expected, terms, operations=1)


def _call(numbers: Mapping[str, Any], texts: Mapping[str, Any], problems: Sequence[Problem]) -> Call:
    dtypes = {str(name): str(dtype) for name, dtype in texts["dtypes"].items()}
    raised = "".join(c if c.isprintable() else " " for c in str(texts["raised"]))[:400]
    return Call(problems[int(texts["problem"])], _arrays(numbers["answers"]), dtypes, raised, _words(texts["changed"]))


def _arrays(told: Mapping[str, Any]) -> dict[str, Array]:
    return {
        str(name): np.array([float.fromhex(value) for value in one["values"]], dtype=np.float64).reshape(one["shape"])
        for name, one in told.items()
    }


def _explanation(told: Mapping[str, Any]) -> Explanation:
    """What the child's graph says; the verdict itself is the marker's own."""
    (kind,) = _words([told["kind"]])
    mistake = Mistake(str(from_data(told["says"])), ANSWER, _(graph_findings.HINT))
    others = tuple(str(from_data(other)) for other in told["others"])
    return Explanation((kind,), float(told["cost"]), told=(mistake,), others=others)


def _words(told: Sequence[Any]) -> tuple[str, ...]:
    return tuple("".join(c if c.isprintable() else " " for c in str(word))[:100] for word in told)

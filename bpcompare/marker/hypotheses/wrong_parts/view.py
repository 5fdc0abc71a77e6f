"""One problem of the exercise, ready for all variants of its parts."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from bpcompare.marker.calls import Array, Call
from bpcompare.marker.memo import Memo


class View(NamedTuple):
    """One problem in float64, with the residual worked out; ``size_…`` bounds the terms of ``…``."""

    x: Array
    y: Array
    w: Array
    b: Array
    prediction: Array
    residual: Array
    size_prediction: Array
    size_residual: Array
    made: dict[Any, tuple[Array, Array] | None]  # what was worked out already, for all combinations to share

    @classmethod
    def of(cls, inputs: Mapping[str, Any]) -> "View":
        """The view of these inputs."""
        x, y, w, b = (np.asarray(inputs[name], dtype=np.float64) for name in "xywb")
        prediction, size = x @ w.T + b, abs(x) @ abs(w).T + abs(b)
        return cls(x, y, w, b, prediction, prediction - y, size, size + abs(y), {})

    def once(self, key: Any, make: "Variant") -> tuple[Array, Array] | None:
        """What ``make`` makes of the view, worked out the first time that it is asked for."""
        if key not in self.made:
            self.made[key] = make(self)
        return self.made[key]


def view(call: Call, memo: Memo) -> View:
    """The view of a call's problem, worked out once."""
    return memo.of_problem(("view", call.problem), lambda: View.of(call.problem.inputs))


Variant = Callable[[View], tuple[Array, Array] | None]


def like(values: Array, pattern: Array) -> Array:
    """Values that are repeated to the shape of a pattern."""
    return np.broadcast_to(values, pattern.shape).copy()

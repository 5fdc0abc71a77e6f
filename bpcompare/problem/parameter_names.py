"""What to call every single number that is learned."""

from collections.abc import Iterator
from dataclasses import dataclass

from torch import Tensor

from bpcompare.problem.problem import Problem


@dataclass(frozen=True)
class Entry:
    """One number of a weight (out, in) or a bias (out,).

    Attributes:
        name: "weight" or "bias", with the columns it joins where there are several.
        output: The row of the weight, or the place in the bias.
        input: The column of the weight; None for the bias.
    """

    name: str
    output: int
    input: int | None

    def path(self, weights: Tensor, biases: Tensor) -> Tensor:
        """This number in every state of weights (…, out, in) and biases (…, out)."""
        return biases[..., self.output] if self.input is None else weights[..., self.output, self.input]

    def of(self, weight: Tensor, bias: Tensor) -> float:
        """This number in a weight (out, in) or a bias (out,)."""
        return self.path(weight, bias).item()


def entries(problem: Problem) -> Iterator[Entry]:
    """Every number that is learned, output by output, the bias last.

    Example:
        >>> from bpcompare.problem.line import line
        >>> [entry.name for entry in entries(line(weight=[[1.0, 2.0]]))]
        ['weight[y, x1]', 'weight[y, x2]', 'bias[y]']
    """
    single = problem.in_features == problem.out_features == 1
    for j, y in enumerate(problem.y_names):
        for i, x in enumerate(problem.x_names):
            yield Entry("weight" if single else f"weight[{y}, {x}]", j, i)
        if problem.has_bias:
            yield Entry("bias" if single else f"bias[{y}]", j, None)

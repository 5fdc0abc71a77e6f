"""Pictures of computation graphs, ours and torchviz's: Graphviz lays them out, and no program has to be installed."""

from __future__ import annotations

import re
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

from bpcompare.graph.dot import to_svg
from bpcompare.graph.node import Node
from bpcompare.graph.notation import plain_number
from bpcompare.graph.operations import TABLE
from bpcompare.graph.powers import to_the
from bpcompare.language import _

if TYPE_CHECKING:  # a picture is drawn without PyTorch
    from collections.abc import Mapping

    from torch import Tensor

    from bpcompare.problem.problem import Problem

MOST_COLUMNS = 4  # that a caption names


def picture(dot: str, format: str) -> bytes:
    """A picture as a file.

    Args:
        dot: The picture in Graphviz's language.
        format: "gv" (that language itself), "svg", "png" or "pdf".

    Raises:
        InputError: It has more than 150 nodes, or Graphviz cannot have the memory that it asks for.

    Example:
        >>> picture("digraph { a -> b }", "gv"), picture("digraph { a -> b }", "png")[1:4]
        (b'digraph { a -> b }', b'PNG')
    """
    if format == "gv":
        return dot.encode()
    if format == "svg":
        return to_svg(dot)
    from bpcompare.show.graph_figure import figure  # matplotlib, which SVG does without
    from bpcompare.show.style import to_bytes

    return to_bytes(figure(dot), format)


def training_graph(problem: Problem) -> tuple[Node, list[Node], str]:
    """The loss of the training problem at its start, step by step; its parameters; and a caption about the units.

        z = x·w,  ŷ = z + b,  r = ŷ − y,  s = r²,  loss = mean(s)

    Args:
        problem: A linear problem; inputs and outputs are called as its columns.

    Example:
        >>> from bpcompare.graph.node import topological_order
        >>> from bpcompare.problem.line import line
        >>> loss, parameters, _ = training_graph(line())
        >>> [node.name for node in parameters], [node.name for node in topological_order(loss) if node.operation]
        (['weight', 'bias'], ['z', 'ŷ', 'r', 's', 'loss'])
    """
    model = problem.model()
    prime = "′" if problem.scaling else ""
    x_name, y_name = (
        names[0] + prime if len(names) == 1 else letter + prime
        for letter, names in (("x", problem.x_names), ("y", problem.y_names))
    )
    x = Node(x_name, problem.x.numpy(), constant=True)
    y = Node(y_name, problem.y.numpy(), constant=True)
    weight = Node("weight", model.weight.detach().numpy())
    z_name = "ŷ" if model.bias is None else "z"
    if weight.value.size == 1:
        z, parameters = TABLE["times"](x, weight, name=z_name), [weight]
    else:
        z = TABLE["matmul"](x, TABLE["transpose"](weight, name="weightᵀ"), name=z_name)
        parameters = [weight]
    if model.bias is not None:
        parameters.append(Node("bias", model.bias.detach().numpy()))
        z = TABLE["plus"](z, parameters[-1], name="ŷ")
    squares = to_the(2.0)(TABLE["minus"](z, y, name="r"), name="s")
    return TABLE["mean"](squares, name="loss"), parameters, _units(problem)


def _units(problem: Problem) -> str:
    """What the columns are, and how they were standardised."""
    notes = []
    scaling = problem.scaling
    sides = (
        ("x", problem.x_names, scaling and (scaling.x_mean, scaling.x_scale)),
        ("y", problem.y_names, scaling and (scaling.y_mean, scaling.y_scale)),
    )
    for letter, names, map_of in sides:
        if len(names) > 1:
            notes.append(f"{letter}: {', '.join(names[:MOST_COLUMNS])}{', …' * (len(names) > MOST_COLUMNS)}")
        if map_of:
            notes += [
                f"{name}′ = ({name} − {plain_number(mean)})/{plain_number(scale)}".replace(" − −", " + ")
                for name, mean, scale in zip(names, map_of[0].tolist(), map_of[1].tolist(), strict=True)
            ][:MOST_COLUMNS]
    if scaling:
        notes.insert(0, _("standardised columns: loss and gradients are in their units"))
    return "\n".join(notes)


def torchviz_dot(loss: Tensor, names: Mapping[str, Tensor]) -> str:
    """The picture that torchviz draws of ``loss``, in Graphviz's language; the same on every run.

    Args:
        loss: What was computed, before ``backward()`` has freed its graph.
        names: The tensors that are to be named, the loss among them.

    Example:
        >>> import torch
        >>> x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
        >>> z = (x * x).mean()
        >>> re.findall("[A-Z][A-Za-z]+(?:0|Grad)", torchviz_dot(z, {"x": x, "z": z}))
        ['MeanBackward0', 'MulBackward0', 'AccumulateGrad']
    """
    source = str(_torchviz().make_dot(loss, params=dict(names)).source)
    ids: dict[str, str] = {}

    def renumbered(found: re.Match[str]) -> str:
        return found[1] + ids.setdefault(found[2], f"t{len(ids)}")

    # torchviz calls a node by its address in memory, and asks for a font whose width Graphviz does not know.
    lines = [re.sub(r"(^\t|-> )(\d+)", renumbered, line) for line in source.splitlines()]
    lines = [line.replace("fontname=monospace", "fontname=Courier") for line in lines]
    return "\n".join(lines) + "\n"


def _torchviz() -> Any:
    """torchviz, which compares versions by distutils: not in Python any more, and longer to load than itself."""
    from torch.torch_version import TorchVersion

    versions = ModuleType("distutils.version")
    versions.LooseVersion = TorchVersion  # type: ignore[attr-defined]
    loaded = sys.modules.setdefault(versions.__name__, versions)
    try:
        import torchviz
    finally:
        if loaded is versions:
            del sys.modules[versions.__name__]
    return torchviz

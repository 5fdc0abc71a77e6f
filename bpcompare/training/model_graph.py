"""A model and its loss as a computation graph of our own engine."""

from torch import Tensor, nn

from bpcompare.graph.node import Node
from bpcompare.graph.operations import TABLE
from bpcompare.training.backpropagation import read_layers


def loss_graph(model: nn.Module, x: Tensor, y: Tensor) -> tuple[Node, list[tuple[Node, Tensor]]]:
    """The executed graph of ŷ, layer by layer, and L = mean((ŷ − y)²), and which node is which parameter.

    Example:
        >>> import torch
        >>> loss, parameters = loss_graph(nn.Linear(1, 1), torch.ones(5, 1), torch.ones(5, 1))
        >>> loss.name, [node.name for node, _ in parameters]
        ('loss', ['weight', 'bias'])
    """
    parameters: list[tuple[Node, Tensor]] = []

    def leaf(name: str, parameter: Tensor) -> Node:
        parameters.append((Node(name, parameter.detach().cpu().numpy()), parameter))
        return parameters[-1][0]

    a = Node("x", x.cpu().numpy(), constant=True)
    layers = list(read_layers(model))
    for i, layer in enumerate(layers):
        name = "ŷ" if i == len(layers) - 1 else f"a{i}"
        if isinstance(layer, nn.Module):
            a = TABLE[type(layer).__name__.lower()](a, name=name)
            continue
        prefix = f"{i}." if len(layers) > 1 else ""
        weight = leaf(f"{prefix}weight", layer[0])
        if layer[1] is None:
            a = TABLE["matmul"](a, TABLE["transpose"](weight, name=f"{prefix}weightᵀ"), name=name)
        else:
            a = TABLE["Linear of arrays"](a, weight, leaf(f"{prefix}bias", layer[1]), name=name)
    targets = Node("y", y.cpu().numpy(), constant=True)
    return TABLE["MSE of arrays"](a, targets, name="loss"), parameters

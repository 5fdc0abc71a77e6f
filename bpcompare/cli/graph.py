"""The command ``graph``: the computation graph of the training problem."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from bpcompare.cli import drawing, graph_files, options, problem_options, steps
from bpcompare.cli.progress import load_torch
from bpcompare.language import N_

if TYPE_CHECKING:
    from bpcompare.cli.request import Request

DESCRIPTION = N_("Draws the computation graph of the training problem at its first step: ours and torchviz's.")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the problem and of the pictures."""
    problem_options.add_problem_options(parser)
    options.add_output_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Computes the loss once forward and once backward, and draws both graphs."""
    from bpcompare.results import write

    request = problem_options.line_or_table(arguments)
    makers = graph_files.picture_makers(("graph", "torchviz"), request.format)
    write.check_folder(request.out, makers)
    with drawing.ready(request.format, request.style, request.dpi) as draw:
        load_torch(quiet=request.quiet)
        files, refusal = graph_files.made(makers, _graphs(request), draw)
    paths = write.write_files(request.out, files)
    if not request.quiet:
        print(steps.list_of_files(paths))
    if refusal:
        raise refusal
    return 0


def _graphs(request: Request) -> dict[str, str]:
    """Both graphs by name, in Graphviz's language."""
    from torch import nn

    from bpcompare.graph.dot import to_dot
    from bpcompare.graph.expression import Graph
    from bpcompare.graph.node import backward
    from bpcompare.show import fonts, graph_pictures

    problem = problem_options.problem_from(request)
    model = problem.model()
    with fonts.of_labels(not drawing.BY_MATPLOTLIB.isdisjoint(request.format)):
        output, parameters, units = graph_pictures.training_graph(problem)
        ours = to_dot(Graph(output, tuple(parameters)), backward(output), caption=units)
    loss = nn.functional.mse_loss(model(problem.x), problem.y)
    theirs = graph_pictures.torchviz_dot(loss, {**dict(model.named_parameters()), "loss": loss})
    return {"graph": ours, "torchviz": theirs}

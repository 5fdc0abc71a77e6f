"""Draws the computation graph of the training problem at its first step: ours and torchviz's."""

import argparse

from bpcompare.cli import options, steps
from bpcompare.cli.progress import load_torch


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the problem and of the pictures."""
    options.add_problem_options(parser)
    options.add_output_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Computes the loss once forward and once backward, and draws both graphs."""
    from bpcompare.results import write

    request = options.line_or_table(arguments)
    names = [f"{name}.{format}" for name in ("graph", "torchviz") for format in ("gv", *arguments.format)]
    write.check_folder(arguments.out, names)

    load_torch(quiet=request.quiet)

    from torch import nn

    from bpcompare.graph.dot import to_dot
    from bpcompare.graph.expression import Graph
    from bpcompare.graph.node import backward
    from bpcompare.show import graph_pictures

    problem = options.problem_from(request)
    model = problem.model()
    output, parameters, units = graph_pictures.training_graph(problem)
    ours = to_dot(Graph(output, tuple(parameters)), backward(output), caption=units)
    loss = nn.functional.mse_loss(model(problem.x), problem.y)
    theirs = graph_pictures.torchviz_dot(loss, {**dict(model.named_parameters()), "loss": loss})
    files, refusal = graph_pictures.pictures_or_sources({"graph": ours, "torchviz": theirs}, arguments.format)
    paths = write.write_files(arguments.out, files)
    if not arguments.quiet:
        print(steps.list_of_files(paths))
    if refusal:
        raise refusal
    return 0

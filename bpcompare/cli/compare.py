"""Trains one linear regression several ways and compares them."""

import argparse

from bpcompare.cli import options


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of the main job."""
    options.add_output_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Trains, compares, writes the files and prints the table."""
    raise NotImplementedError

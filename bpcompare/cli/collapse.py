"""Shows that two linear layers are one, by their outputs and by their gradients, and that an activation prevents it."""

import argparse

from bpcompare.cli import values
from bpcompare.cli.progress import Progress, load_torch

MOST_WRITTEN = 20  # inputs or outputs


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The widths and the seed."""
    parser.add_argument(
        "--layers", type=widths, default=(2, 5, 3), metavar="IN,HIDDEN,OUT", help="the three widths (default 2,5,3)"
    )
    parser.add_argument(
        "--seed", type=values.seed, default=0, metavar="N", help="random seed for the weights (default 0)"
    )


def widths(text: str) -> tuple[int, int, int]:
    """Three whole numbers of at least 1."""
    numbers = values.whole_numbers(text)
    if len(numbers) != 3:
        raise argparse.ArgumentTypeError(f"must be three widths, such as 2,5,3; got {text!r}")
    return numbers[0], numbers[1], numbers[2]


def run(arguments: argparse.Namespace) -> int:
    """Computes both, and prints them next to each other."""
    load_torch()

    from bpcompare.lessons.collapse import collapse
    from bpcompare.lessons.equations import equations

    with Progress("computing"):
        found = collapse(arguments.layers, arguments.seed)
    inputs, hidden, outputs = arguments.layers
    print(f"Two linear layers, {inputs} → {hidden} → {outputs}, are one, {inputs} → {outputs}:")
    print("  W₂(W₁x + b₁) + b₂ = (W₂W₁)x + (W₂b₁ + b₂)\n")
    if max(inputs, outputs) <= MOST_WRITTEN:
        print(*(f"  {line}" for line in equations(found.one.weight, found.one.bias).text), sep="\n")
    else:
        print(f"  W = W₂W₁ is ({outputs:,}, {inputs:,}) and b ({outputs:,},): too many numbers to be written out here.")
    print(f"\nOutputs for 50 drawn x: apart by {found.output_difference:.1e} of the largest, which is rounding.")
    print("Gradients of the two layers, computed from those of the one:")
    formulas = ("∂L/∂W·W₁ᵀ + ∂L/∂b·b₁ᵀ", "∂L/∂b", "W₂ᵀ·∂L/∂W", "W₂ᵀ·∂L/∂b")
    for (name, apart), formula in zip(found.gradient_differences.items(), formulas, strict=True):
        print(f"  {name} = {formula:<22} apart by {apart:.1e}")
    print("The second layer adds nothing to learn from: every gradient was already in the single layer's.")
    print(f"W₂W₁ has rank {found.rank}; it can have no more than the {hidden} units in the middle.\n")
    print("The best linear fit misses the outputs by")
    print(f"  {found.linear_gap:7.1%} of their spread with nothing between the layers,")
    print(f"  {found.curved_gap:7.1%} with a tanh between them: then no single layer can replace them.")
    return 0

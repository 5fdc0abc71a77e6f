"""The command ``collapse``: two linear layers are one."""

import argparse

from bpcompare.cli import values
from bpcompare.cli.progress import Progress, load_torch
from bpcompare.language import N_, _

DESCRIPTION = N_(
    "Shows that two linear layers are one, by their outputs and by their gradients, and that an activation prevents it."
)

MOST_WRITTEN = 20  # inputs or outputs


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The widths and the seed."""
    parser.add_argument(
        "--layers", type=widths, default=(2, 5, 3), metavar="IN,HIDDEN,OUT", help=_("the three widths (default 2,5,3)")
    )
    parser.add_argument(
        "--seed", type=values.seed, default=0, metavar="N", help=_("random seed for the weights (default 0)")
    )


def widths(text: str) -> tuple[int, int, int]:
    """Three whole numbers of at least 1."""
    numbers = values.whole_numbers(text)
    if len(numbers) != 3:
        raise argparse.ArgumentTypeError(_("must be three widths, such as 2,5,3; got {text!r}", text=text))
    return numbers[0], numbers[1], numbers[2]


def run(arguments: argparse.Namespace) -> int:
    """Computes both, and prints them next to each other."""
    load_torch()

    from bpcompare.lessons.collapse import collapse
    from bpcompare.lessons.equations import equations

    with Progress(_("computing")):
        found = collapse(arguments.layers, arguments.seed)
    inputs, hidden, outputs = arguments.layers
    print(
        _(
            "Two linear layers, {inputs} → {hidden} → {outputs}, are one, {inputs} → {outputs}:",
            inputs=inputs,
            hidden=hidden,
            outputs=outputs,
        )
    )
    print("  W₂(W₁x + b₁) + b₂ = (W₂W₁)x + (W₂b₁ + b₂)\n")
    if max(inputs, outputs) <= MOST_WRITTEN:
        print(*(f"  {line}" for line in equations(found.one.weight, found.one.bias).text), sep="\n")
    else:
        print(
            _(
                "  W = W₂W₁ is ({outputs:,}, {inputs:,}) and b ({outputs:,},): too many numbers to be "
                "written out here.",
                outputs=outputs,
                inputs=inputs,
            )
        )
    print(
        _(
            "\nOutputs for 50 drawn x: apart by {apart:.1e} of the largest, which is rounding.",
            apart=found.output_difference,
        )
    )
    print(_("Gradients of the two layers, computed from those of the one:"))
    formulas = ("∂L/∂W·W₁ᵀ + ∂L/∂b·b₁ᵀ", "∂L/∂b", "W₂ᵀ·∂L/∂W", "W₂ᵀ·∂L/∂b")
    for (name, apart), formula in zip(found.gradient_differences.items(), formulas, strict=True):
        print(_("  {name} = {formula:<22} apart by {apart:.1e}", name=name, formula=formula, apart=apart))
    print(_("The second layer adds nothing to learn from: every gradient was already in the single layer's."))
    print(
        _(
            "W₂W₁ has rank {rank}; it can have no more than the {hidden} units in the middle.\n",
            rank=found.rank,
            hidden=hidden,
        )
    )
    print(_("The best linear fit misses the outputs by"))
    print(_("  {gap:7.1%} of their spread with nothing between the layers,", gap=found.linear_gap))
    print(_("  {gap:7.1%} with a tanh between them: then no single layer can replace them.", gap=found.curved_gap))
    return 0

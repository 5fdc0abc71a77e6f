"""The mistakes that a gradient of any loss may show, and what is said of each where an exercise has no own words."""

from typing import NamedTuple

from bpcompare.language import N_

ANSWER = 0  # no line of a derivation: how the answer is computed or handed over


class Mistake(NamedTuple):
    """``says`` completes the sentence "in grad_w, …"; ``line`` is the step of the exercise's derivation, from 1."""

    says: str
    line: int
    hint: str


SHAPES = N_("Write the shape next to every array in your formula, on paper, for in = 3 and out = 2.")
_SIZES = N_("Which sizes of the problem does your formula divide by, and which does the loss divide by?")
_STATE = N_("Call your function twice on the same numbers: does the second answer equal the first?")
_STEPS = N_("Work the derivation out line by line, for numbers that you can check.")
_NUMBER = N_("In which number type is each intermediate result held, and how many digits does it keep?")

MISTAKES: dict[str, Mistake] = {
    # a factor
    "sign": Mistake(N_("the sign is wrong"), ANSWER, N_("Move the parameter along your gradient: does the loss rise?")),
    "factor-2-missing": Mistake(
        N_("a factor 2 is missing (half the right value)"), ANSWER, N_("Which square did you differentiate?")
    ),
    "factor-2-doubled": Mistake(
        N_("a factor 2 is there once too often (double the right value)"),
        ANSWER,
        N_("How often does an exponent come down?"),
    ),
    "wrong-constant": Mistake(
        N_("a constant power of two is wrong"), ANSWER, N_("Count the constants in your formula.")
    ),
    "constant-factor": Mistake(
        N_("the same constant number multiplies it at every size; a learning rate or a scale does not belong here"),
        ANSWER,
        N_("Is there a number in your formula that is not in the derivation?"),
    ),
    "hard-coded-N": Mistake(
        N_("a constant stands where N belongs: hard-coded, right for one number of samples only"),
        ANSWER,
        N_("Try your function on half of the samples."),
    ),
    "summed-not-averaged": Mistake(N_("summed, not averaged: a mean is not divided by its count"), ANSWER, _SIZES),
    "averaged-twice": Mistake(N_("averaged twice: divided by N once too often"), ANSWER, _SIZES),
    "divided-by-N-only": Mistake(N_("divided by N alone where out divides, too"), ANSWER, _SIZES),
    "divided-by-out-twice": Mistake(N_("divided by out once too often"), ANSWER, _SIZES),
    "divided-by-in": Mistake(N_("divided by in, the number of inputs"), ANSWER, _SIZES),
    "multiplied-by-in": Mistake(N_("multiplied by in, the number of inputs"), ANSWER, _SIZES),
    "divided-by-N-minus-1": Mistake(N_("divided by N − 1 where the mean divides by N"), ANSWER, _SIZES),
    "divided-by-N-minus-2": Mistake(N_("divided by N − 2 where the mean divides by N"), ANSWER, _SIZES),
    "divided-by-N-plus-1": Mistake(N_("divided by N + 1 where the mean divides by N"), ANSWER, _SIZES),
    "wrong-size-factor": Mistake(
        N_("a size of the problem multiplies or divides it where it does not belong"), ANSWER, _SIZES
    ),
    # the order of its entries, and sums
    "transposed": Mistake(N_("it is transposed"), ANSWER, SHAPES),
    "reshaped-for-transposed": Mistake(
        N_("it is reshaped where a transpose was meant: reshape keeps the order in memory and mixes the entries"),
        ANSWER,
        SHAPES,
    ),
    "summed-to-one-number": Mistake(
        N_("everything is added (or averaged) to one number where each entry has its own"), ANSWER, SHAPES
    ),
    "not-summed-over-batch": Mistake(
        N_("it is not summed over the batch: one value per sample is left"), ANSWER, SHAPES
    ),
    # the answer as a whole
    "swapped": Mistake(
        N_("the answers are swapped: return them in the order asked for"), ANSWER, N_("Read your return line.")
    ),
    "wrong-shape": Mistake(N_("the numbers are right and the shape is wrong"), ANSWER, SHAPES),
    "always-zero": Mistake(
        N_("it is zero everywhere: the gradient is forgotten, or an integer division such as 2 // N made it nothing"),
        ANSWER,
        N_("Print each factor of your formula."),
    ),
    "zero-for-one-sample": Mistake(
        N_("it is zero for one sample: a mean over the samples is subtracted, which leaves nothing of one"),
        ANSWER,
        N_("Call your function with two samples: is it still zero?"),
    ),
    "nan-or-inf": Mistake(
        N_("it holds nan or inf"), ANSWER, N_("Print each intermediate result: which one first is not finite?")
    ),
    "same-numbers-always": Mistake(N_("it is the same numbers whatever the inputs are: hard-coded"), ANSWER, _STATE),
    "remembers-first-call": Mistake(
        N_("it remembers: the answer of an earlier call is returned for new numbers (a cache)"), ANSWER, _STATE
    ),
    "one-call-late": Mistake(N_("it is the gradient of the call before: one call late"), ANSWER, _STATE),
    "accumulated": Mistake(
        N_("it is accumulated: each call adds to the answer of the call before, a forgotten zero_grad"), ANSWER, _STATE
    ),
    "momentum": Mistake(
        N_("a constant share of the previous answer is added: momentum, not the gradient"), ANSWER, _STATE
    ),
    "not-repeatable": Mistake(N_("two calls on the same numbers give different answers"), ANSWER, _STATE),
    "changes-its-inputs": Mistake(
        N_("the function changes its inputs in place"), ANSWER, N_("Does any line write to an argument?")
    ),
    "integer-division": Mistake(
        N_("the result is cut to whole numbers: an integer division // or a conversion to int"), ANSWER, _NUMBER
    ),
    "rounded": Mistake(N_("it is rounded to a few decimals"), ANSWER, _NUMBER),
    "rounded-on-the-way": Mistake(
        N_("a number on the way to it is rounded, as for printing: keep every digit until the end"), ANSWER, _NUMBER
    ),
    "half-precision": Mistake(
        N_("it went through half precision (float16 or bfloat16), which keeps about 3 digits"), ANSWER, _NUMBER
    ),
    "single-precision": Mistake(
        N_("it went through single precision (float32), which keeps 7 of 16 digits"), ANSWER, _NUMBER
    ),
    "finite-difference": Mistake(
        N_("it is a finite difference, too coarse for a gradient: derive the formula instead"), ANSWER, _NUMBER
    ),
    "rounding-magnified": Mistake(
        N_(
            "its rounding is magnified by a difference of nearly equal numbers: a finite difference with too small a "
            "step, or large terms that cancel"
        ),
        ANSWER,
        N_("Which two numbers are subtracted, and in how many digits do they agree?"),
    ),
    "raises": Mistake(N_("it raises an error there"), ANSWER, SHAPES),
    "updated-parameter": Mistake(
        N_("the updated parameter is returned, not its gradient: parameter − lr·gradient"),
        ANSWER,
        N_("What is asked for?"),
    ),
    "clipped": Mistake(N_("it is clipped: entries beyond a bound are cut"), ANSWER, N_("Compare the largest entries.")),
    "sign-only": Mistake(
        N_("only the sign of the gradient is returned"), ANSWER, N_("Compare the sizes of the entries.")
    ),
    "normalised": Mistake(N_("it is divided by its own length"), ANSWER, N_("Compare the sizes of the entries.")),
    # found on the graph of the derivation, which has words of its own
    "step-left-out": Mistake(N_("a step of the derivation, or one of its operands, is left out"), ANSWER, _STEPS),
    "operation-replaced": Mistake(N_("another operation stands in a step of the derivation"), ANSWER, _STEPS),
    "operand-replaced": Mistake(N_("another value stands in a step of the derivation"), ANSWER, _STEPS),
    "value-changed": Mistake(N_("a value is changed on its way"), ANSWER, _STEPS),
    "consequence": Mistake(N_("it follows rightly from another wrong answer"), ANSWER, _STEPS),
    "unknown": Mistake(
        N_("it is wrong, and no known mistake explains it"), ANSWER, N_("Compare the two arrays entry by entry.")
    ),
}

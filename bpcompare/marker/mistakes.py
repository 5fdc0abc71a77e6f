"""The mistakes that a gradient of any loss may show, and what is said of each where an exercise has no own words."""

from typing import NamedTuple

ANSWER = 0  # no line of a derivation: how the answer is computed or handed over


class Mistake(NamedTuple):
    """``says`` completes the sentence "in grad_w, …"; ``line`` is the step of the exercise's derivation, from 1."""

    says: str
    line: int
    hint: str


SHAPES = "Write the shape next to every array in your formula, on paper, for in = 3 and out = 2."
_SIZES = "Which sizes of the problem does your formula divide by, and which does the loss divide by?"
_STATE = "Call your function twice on the same numbers: does the second answer equal the first?"
_STEPS = "Work the derivation out line by line, for numbers that you can check."
_NUMBER = "In which number type is each intermediate result held, and how many digits does it keep?"

MISTAKES: dict[str, Mistake] = {
    # a factor
    "sign": Mistake("the sign is wrong", ANSWER, "Move the parameter along your gradient: does the loss rise?"),
    "factor-2-missing": Mistake(
        "a factor 2 is missing (half the right value)", ANSWER, "Which square did you differentiate?"
    ),
    "factor-2-doubled": Mistake(
        "a factor 2 is there once too often (double the right value)", ANSWER, "How often does an exponent come down?"
    ),
    "wrong-constant": Mistake("a constant power of two is wrong", ANSWER, "Count the constants in your formula."),
    "constant-factor": Mistake(
        "the same constant number multiplies it at every size; a learning rate or a scale does not belong here",
        ANSWER,
        "Is there a number in your formula that is not in the derivation?",
    ),
    "hard-coded-N": Mistake(
        "a constant stands where N belongs: hard-coded, right for one number of samples only",
        ANSWER,
        "Try your function on half of the samples.",
    ),
    "summed-not-averaged": Mistake("summed, not averaged: a mean is not divided by its count", ANSWER, _SIZES),
    "averaged-twice": Mistake("averaged twice: divided by N once too often", ANSWER, _SIZES),
    "divided-by-N-only": Mistake("divided by N alone where out divides, too", ANSWER, _SIZES),
    "divided-by-out-twice": Mistake("divided by out once too often", ANSWER, _SIZES),
    "divided-by-in": Mistake("divided by in, the number of inputs", ANSWER, _SIZES),
    "multiplied-by-in": Mistake("multiplied by in, the number of inputs", ANSWER, _SIZES),
    "divided-by-N-minus-1": Mistake("divided by N − 1 where the mean divides by N", ANSWER, _SIZES),
    "divided-by-N-minus-2": Mistake("divided by N − 2 where the mean divides by N", ANSWER, _SIZES),
    "divided-by-N-plus-1": Mistake("divided by N + 1 where the mean divides by N", ANSWER, _SIZES),
    "wrong-size-factor": Mistake(
        "a size of the problem multiplies or divides it where it does not belong", ANSWER, _SIZES
    ),
    # the order of its entries, and sums
    "transposed": Mistake("it is transposed", ANSWER, SHAPES),
    "reshaped-for-transposed": Mistake(
        "it is reshaped where a transpose was meant: reshape keeps the order in memory and mixes the entries",
        ANSWER,
        SHAPES,
    ),
    "summed-to-one-number": Mistake(
        "everything is added (or averaged) to one number where each entry has its own", ANSWER, SHAPES
    ),
    "not-summed-over-batch": Mistake("it is not summed over the batch: one value per sample is left", ANSWER, SHAPES),
    # the answer as a whole
    "swapped": Mistake("the answers are swapped: return them in the order asked for", ANSWER, "Read your return line."),
    "wrong-shape": Mistake("the numbers are right and the shape is wrong", ANSWER, SHAPES),
    "always-zero": Mistake(
        "it is zero everywhere: the gradient is forgotten, or an integer division such as 2 // N made it nothing",
        ANSWER,
        "Print each factor of your formula.",
    ),
    "zero-for-one-sample": Mistake(
        "it is zero for one sample: a mean over the samples is subtracted, which leaves nothing of one",
        ANSWER,
        "Call your function with two samples: is it still zero?",
    ),
    "nan-or-inf": Mistake(
        "it holds nan or inf", ANSWER, "Print each intermediate result: which one first is not finite?"
    ),
    "same-numbers-always": Mistake("it is the same numbers whatever the inputs are: hard-coded", ANSWER, _STATE),
    "remembers-first-call": Mistake(
        "it remembers: the answer of an earlier call is returned for new numbers (a cache)", ANSWER, _STATE
    ),
    "one-call-late": Mistake("it is the gradient of the call before: one call late", ANSWER, _STATE),
    "accumulated": Mistake(
        "it is accumulated: each call adds to the answer of the call before, a forgotten zero_grad", ANSWER, _STATE
    ),
    "momentum": Mistake("a constant share of the previous answer is added: momentum, not the gradient", ANSWER, _STATE),
    "not-repeatable": Mistake("two calls on the same numbers give different answers", ANSWER, _STATE),
    "changes-its-inputs": Mistake(
        "the function changes its inputs in place", ANSWER, "Does any line write to an argument?"
    ),
    "integer-division": Mistake(
        "the result is cut to whole numbers: an integer division // or a conversion to int", ANSWER, _NUMBER
    ),
    "rounded": Mistake("it is rounded to a few decimals", ANSWER, _NUMBER),
    "rounded-on-the-way": Mistake(
        "a number on the way to it is rounded, as for printing: keep every digit until the end", ANSWER, _NUMBER
    ),
    "half-precision": Mistake(
        "it went through half precision (float16 or bfloat16), which keeps about 3 digits", ANSWER, _NUMBER
    ),
    "single-precision": Mistake(
        "it went through single precision (float32), which keeps 7 of 16 digits", ANSWER, _NUMBER
    ),
    "finite-difference": Mistake(
        "it is a finite difference, too coarse for a gradient: derive the formula instead", ANSWER, _NUMBER
    ),
    "rounding-magnified": Mistake(
        "its rounding is magnified by a difference of nearly equal numbers: a finite difference with too small a step, "
        "or large terms that cancel",
        ANSWER,
        "Which two numbers are subtracted, and in how many digits do they agree?",
    ),
    "raises": Mistake("it raises an error there", ANSWER, SHAPES),
    "updated-parameter": Mistake(
        "the updated parameter is returned, not its gradient: parameter − lr·gradient", ANSWER, "What is asked for?"
    ),
    "clipped": Mistake("it is clipped: entries beyond a bound are cut", ANSWER, "Compare the largest entries."),
    "sign-only": Mistake("only the sign of the gradient is returned", ANSWER, "Compare the sizes of the entries."),
    "normalised": Mistake("it is divided by its own length", ANSWER, "Compare the sizes of the entries."),
    # found on the graph of the derivation, which has words of its own
    "step-left-out": Mistake("a step of the derivation, or one of its operands, is left out", ANSWER, _STEPS),
    "operation-replaced": Mistake("another operation stands in a step of the derivation", ANSWER, _STEPS),
    "operand-replaced": Mistake("another value stands in a step of the derivation", ANSWER, _STEPS),
    "value-changed": Mistake("a value is changed on its way", ANSWER, _STEPS),
    "consequence": Mistake("it follows rightly from another wrong answer", ANSWER, _STEPS),
    "unknown": Mistake(
        "it is wrong, and no known mistake explains it", ANSWER, "Compare the two arrays entry by entry."
    ),
}

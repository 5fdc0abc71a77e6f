"""What the exercise ``gradients(x, y, w, b)`` says about each mistake, and the line of its derivation."""

from bpcompare.language import N_
from bpcompare.marker.mistakes import ANSWER, Mistake
from bpcompare.marker.problems import linear_regression_product, linear_regression_residual
from bpcompare.marker.problems.linear_regression_lines import DELTA, WEIGHT

AT_AN_EDGE: dict[str, Mistake] = {  # right everywhere else
    "wrong-for-one-sample": Mistake(
        N_("it is wrong for one sample (N = 1): a mean is subtracted, N − 1 divides, or squeeze() drops a dimension"),
        WEIGHT,
        N_("Call your function with one sample."),
    ),
    "wrong-for-many-samples": Mistake(
        N_("it is wrong for many samples: a block, a tile or a loop ends before N"),
        WEIGHT,
        N_("Call your function with a few hundred samples."),
    ),
    "wrong-for-many-features": Mistake(
        N_("it is wrong for many features: a fixed number of them is reached"), WEIGHT, N_("Try in = 7.")
    ),
    "wrong-where-a-residual-is-0": Mistake(
        N_("it is wrong where a residual is exactly 0: something is divided by it, or zeros are left out of the count"),
        DELTA,
        N_("Put one sample exactly on the line."),
    ),
    "wrong-where-x-is-not-contiguous": Mistake(
        N_("it is wrong where x is not contiguous in memory, as a transpose is: memory is read in the wrong order"),
        ANSWER,
        N_("Call your function with x.T.contiguous().T in place of x."),
    ),
}
MISTAKES = linear_regression_residual.MISTAKES | linear_regression_product.MISTAKES | AT_AN_EDGE

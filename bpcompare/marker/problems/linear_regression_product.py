"""What the exercise ``gradients(x, y, w, b)`` says about mistakes from δ to the gradients: x, sums, shapes, entries."""

from bpcompare.language import N_
from bpcompare.marker.mistakes import SHAPES, Mistake
from bpcompare.marker.problems.linear_regression_lines import BIAS, WEIGHT

MISTAKES: dict[str, Mistake] = {
    "mean-residual-for-all": Mistake(
        N_("the mean residual is used for every sample: the mean is taken before the product with x"),
        WEIGHT,
        N_("Is the mean of a product the product of the means?"),
    ),
    "one-residual-for-all": Mistake(
        N_("one sample's residual is used for every sample"), WEIGHT, N_("Follow the index i.")
    ),
    "outputs-mixed": Mistake(N_("the residuals of all outputs are added together before the product"), WEIGHT, SHAPES),
    "first-output-only": Mistake(
        N_("the first output's residual is used for every output"), WEIGHT, N_("Try out = 2.")
    ),
    "last-output-only": Mistake(N_("the last output's residual is used for every output"), WEIGHT, N_("Try out = 2.")),
    "x-forgotten": Mistake(
        N_("x is forgotten: δ stands alone, without the factor x that ∂ŷ/∂w = x gives"),
        WEIGHT,
        N_("What is the derivative of xwᵀ + b by w?"),
    ),
    "x-centred": Mistake(
        N_("x is centred (its mean subtracted), which the model does not do"), WEIGHT, N_("Which x does ŷ use?")
    ),
    "x-standardised": Mistake(N_("x is standardised, which the model does not do"), WEIGHT, N_("Which x does ŷ use?")),
    "x-squared": Mistake(N_("x enters squared"), WEIGHT, N_("What is the derivative of xwᵀ by w?")),
    "absolute-x": Mistake(N_("|x| stands where x belongs"), WEIGHT, N_("What is the derivative of xwᵀ by w?")),
    "y-for-x": Mistake(N_("y stands where x belongs"), WEIGHT, N_("What is the derivative of xwᵀ by w?")),
    "prediction-for-x": Mistake(
        N_("the prediction stands where x belongs"), WEIGHT, N_("What is the derivative of xwᵀ by w?")
    ),
    "features-mixed": Mistake(N_("the features of x are added together"), WEIGHT, SHAPES),
    "first-feature-only": Mistake(N_("the first feature is used for every column of w"), WEIGHT, N_("Try in = 2.")),
    "last-feature-only": Mistake(N_("the last feature is used for every column of w"), WEIGHT, N_("Try in = 2.")),
    "one-x-for-all": Mistake(N_("one sample's x is used for every sample"), WEIGHT, N_("Follow the index i.")),
    "mean-before-product": Mistake(
        N_(
            "the mean is taken before the product: x and the residuals are averaged (or summed) apart, a product of "
            "means"
        ),
        WEIGHT,
        N_("Is the mean of a product the product of the means?"),
    ),
    "x-shifted": Mistake(
        N_("the samples of x are shifted by one against the residuals: off by one"), WEIGHT, N_("Follow the index i.")
    ),
    "x-reversed": Mistake(
        N_("the samples of x are in reverse order against those of y"), WEIGHT, N_("Follow the index i.")
    ),
    "one-sample-only": Mistake(
        N_("only one sample is used: the others are overwritten or never reached"),
        WEIGHT,
        N_("Is each sample's share added?"),
    ),
    "one-sample-left-out": Mistake(
        N_("one sample, the first or the last, is left out: off by one"),
        WEIGHT,
        N_("Where does your loop begin and end?"),
    ),
    "samples-left-out": Mistake(
        N_("only some of the samples are used: some at the ends, a half, every other, or a fixed number of them"),
        WEIGHT,
        N_("Which samples does your formula reach when N is 100, and which when N is 7?"),
    ),
    "partial-block-left-out": Mistake(
        N_("the samples after the last full block are left out: N need not be a multiple of the block size"),
        WEIGHT,
        N_("Call your function with one sample more than your block or tile holds."),
    ),
    "random-sample": Mistake(
        N_("one sample drawn at random stands for the mean over all"),
        WEIGHT,
        N_("Does the answer change from call to call?"),
    ),
    "transposed": Mistake(
        N_("it is transposed: w has shape (out, in), so the product is δᵀx, not xᵀδ"), WEIGHT, SHAPES
    ),
    "reshaped-for-transposed": Mistake(
        N_("it is reshaped where a transpose was meant: reshape keeps the order in memory and mixes the entries"),
        WEIGHT,
        SHAPES,
    ),
    "summed-to-one-number": Mistake(
        N_("everything is added (or averaged) to one number where each entry has its own"), WEIGHT, SHAPES
    ),
    "summed-over-outputs": Mistake(N_("it is summed over the outputs, which must stay apart"), WEIGHT, SHAPES),
    "summed-over-features": Mistake(N_("it is summed over the features, which must stay apart"), WEIGHT, SHAPES),
    "summed-over-wrong-axis": Mistake(
        N_("it is summed over the outputs (the wrong axis), not over the batch"), BIAS, SHAPES
    ),
    "entry-by-entry-product": Mistake(
        N_("x and δ are multiplied entry by entry, which is right for one output (or one feature) only"), WEIGHT, SHAPES
    ),
    "not-summed-over-batch": Mistake(
        N_("it is not summed over the batch: one value per sample is left"), WEIGHT, SHAPES
    ),
    "feature-left-out": Mistake(
        N_("one feature's column is left zero: off by one"), WEIGHT, N_("Where does your loop end?")
    ),
    "output-left-out": Mistake(N_("one output is left zero: off by one"), WEIGHT, N_("Where does your loop end?")),
    "one-feature-filled": Mistake(N_("only one feature's column is filled"), WEIGHT, N_("Where does your loop end?")),
    "one-output-filled": Mistake(N_("only one output is filled"), WEIGHT, N_("Where does your loop end?")),
    "order-reversed": Mistake(
        N_("its rows or columns are in another order: reversed, or shifted by one"), WEIGHT, SHAPES
    ),
    "parameter-left-in": Mistake(
        N_("the parameter itself multiplies it: a derivative by w no longer contains w there"),
        WEIGHT,
        N_("What is the derivative of xwᵀ + b by the parameter?"),
    ),
    "gradient-by-prediction": Mistake(
        N_("w multiplies δ where x belongs"), WEIGHT, N_("What is the derivative of xwᵀ by w?")
    ),
    "first-entry-only": Mistake(
        N_("only the first feature and output count: one number where each entry has its own"), WEIGHT, SHAPES
    ),
    "diagonal-only": Mistake(N_("only the diagonal of δᵀx is kept"), WEIGHT, SHAPES),
    "x-left-in": Mistake(
        N_("x is left in: ∂ŷ/∂b is 1, not x – this is (part of) the gradient of w"), BIAS, N_("What is ∂(xwᵀ + b)/∂b?")
    ),
    "w-updated-before-b": Mistake(
        N_("w is updated before b's gradient is computed: both gradients belong to the same point"),
        BIAS,
        N_("In which order?"),
    ),
    "b-updated-before-w": Mistake(
        N_("b is updated before w's gradient is computed: both gradients belong to the same point"),
        WEIGHT,
        N_("In which order?"),
    ),
    "gradient-by-x": Mistake(
        N_("it is the gradient by x, not by w"), WEIGHT, N_("By which variable do you differentiate?")
    ),
}

"""What the exercise ``gradients(x, y, w, b)`` says about each mistake, and the line of its derivation."""

from bpcompare.language import N_
from bpcompare.marker.mistakes import ANSWER, SHAPES, Mistake

FORWARD, RESIDUAL, LOSS, DELTA, WEIGHT, BIAS = 1, 2, 3, 4, 5, 6

_SIZE = N_("Compare N and out with the number you divide by: which sizes does the mean run over?")
_RESIDUAL = N_("Print your residual for three samples and compare it with predictions minus targets.")

MISTAKES: dict[str, Mistake] = {
    # right everywhere but at one edge
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
    "sign": Mistake(
        N_("the sign is wrong: the residual is prediction minus target, not target minus prediction"),
        RESIDUAL,
        N_("Move w a little along your gradient: does the loss rise, as it must?"),
    ),
    "factor-2-missing": Mistake(
        N_("the factor 2 is missing (half the right value): the derivative of r² is 2r"),
        DELTA,
        N_("Differentiate r² by r once more."),
    ),
    "factor-2-doubled": Mistake(
        N_("the factor 2 is there twice (double the right value): the derivative of r² is 2r, once"),
        DELTA,
        N_("How often does the exponent 2 come down?"),
    ),
    "wrong-constant": Mistake(
        N_("a constant power of two is wrong: only one 2 comes down from the square"),
        DELTA,
        N_("Count the constants in your formula: only one 2 comes down."),
    ),
    "constant-factor": Mistake(
        N_("the same constant number multiplies it at every size; a learning rate or a scale does not belong here"),
        DELTA,
        N_("Is there a number in your formula that is not in the derivation?"),
    ),
    "hard-coded-N": Mistake(
        N_("a constant stands where N belongs: hard-coded, right for one number of samples only"),
        DELTA,
        N_("Try your function on half of the samples."),
    ),
    "summed-not-averaged": Mistake(
        N_("summed, not averaged: a sum of the squared residuals stands where their mean belongs"), LOSS, _SIZE
    ),
    "averaged-twice": Mistake(
        N_(
            "averaged twice: divided by N once more than the mean asks for; δ holds 1/N already, so its sum "
            "belongs here"
        ),
        LOSS,
        _SIZE,
    ),
    "divided-by-N-only": Mistake(
        N_("divided by N alone where MSELoss divides by N·out, the number of all residuals"), LOSS, _SIZE
    ),
    "divided-by-out-twice": Mistake(N_("divided by out once too often: N·out holds it already"), LOSS, _SIZE),
    "divided-by-in": Mistake(
        N_("divided by in, the number of features, which the mean of the squared residuals does not contain"),
        LOSS,
        _SIZE,
    ),
    "multiplied-by-in": Mistake(
        N_("multiplied by in, the number of features: a sum or a mean runs over the wrong dimension"), LOSS, _SIZE
    ),
    "divided-by-N-minus-1": Mistake(
        N_("divided by N − 1, as for a variance, where the mean divides by N"), LOSS, _SIZE
    ),
    "divided-by-N-minus-2": Mistake(
        N_("divided by N − 2, as for the variance about a fitted line, where the mean divides by N"), LOSS, _SIZE
    ),
    "divided-by-N-plus-1": Mistake(N_("divided by N + 1 where the mean divides by N: off by one"), LOSS, _SIZE),
    "wrong-size-factor": Mistake(
        N_("a size of the problem multiplies or divides it where it does not belong"), LOSS, _SIZE
    ),
    "target-forgotten": Mistake(
        N_("the prediction stands where the residual belongs: y is not subtracted"), RESIDUAL, _RESIDUAL
    ),
    "prediction-forgotten": Mistake(
        N_("the target y stands where the residual belongs: no prediction"), RESIDUAL, _RESIDUAL
    ),
    "forward-without-x": Mistake(
        N_("the forward pass leaves out xwᵀ: only the bias predicts"), FORWARD, N_("Write ŷ in full.")
    ),
    "feature-left-out-of-forward": Mistake(
        N_("the forward pass leaves out a feature: off by one, or only one feature is used"), FORWARD, N_("Try in = 3.")
    ),
    "divided-by-target": Mistake(
        N_("the residual is divided by the target: a relative error"), RESIDUAL, N_("Which loss did you differentiate?")
    ),
    "sum-for-difference": Mistake(
        N_("prediction plus target stands where their difference belongs"), RESIDUAL, _RESIDUAL
    ),
    "forward-without-bias": Mistake(
        N_("the forward pass leaves out the bias b: xwᵀ − y"), FORWARD, N_("Write ŷ in full.")
    ),
    "bias-added-twice": Mistake(
        N_("the forward pass adds the bias twice: xwᵀ + 2b − y"), FORWARD, N_("Write ŷ in full.")
    ),
    "activation-in-forward": Mistake(
        N_("the forward pass applies an activation (sigmoid, ReLU, tanh or softmax); the model is linear: xwᵀ + b"),
        FORWARD,
        N_("Write ŷ in full."),
    ),
    "bias-subtracted-in-forward": Mistake(
        N_("the forward pass subtracts the bias: xwᵀ − b − y"), FORWARD, N_("Write ŷ in full.")
    ),
    "one-entry-of-b-for-all": Mistake(
        N_("the forward pass adds one entry of b to every output"), FORWARD, N_("Try out = 2.")
    ),
    "transposed-w-in-forward": Mistake(
        N_("the forward pass uses w transposed, or reshaped where a transpose was meant; w has shape (out, in)"),
        FORWARD,
        SHAPES,
    ),
    "broadcast-n-by-n": Mistake(
        N_("(N, 1) − (N,) is broadcast to N × N differences: every prediction meets every target"),
        RESIDUAL,
        N_("Print the shape of your residual."),
    ),
    "targets-averaged": Mistake(N_("the mean of the targets stands where each target belongs"), RESIDUAL, _RESIDUAL),
    "predictions-averaged": Mistake(
        N_("the mean prediction stands where each prediction belongs"), RESIDUAL, _RESIDUAL
    ),
    "residual-centred": Mistake(N_("the residuals are centred (their mean subtracted)"), RESIDUAL, _RESIDUAL),
    "targets-shifted": Mistake(
        N_("predictions and targets are shifted against each other by one sample"), RESIDUAL, _RESIDUAL
    ),
    "loss-for-residual": Mistake(
        N_("the loss, one number, stands where the residuals belong"), DELTA, N_("Which line depends on the sample i?")
    ),
    "residual-squared": Mistake(
        N_("the squared residual is used where its derivative belongs"), DELTA, N_("What is the derivative of r²?")
    ),
    "other-power-of-residual": Mistake(
        N_("another power of the residual stands where r belongs: the derivative of |r|³ or r⁴, not of r²"),
        DELTA,
        N_("Which loss did you differentiate?"),
    ),
    "absolute-residual": Mistake(N_("|r| stands where r belongs: the sign of each residual is lost"), DELTA, _RESIDUAL),
    "derivative-of-absolute-value": Mistake(
        N_("it is the derivative of |r| (mean absolute error): sign(r), not 2r"),
        DELTA,
        N_("Which loss did you differentiate?"),
    ),
    "derivative-of-root": Mistake(
        N_("it is the derivative of the root of the mean squared error (RMSE): divided by 2√MSE"),
        LOSS,
        N_("Which loss did you differentiate?"),
    ),
    "derivative-of-huber": Mistake(
        N_("the residuals are clipped to ±1: the derivative of a Huber loss"),
        DELTA,
        N_("Which loss did you differentiate?"),
    ),
    "residual-normalised": Mistake(
        N_("the residual is divided by its own norm"), DELTA, N_("Which loss did you differentiate?")
    ),
    "residual-forgotten": Mistake(N_("the residual is missing: only x is left"), DELTA, _RESIDUAL),
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
    "y-centred": Mistake(
        N_("y is centred (its mean subtracted), which the loss does not do"), RESIDUAL, N_("Which y has L?")
    ),
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
    "weight-decay": Mistake(
        N_("a multiple of the parameter is added: weight decay (L2), which this loss does not contain"),
        LOSS,
        N_("Read the loss."),
    ),
    "l1-penalty": Mistake(
        N_("a multiple of the parameter's sign is added: an L1 penalty, which this loss does not contain"),
        LOSS,
        N_("Read the loss."),
    ),
    "constant-added": Mistake(
        N_("a constant is added to every entry"), DELTA, N_("Which term does not depend on the sample?")
    ),
    "gradient-by-x": Mistake(
        N_("it is the gradient by x, not by w"), WEIGHT, N_("By which variable do you differentiate?")
    ),
}

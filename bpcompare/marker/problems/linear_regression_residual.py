"""What the exercise ``gradients(x, y, w, b)`` says about mistakes on the way to δ: forward, residual, loss, factor."""

from bpcompare.language import N_
from bpcompare.marker.mistakes import SHAPES, Mistake
from bpcompare.marker.problems.linear_regression_lines import DELTA, FORWARD, LOSS, RESIDUAL

_SIZE = N_("Compare N and out with the number you divide by: which sizes does the mean run over?")
_RESIDUAL = N_("Print your residual for three samples and compare it with predictions minus targets.")

MISTAKES: dict[str, Mistake] = {
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
    "y-centred": Mistake(
        N_("y is centred (its mean subtracted), which the loss does not do"), RESIDUAL, N_("Which y has L?")
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
}

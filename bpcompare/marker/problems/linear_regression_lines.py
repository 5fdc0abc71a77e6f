"""The lines of the derivation of ``gradients(x, y, w, b)``, by their numbers."""

FORWARD, RESIDUAL, LOSS, DELTA, WEIGHT, BIAS = 1, 2, 3, 4, 5, 6

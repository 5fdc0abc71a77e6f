# diagnosis: grad_w=right grad_b=summed-to-one-number
import numpy as np
def gradients(x, y, w, b):
    X, Y, W, B = x.numpy().T, y.numpy().T, w.numpy(), b.numpy().reshape(-1, 1)
    dA = 2 * (W @ X + B - Y) / Y.size
    return dA @ X.T, np.sum(dA)

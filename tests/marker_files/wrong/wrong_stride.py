# diagnosis: grad_w=transposed-w-in-forward grad_b=transposed-w-in-forward
import torch


def gradients(x, y, w, b):
    features, outputs = x.shape[1], y.shape[1]
    flat = w.flatten()
    prediction = b.repeat(len(x), 1)
    for o in range(outputs):
        for j in range(features):
            prediction[:, o] += x[:, j] * flat[j * outputs + o]
    delta = 2 * (prediction - y) / y.numel()
    return delta.T @ x, delta.sum(0)

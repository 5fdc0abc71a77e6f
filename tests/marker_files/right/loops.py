import math  # noqa: F401 - a learner's file may import what it likes


def gradients(x, y, w, b):
    n, inputs = x.shape
    outputs = y.shape[1]
    grad_w = [[0.0] * inputs for _ in range(outputs)]
    grad_b = [0.0] * outputs
    for i in range(n):
        for o in range(outputs):
            prediction = b[o].item()
            for j in range(inputs):
                prediction += x[i, j].item() * w[o, j].item()
            slope = 2 * (prediction - y[i, o].item()) / (n * outputs)
            grad_b[o] += slope
            for j in range(inputs):
                grad_w[o][j] += slope * x[i, j].item()
    return grad_w, grad_b

# diagnosis: grad_w=rounding-magnified grad_b=rounding-magnified
FAR = 1e5


def gradients(x, y, w, b):
    moved = x + FAR
    delta = 2 * (moved @ w.T - FAR * w.sum(1) + b - y) / y.numel()
    return delta.T @ moved - FAR * delta.sum(0)[:, None], delta.sum(0)

# diagnosis: grad_w=partial-block-left-out grad_b=partial-block-left-out
# A grid of N // 8 blocks of 8 rows each; the mean is over all N.
BLOCK = 8


def gradients(x, y, w, b):
    samples, outputs = y.shape
    residual = x @ w.T + b - y
    grad_w, grad_b = 0 * w, 0 * b
    for block in range(samples // BLOCK):
        rows = slice(block * BLOCK, (block + 1) * BLOCK)
        grad_w = grad_w + residual[rows].T @ x[rows]
        grad_b = grad_b + residual[rows].sum(0)
    return 2 * grad_w / (samples * outputs), 2 * grad_b / (samples * outputs)

# diagnosis: grad_w=divided-by-N-plus-1 grad_b=divided-by-N-plus-1
def gradients(x, y, w, b):
    count = 1
    grad_w, grad_b = 0 * w, 0 * b
    for sample, target in zip(x, y):
        residual = w @ sample + b - target
        grad_w = grad_w + 2 * residual[:, None] * sample[None, :]
        grad_b = grad_b + 2 * residual
        count += 1
    return grad_w / (count * len(b)), grad_b / (count * len(b))

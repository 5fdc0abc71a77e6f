# diagnosis: grad_w=x-standardised grad_b=x-standardised
def gradients(x, y, w, b):
    low, high = x.min(0).values, x.max(0).values
    x = 2 * (x - low) / (high - low) - 1
    r = x @ w.T + b - y
    return 2 * r.T @ x / r.numel(), 2 * r.sum(0) / r.numel()

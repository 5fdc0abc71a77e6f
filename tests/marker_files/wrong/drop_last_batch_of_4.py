# diagnosis: grad_w=partial-block-left-out grad_b=partial-block-left-out


def gradients(x, y, w, b):
    """The mean of the gradients of batches of 4, the last one dropped when it is short."""
    batches = [(x[i : i + 4], y[i : i + 4]) for i in range(0, len(x) - 3, 4)]
    residuals = [(x_part @ w.T + b - y_part, x_part) for x_part, y_part in batches]
    grad_w = sum(2 * r.T @ x_part / r.numel() for r, x_part in residuals) / len(residuals)
    grad_b = sum(2 * r.sum(0) / r.numel() for r, _ in residuals) / len(residuals)
    return grad_w, grad_b

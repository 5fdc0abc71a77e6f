# diagnosis: grad_w=rounded grad_b=rounded
def short(values):
    return [short(value) for value in values] if isinstance(values, list) else float(f"{values:.4g}")


def gradients(x, y, w, b):
    delta = 2 * (x @ w.T + b - y) / y.numel()
    return short((delta.T @ x).tolist()), short(delta.sum(0).tolist())

# diagnosis: grad_w=one-entry-of-b-for-all grad_b=one-entry-of-b-for-all
def gradients(x, y, w, b):
    for bias in b:
        prediction = x @ w.T + bias
    delta = 2 * (prediction - y) / y.numel()
    return delta.T @ x, delta.sum(0)

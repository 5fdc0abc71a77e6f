# diagnosis: grad_w=unknown grad_b=unknown
def gradients(x, y, w, b):
    half = len(x) // 2
    parts = []
    for shard, targets in ((x[:half], y[:half]), (x[half:], y[half:])):
        delta = 2 * (shard @ w.T + b - targets) / targets.numel()
        parts.append((delta.T @ shard, delta.sum(0)))
    return (parts[0][0] + parts[1][0]) / 2, (parts[0][1] + parts[1][1]) / 2

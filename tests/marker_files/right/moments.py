def gradients(x, y, w, b):
    n, m = y.shape
    xx, xy, sx, sy = x.T @ x, y.T @ x, x.sum(0), y.sum(0)
    gw = 2 * (w @ xx + b[:, None] * sx[None, :] - xy) / (n * m)
    gb = 2 * (w @ sx + n * b - sy) / (n * m)
    return gw, gb

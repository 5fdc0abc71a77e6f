# diagnosis: grad_w=divided-by-in grad_b=right
def gradients(x, y, w, b):
    X, Y, W, B = x.tolist(), y.tolist(), w.tolist(), b.tolist()
    N, out, inn = len(X), len(B), len(X[0])
    gw = [[0.0] * inn for _ in range(out)]
    gb = [0.0] * out
    for n in range(N):
        for o in range(out):
            r = sum(W[o][i] * X[n][i] for i in range(inn)) + B[o] - Y[n][o]
            gb[o] += 2 * r / (N * out)
            for i in range(inn):
                gw[o][i] += 2 * r * X[n][i] / (N * inn)
    return gw, gb

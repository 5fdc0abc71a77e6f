"""Expressions with values, whose derivations several files of tests look at."""

HOMEWORK_1 = ("z = x*w; r = z - y; loss = r**2", {"x": 2, "w": 1, "y": 4})
HOMEWORK_2 = ("z = x*w; ŷ = z + b; r = ŷ - y; loss = r**2", {"x": 1, "w": 1, "b": 2, "y": 2})
HOMEWORK_3 = (
    "z1 = w1*x**2; z2 = w2*x; z = z1 + z2; ŷ = z + b; r = ŷ - y; loss = r**2",
    {"x": 2, "w1": 2, "w2": 2, "b": 1, "y": 9},
)
ENGINE = (
    "Loss = MSE(Sigmoid(Linear(x, k, b)), y)",
    {"x": 3, "k": 0.35915077292816744, "b": 0.3737660632429008, "y": 0.6087876106387002},
)
SHOWN = [HOMEWORK_1, HOMEWORK_2, HOMEWORK_3, ENGINE]
SHOWN += [
    ("mean(x**2)", {"x": [1, 2, 3]}),
    ("ŷ = Linear(x, W, b); MSE(ŷ, y)", {"x": [[1, 2], [3, 4]], "W": [[1, -2]], "b": [3], "y": [[1], [2]]}),
    ("p = A @ v + b; sum(relu(p)*q)", {"A": [[1, 2], [3, -4]], "v": [1, 2], "b": 0.5, "q": [2, 3]}),
    ("mean(transpose(A))*log(σ_ž)/x̂**-0.5 - 3", {"A": [list(range(20))], "σ_ž": 1e-9, "x̂": 5}),
    ("a = x*x; b = sin(a) + a; c = a*b - x", {"x": 1.5}),
    (";".join(["v = v + v"] * 30), {"v": 1}),
    ("+".join(["x"] * 20), {"x": 2}),
    ("W @ x", {"W": [1, 2], "x": [3, 4]}),
]

"""What is printed as a formula, as a learner would type it into NumPy.

from typed import typed, value

value("1 − tanh(a)²", a=np.float64(0.3))
"""

import re

import numpy as np

NAMES = {
    "exp": np.exp, "log": np.log, "sqrt": np.sqrt, "sin": np.sin, "cos": np.cos, "tan": np.tan, "tanh": np.tanh,
    "sinh": np.sinh, "cosh": np.cosh, "sigmoid": lambda a: 1 / (1 + np.exp(-np.asarray(a))), "sign": np.sign,
    "abs": np.abs, "max": np.maximum, "min": np.minimum, "sum": np.sum, "mean": np.mean, "outer": np.outer,
    "relu": lambda a: np.maximum(a, 0), "transpose": np.transpose, "array": np.asarray,
    "MSE": lambda a, b: np.mean((a - b) ** 2), "Linear": lambda x, k, b: k * x + b,
}  # fmt: skip
NAMES |= {"σ": NAMES["sigmoid"], "ln": np.log}
_UP = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")


def typed(side):
    """A printed side as a learner would type it into NumPy."""
    code = re.sub(r"(?<![\w.])(\d+)(?=[^\W\d_⁻⁰¹²³⁴⁵⁶⁷⁸⁹](?!\w))(?!e[-+])", r"\1*", side)  # 2r
    code = re.sub(r"\|([^|]*)\|", r"abs(\1)", code)
    code = re.sub("[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+", lambda found: f"**({found[0].translate(_UP)})", code)
    code = code.translate(str.maketrans({"·": "*", "⊙": "*", "−": "-"})).replace("^", "**").replace("½", "0.5")
    code, opening = code.replace("ᵀ", ".T"), []
    pieces = list(code)
    for place, character in enumerate(code):
        if character == "(":
            opening.append(None)
        elif character == ")":
            opening.pop()
        elif character == "[":
            opening.append(place)
        elif character == "]":
            start = opening.pop()
            if not opening or opening[-1] is None:  # the outermost of its brackets ( )
                pieces[start], pieces[place] = "array([", "])"
    return "".join(pieces)


def value(side, **names):
    """What a printed side comes to, where its names have these values."""
    return np.asarray(eval(typed(side), {"__builtins__": {}}, {**NAMES, **names}), float)

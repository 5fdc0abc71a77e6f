"""The derivation of each exercise, step by step, as its graph is searched for the step that went wrong."""

from bpcompare.language import N_
from bpcompare.marker.hypotheses.derivation_changes.program import Program, Step

SAMPLE, FEATURE, OUTPUT = N_("sample"), N_("feature"), N_("output")

LINEAR_REGRESSION = Program(
    inputs={"x": "x", "y": "y", "w": "w", "b": "b"},
    steps=(
        Step("wᵀ", 1, "transpose", ("w",)),
        Step("xwᵀ", 1, "matmul", ("x", "wᵀ")),
        Step("ŷ", 1, "add", ("xwᵀ", "b")),
        Step("r", 2, "subtract", ("ŷ", "y")),
        Step("2r", 4, "double", ("r",)),
        Step("N·out", 3, "count", ("y",)),
        Step("δ", 4, "divide", ("2r", "N·out")),
        Step("δᵀ", 5, "transpose", ("δ",)),
        Step("∂L/∂w", 5, "matmul", ("δᵀ", "x")),
        Step("∂L/∂b", 6, "sum over samples", ("δ",)),
    ),
    answers={"grad_w": "∂L/∂w", "grad_b": "∂L/∂b"},
    axes={
        "x": (SAMPLE, FEATURE),
        "w": (OUTPUT, FEATURE),
        "b": (OUTPUT,),
        "wᵀ": (FEATURE, OUTPUT),
        **dict.fromkeys(("y", "xwᵀ", "ŷ", "r", "2r", "δ"), (SAMPLE, OUTPUT)),
        "δᵀ": (OUTPUT, SAMPLE),
        "∂L/∂w": (OUTPUT, FEATURE),
        "∂L/∂b": (OUTPUT,),
    },
)

SIGMOID_NEURON = Program(
    inputs={"x": "x", "y": "y", "w": "w", "b": "b"},
    steps=(
        Step("w·x", 1, "matmul", ("w", "x")),
        Step("z", 1, "add", ("w·x", "b")),
        Step("a", 2, "sigmoid", ("z",)),
        Step("a − y", 4, "subtract", ("a", "y")),
        Step("∂L/∂a", 4, "double", ("a − y",)),
        Step("1 − a", 5, "one minus", ("a",)),
        Step("a(1 − a)", 5, "multiply", ("a", "1 − a")),
        Step("∂L/∂z", 5, "multiply", ("∂L/∂a", "a(1 − a)")),
        Step("∂L/∂w", 6, "multiply", ("∂L/∂z", "x")),
        Step("∂L/∂b", 6, "copy", ("∂L/∂z",)),
    ),
    answers={"grad_w": "∂L/∂w", "grad_b": "∂L/∂b"},
    stands_for={"grad_b": "∂L/∂z"},
)

DELTA_RECURSION = Program(
    inputs={name: name for name in ("x", "y")} | {f"{kind}{k}": f"{kind}{k}" for k in (1, 2, 3) for kind in "wb"},
    steps=(
        Step("w1·x", 1, "matmul", ("w1", "x")),
        Step("z⁽¹⁾", 1, "add", ("w1·x", "b1")),
        Step("a⁽¹⁾", 2, "sigmoid", ("z⁽¹⁾",)),
        Step("w2·a⁽¹⁾", 1, "matmul", ("w2", "a⁽¹⁾")),
        Step("z⁽²⁾", 1, "add", ("w2·a⁽¹⁾", "b2")),
        Step("a⁽²⁾", 2, "sigmoid", ("z⁽²⁾",)),
        Step("w3·a⁽²⁾", 1, "matmul", ("w3", "a⁽²⁾")),
        Step("z⁽³⁾", 1, "add", ("w3·a⁽²⁾", "b3")),
        Step("z⁽³⁾ − y", 4, "subtract", ("z⁽³⁾", "y")),
        Step("δ⁽³⁾", 4, "double", ("z⁽³⁾ − y",)),
        Step("w3ᵀ", 5, "transpose", ("w3",)),
        Step("w3ᵀδ⁽³⁾", 5, "matmul", ("w3ᵀ", "δ⁽³⁾")),
        Step("1 − a⁽²⁾", 6, "one minus", ("a⁽²⁾",)),
        Step("σ′(z⁽²⁾)", 6, "multiply", ("a⁽²⁾", "1 − a⁽²⁾")),
        Step("δ⁽²⁾", 5, "multiply", ("w3ᵀδ⁽³⁾", "σ′(z⁽²⁾)")),
        Step("w2ᵀ", 5, "transpose", ("w2",)),
        Step("w2ᵀδ⁽²⁾", 5, "matmul", ("w2ᵀ", "δ⁽²⁾")),
        Step("1 − a⁽¹⁾", 6, "one minus", ("a⁽¹⁾",)),
        Step("σ′(z⁽¹⁾)", 6, "multiply", ("a⁽¹⁾", "1 − a⁽¹⁾")),
        Step("δ⁽¹⁾", 5, "multiply", ("w2ᵀδ⁽²⁾", "σ′(z⁽¹⁾)")),
    ),
    answers={"delta1": "δ⁽¹⁾", "delta2": "δ⁽²⁾", "delta3": "δ⁽³⁾"},
    stands_for={"delta3": "δ⁽³⁾", "delta2": "δ⁽²⁾"},
)

ADAM_STEP = Program(
    inputs={
        "p": "p",
        "grad": "g",
        "exp_avg": "m (old)",
        "exp_avg_sq": "v (old)",
        "step": "t",
        "lr": "lr",
        "beta1": "β₁",
        "beta2": "β₂",
        "eps": "ε",
    },
    steps=(
        Step("1 − β₁", 1, "one minus", ("β₁",)),
        Step("β₁m", 1, "multiply", ("β₁", "m (old)")),
        Step("(1 − β₁)g", 1, "multiply", ("1 − β₁", "g")),
        Step("m", 1, "add", ("β₁m", "(1 − β₁)g")),
        Step("g²", 2, "square", ("g",)),
        Step("1 − β₂", 2, "one minus", ("β₂",)),
        Step("β₂v", 2, "multiply", ("β₂", "v (old)")),
        Step("(1 − β₂)g²", 2, "multiply", ("1 − β₂", "g²")),
        Step("v", 2, "add", ("β₂v", "(1 − β₂)g²")),
        Step("β₁ᵗ", 3, "power", ("β₁", "t")),
        Step("1 − β₁ᵗ", 3, "one minus", ("β₁ᵗ",)),
        Step("m̂", 3, "divide", ("m", "1 − β₁ᵗ")),
        Step("β₂ᵗ", 4, "power", ("β₂", "t")),
        Step("1 − β₂ᵗ", 4, "one minus", ("β₂ᵗ",)),
        Step("v̂", 4, "divide", ("v", "1 − β₂ᵗ")),
        Step("√v̂", 5, "root", ("v̂",)),
        Step("√v̂ + ε", 5, "add", ("√v̂", "ε")),
        Step("m̂/(√v̂ + ε)", 5, "divide", ("m̂", "√v̂ + ε")),
        Step("lr · m̂/(√v̂ + ε)", 5, "multiply", ("lr", "m̂/(√v̂ + ε)")),
        Step("p (new)", 5, "subtract", ("p", "lr · m̂/(√v̂ + ε)")),
    ),
    answers={"p": "p (new)", "exp_avg": "m", "exp_avg_sq": "v"},
    stands_for={"exp_avg": "m", "exp_avg_sq": "v"},
)

"""Other forwards: which are tried, what each calculates, and the gradients that belong to it, by autograd."""

import torch
from close import assert_close
from marker.graph_changes.one_step import drawn, graph

from bpcompare.marker.hypotheses.graph_changes import replay

X, W, G = drawn(1, 3, 4, low=0.2), drawn(2, 3, 4, low=0.2), drawn(3, 3, 4)


def forward(x, w):
    hidden = 3 * x + w
    root = torch.sqrt(hidden + 0.5)
    return (root - 1) / 2 * w


def other(x, w, three=3.0, half=0.5, one=1.0, two=2.0, outside=0.0, **stands):
    """The same with other constants, or with one value in the place of another."""

    def at(place, value):
        known = {"x": x, "w": w, **values}
        return known[stands[place]] if place in stands else value

    values = {}
    values["product"] = three * at("x_in_product", x)
    hidden = values["hidden"] = at("product_in_hidden", values["product"]) + at("w_in_hidden", w)
    inner = values["inner"] = at("hidden_in_inner", hidden) + half
    root = values["root"] = torch.sqrt(at("inner_in_root", inner)) + outside
    less = values["less"] = at("root_in_less", root) - one
    half_of = values["ratio"] = at("less_in_ratio", less) / two
    return at("ratio_in_end", half_of) * at("w_in_end", w)


# The values in the order of calculation, what each is called, and the places where a value is an operand.
ORDER = ["x", "w", "product", "hidden", "inner", "root", "less", "ratio"]
NAMES = {
    "x": "x0",
    "w": "x1",
    "product": "3 * x",
    "hidden": "hidden",
    "inner": "hidden + 0.5",
    "root": "root",
    "less": "root - 1",
    "ratio": "(root - 1) / 2",
    "end": "(root - 1) / 2 * w",
}
PLACES = [
    ("x", "product"),
    ("product", "hidden"),
    ("w", "hidden"),
    ("hidden", "inner"),
    ("inner", "root"),
    ("root", "less"),
    ("less", "ratio"),
    ("ratio", "end"),
    ("w", "end"),
]


def expected():
    """Every other forward by what is said of it: its kind, its cost, and what it calculates."""
    found = {}

    def add(says, cost, function, kind="forward"):
        found[f"the backward belongs to {says}"] = (kind, cost, function)

    for name, key in (("x0", 0), ("x1", 1)):
        for axes, words in (((0,), "axis 0"), ((1,), "axis 1"), ((0, 1), "axes 0 and 1")):
            add(f"a forward in which {name} is flipped along {words}", 2.6, (key, lambda v, a=axes: v.flip(a)), "input")
        add(f"a forward in which {name} is negative", 2.6, (key, torch.neg), "input")
    without = "a forward without the constant {} of {}"
    add(without.format("3", "3 * x"), 2.2, lambda x, w: other(x, w, three=1.0))
    add(without.format("0.5", "hidden + 0.5"), 2.2, lambda x, w: other(x, w, half=0.0))
    add(without.format("1", "root - 1"), 2.2, lambda x, w: other(x, w, one=0.0))
    add(without.format("2", "(root - 1) / 2"), 2.2, lambda x, w: other(x, w, two=1.0))
    for size, word in ((3, "n"),):
        for power, words in ((-1, "1/({})"), (-0.5, "1/√({})"), (0.5, "√({})"), (1, "{}")):
            stands = "a forward with {} for the constant in {}"
            length = size**power
            add(stands.format(words.format(word), "3 * x"), 2.6, lambda x, w, k=length: other(x, w, three=k))
            add(stands.format(words.format(word), "(root - 1) / 2"), 2.6, lambda x, w, k=length: other(x, w, two=k))
    for value, step in PLACES:
        for stand in ORDER[: ORDER.index(step) if step in ORDER else len(ORDER)]:
            if stand != value:
                add(
                    f"a forward in which {NAMES[stand]} stands for {NAMES[value]} in {NAMES[step]}",
                    2.6,
                    lambda x, w, key=f"{value}_in_{step}", stand=stand: other(x, w, **{key: stand}),
                )
    return found


def problem():
    made = graph(forward, [X, W], [G])
    made.sizes["n"] = 3
    return made


def test_every_other_forward_is_tried_with_what_it_calculates_and_its_gradients():
    made, told = problem(), expected()
    found = {str(change.says): change for change in replay.all_changes(made)}
    outside = "the backward is not that of root: 0.5 is added outside the root, not inside"
    assert set(found) == {*told, outside}
    for says, (kind, cost, function) in told.items():
        change = found[says]
        assert (change.kind, round(change.cost, 9)) == (kind, cost), says
        values = [X, W]
        if kind == "input":  # what is given, by which the gradient is taken
            key, edit = function
            values[key], function = edit(values[key]), forward
        leaves = [value.clone().requires_grad_() for value in values]
        out = function(*leaves)
        assert_close(change.outputs(made), [out.detach()], rtol=1e-12, atol=1e-12, equal_nan=True)
        right = torch.autograd.grad(out, leaves, G, allow_unused=True, materialize_grads=True)
        for mine, gradient in zip(change.answers(made), right, strict=True):
            assert_close(mine, gradient, rtol=1e-10, atol=1e-10, equal_nan=True, msg=says)
        calculates = says.replace("the backward belongs to", "the function calculates")
        assert str(change.calculates) == calculates
    change = found[outside]
    assert (change.kind, round(change.cost, 9)) == ("operand", 2.0)
    assert str(change.calculates).startswith("the function does not calculate root: 0.5 is added outside")
    assert_close(change.outputs(made), [other(X, W, half=0.0, outside=0.5)], rtol=1e-12, atol=1e-12)


def test_the_problem_itself_is_left_as_it_was():
    made = problem()
    before = made.true_answers()
    for change in replay.all_changes(made):
        change.answers(made)
    for mine, right in zip(graph(forward, [X, W], [G]).true_answers(), before, strict=True):
        assert torch.equal(mine, right)
    assert torch.equal(made.graph.outputs[0].value, forward(X, W))


def test_a_square_input_may_be_transposed_and_another_may_not():
    def told(*shape):
        made = graph(lambda x: (x * 2).cumsum(0), [drawn(1, *shape)])
        return [str(c.says) for c in replay.all_changes(made) if "transposed" in str(c.says)]

    assert [len(told(*shape)) for shape in ((3, 3), (2, 3, 3), (3, 2, 3), (3, 3, 2), (3,))] == [1, 1, 0, 0, 0]
    x = drawn(1, 2, 3, 3)
    made = graph(lambda x: (x * 2).cumsum(2), [x])
    (change,) = [c for c in replay.all_changes(made) if "transposed" in str(c.says)]
    assert_close(change.outputs(made), [(x.transpose(1, 2) * 2).cumsum(2)])


def test_only_a_value_of_the_same_shape_stands_for_another():
    made = graph(lambda x, w: torch.tanh(x * w) + x, [X, W[0]], [G])
    told = {str(c.says).split("in which ")[-1] for c in replay.all_changes(made) if "stands" in str(c.says)}
    product = "torch.tanh(x * w) + x"
    assert told == {
        "x0 stands for x * w in torch.tanh(x * w)",
        f"x0 stands for torch.tanh(x * w) in {product}",
        f"x * w stands for torch.tanh(x * w) in {product}",
        f"x * w stands for x0 in {product}",
        f"torch.tanh(x * w) stands for x0 in {product}",
    }


def test_where_a_change_is_not_to_be_had_in_a_problem_there_is_no_answer():
    def summed(x, w):
        return (x * 2).cumsum(0) + w

    def total(x):
        return x.sum() * 2

    first = graph(summed, [drawn(1, 3, 3), drawn(2, 3, 3)])
    changes = {str(c.says).split("in which ")[-1]: c for c in replay.all_changes(first)}
    longer = graph(summed, [drawn(1, 3, 2), drawn(2, 3, 2)])
    assert changes["x0 is transposed"].answers(longer) is None
    assert changes["x0 is transposed"].outputs(longer) is None
    sums = [graph(total, [drawn(1, *shape)]) for shape in ((2, 3, 3), (2, 3, 4), (3, 3, 2))]
    transposed = next(c for c in replay.all_changes(sums[0]) if "transposed" in str(c.says))
    assert [transposed.answers(one) is None for one in sums] == [False, True, True]
    row = graph(summed, [drawn(1, 3), drawn(2, 3)])
    assert changes["x0 is flipped along axis 1"].answers(row) is None
    assert changes["x0 is flipped along axis 0"].answers(row) is not None
    square = graph(torch.mm, [drawn(1, 3, 3), drawn(2, 3, 3)])
    oblong = graph(torch.mm, [drawn(1, 2, 3), drawn(2, 3, 4)])
    (twice,) = [c for c in replay.all_changes(square) if "x1 stands for x0" in str(c.says)]
    assert twice.answers(square) is not None
    assert twice.answers(oblong) is None  # no such product
    elsewhere = graph(lambda x, w: torch.tanh(x) * w, [drawn(1, 3, 3), drawn(2, 3, 3)])
    without = next(c for c in replay.all_changes(first) if "without the constant 2" in str(c.says))
    assert without.answers(elsewhere) is None
    broadcast = graph(summed, [drawn(1, 3, 3), drawn(2, 1, 3)])
    stands = changes["x1 stands for x0 in x * 2"]
    assert stands.answers(broadcast) is None  # of another shape


def test_in_a_loop_another_value_is_the_last_one_before_each_time():
    def loop(x, w):
        state = x
        for _ in range(3):
            state = torch.tanh(state * w)
        return state

    made = graph(loop, [X, W], [G])
    changes = {str(c.says).split("in which ")[-1]: c for c in replay.all_changes(made)}
    assert_close(changes["x1 stands for x0 in state * w"].outputs(made), [torch.tanh(W * W)])
    assert_close(changes["x0 stands for state * w in state"].outputs(made), [torch.tanh(X)])


def test_of_several_times_of_another_value_it_is_the_last_one_before():
    def forward(x, w):
        state = x
        for _ in range(3):
            state = torch.tanh(state)
        return state * w

    made = graph(forward, [X, W], [G])
    changes = {str(c.says).split("in which ")[-1]: c for c in replay.all_changes(made)}
    third = torch.tanh(torch.tanh(torch.tanh(X)))
    assert_close(changes["state stands for x1 in state * w"].outputs(made), [third * third])


def test_what_does_not_depend_on_an_input_is_left_as_it_is_and_a_step_out_of_range_gives_none():
    def picked(x, w):
        return x[torch.tensor([0, 2])] * 2 + w[:2] * 3

    made = graph(picked, [drawn(1, 3, 3), drawn(2, 3, 3)])
    shorter = graph(picked, [drawn(1, 4, 3), drawn(2, 2, 3)])
    stands = next(c for c in replay.all_changes(made) if "x1 stands for x0 in x[" in str(c.says))
    assert stands.answers(shorter) is None
    assert stands.outputs(made) is not None

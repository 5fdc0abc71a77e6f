"""What a change costs, where it is found again, and which changes there are at all."""

import pytest
import torch
from marker.graph_changes.one_step import drawn, graph, step_of

from bpcompare.marker.hypotheses.graph_changes import change as module
from bpcompare.marker.hypotheses.graph_changes.change import Change, Site, one_change
from bpcompare.marker.hypotheses.graph_changes.changes import all_changes, everywhere
from bpcompare.marker.hypotheses.graph_changes.derivatives import derivatives
from bpcompare.marker.hypotheses.graph_changes.walk import NODE
from bpcompare.marker.phrases import Phrase

X, W = drawn(1, 3, 4, low=0.2), drawn(2, 3, 4, low=0.2)


def loop(x, w):
    state = x
    for _ in range(3):
        state = torch.tanh(state * w)
    total = state.sum(1, keepdim=True)
    return state / total + x.mean()


def nothing(problem, at):
    return None


def test_each_kind_has_its_cost_and_more_is_added():
    step = step_of(graph(loop, [X, W]), "div")
    for kind, cost in module.COST.items():
        made = one_change(kind, step, 1, nothing, "m", 0.25)
        assert (made.kind, made.cost, made.says, made.act) == (kind, cost + 0.25, "m", nothing)
        assert made.sites == (Site(step.key, 1, "all"),)
        assert made.place.endswith(": state / total")
    assert one_change("path", step, 1, nothing, "m", times="last").sites == (Site(step.key, 1, "last"),)


def test_of_the_nodes_of_one_chain_a_named_one_and_a_sum_are_told_first():
    problem = graph(loop, [X, W])

    def cost(op, slot=NODE, kind="path"):
        return round(one_change(kind, next(s for s in problem.graph.steps if s.op == op), slot, nothing, "m").cost, 9)

    assert cost("sum") == 0.94  # a name and a sum
    assert cost("tanh") == 0.96
    assert cost("mean") == 0.98
    assert cost("mul") == cost("div") == 1.0
    assert cost("sum", 0) == 1.0  # an edge
    assert cost("sum", NODE, "factor") == 2.2


def test_one_step_and_one_edge_stand_for_each_place():
    problem = graph(loop, [X, W])
    once = module.steps_once(problem)
    assert len({step.key for step in once}) == len(once)
    assert {step.key for step in once} == {s.key for s in problem.graph.steps if s.index in problem.relevant}
    tanh = [step for step in problem.graph.steps if step.op == "tanh"]
    assert tanh[-1] in once  # the last time
    assert tanh[0] not in once
    edges = module.places(problem)
    assert len({(step.key, slot) for step, slot in edges}) == len(edges)
    assert {(step.key, slot) for step, slot in edges} == {(step.key, slot) for step, slot in problem.edges()}
    assert [step.index for step, _ in edges] == sorted((step.index for step, _ in edges), reverse=True)
    assert (tanh[-1], 0) in edges


def test_a_step_that_no_gradient_reaches_has_no_place():
    def unused(x, w):
        x.exp()
        return x.detach().sin() * w + x

    problem = graph(unused, [X, W])
    told = {step.op for step in module.steps_once(problem)}
    assert told == {"input", "mul", "add"}
    assert {step.op for step, _ in module.places(problem)} == {"mul", "add"}


def test_steps_are_found_by_their_place():
    problem = graph(loop, [X, W])
    table = module.steps_by_key(problem)
    assert sorted(step.index for steps in table.values() for step in steps) == list(range(len(problem.graph.steps)))
    assert all(step.key == key for key, steps in table.items() for step in steps)
    assert module.steps_by_key(problem) is table


def test_changes_of_several_places_are_there_only_where_all_are():
    problem = graph(loop, [X, W])
    tanh, div = (next(s for s in problem.graph.steps if s.op == op) for op in ("tanh", "div"))
    both = Change("path", (Site(tanh.key, 0), Site(div.key, 1)), nothing, "m", 1.0, "")
    assert len(both.at(problem)) == 4
    assert set(both.at(problem)) == {(s.index, 0) for s in problem.graph.steps if s.op == "tanh"} | {(div.index, 1)}
    assert all(acts == [nothing] for acts in both.at(problem).values())
    other = graph(lambda x, w: x * w, [X, W])
    assert both.at(other) is None
    assert Change("path", (), nothing, "m", 1.0, "").at(problem) is None


def test_the_cheapest_changes_come_first_and_equal_ones_in_the_order_they_are_made():
    problem = graph(loop, [X, W])
    found = all_changes(problem)
    costs = [change.cost for change in found]
    assert costs == sorted(costs)
    assert {change.kind for change in found} == set(module.COST)
    again = all_changes(graph(loop, [X, W]))
    assert [(c.kind, str(c.says), c.cost) for c in found] == [(c.kind, str(c.says), c.cost) for c in again]


def made(op, what, key, slot=0, cost=1.3):
    site = Site(((), op, key), slot)
    return Change("derivative", (site,), nothing, f"in {op} {what}", cost, f"at {key}", what=what and Phrase(what))


def test_one_mistake_at_every_step_of_an_operation_costs_a_little_more_than_at_one():
    one, two, other = made("tanh", "t", 1), made("tanh", "t", 2, cost=1.5), made("exp", "t", 3)
    (found,) = everywhere([one, two, other, made("tanh", "u", 4), made("tanh", "", 5), made("tanh", "", 6)])
    assert (found.kind, found.cost, found.place, found.act) == ("derivative", 1.6, "at 1", nothing)
    assert found.sites == (one.sites[0], two.sites[0])
    assert str(found.says) == "at every tanh t"
    assert list(everywhere([one, one])) == []  # one place
    assert list(everywhere([one])) == []


def softmax(x, w):
    weights = x.exp()
    return weights / weights.sum(1, keepdim=True) * w


def test_a_block_that_mixes_entries_may_be_passed_by_or_kept_by_its_diagonal():
    problem = graph(softmax, [X, W])
    told = {str(c.says): (c.kind, round(c.cost, 9), c.sites) for c in derivatives(problem) if "from" in str(c.says)}
    x = problem.graph.inputs[0]
    passed = "the derivative from {} back to {} is left out: the gradient is passed straight through"
    diagonal = "only the diagonal of the Jacobian is kept from {} back to {}: each entry gets its own share only"
    ratio, whole = "weights / weights.sum(1, keepdim=True)", "weights / weights.sum(1, keepdim=True) * w"
    assert told[passed.format(ratio, "x0")] == ("derivative", 1.5, (Site(x.key, NODE),))
    assert told[diagonal.format(ratio, "x0")] == ("reduction", 1.8, (Site(x.key, NODE),))
    assert told[passed.format(whole, "x0")][:2] == ("derivative", 1.5)
    smooth = graph(lambda x, w: torch.tanh(torch.sin(x)) * w, [X, W])
    assert not any("diagonal" in str(c.says) for c in derivatives(smooth))


@pytest.mark.parametrize(("op", "kind"), [("sum", "reduction"), ("tanh", "derivative")])
def test_a_wrong_derivative_is_of_a_reduction_or_not(op, kind):
    problem = graph(loop, [X, W])
    found = [c for c in derivatives(problem) if c.sites[0].op == op and "in the derivative of" in str(c.says)]
    assert found
    for change in found:
        assert change.kind == kind
        assert round(change.cost - module.COST[kind], 9) in (0.0, 0.3)
        name = {"sum": "total", "tanh": "state"}[op]
        assert str(change.says).replace(f"derivative of {name}", "derivative") == str(change.what)

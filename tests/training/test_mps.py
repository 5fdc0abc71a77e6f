"""Everything that takes a device, on a stand-in that has no float64, as the GPU of an Apple computer."""

import inspect

import pytest
import torch
from foreign_device import THERE, as_mps

from bpcompare.comparison.adam_ledger import ledger
from bpcompare.comparison.linear import compare
from bpcompare.errors import InputError
from bpcompare.marker.check import check_function
from bpcompare.marker.check_gradients import check_gradients
from bpcompare.problem.line import line
from bpcompare.problem.networks import quadratic
from bpcompare.sweeps.sweep import sweep
from bpcompare.training import data_sums, gradients, processes, train
from bpcompare.training.data_parallel import all_reduce
from bpcompare.training.data_sums import sums
from bpcompare.training.gradient_source import bound
from bpcompare.training.gradients import SOURCES
from bpcompare.training.updates import RULES, GradientDescent

WIDE = {"weight": [[1.0, 2.0], [0.0, -1.0]], "bias": [1.0, 2.0]}


@pytest.fixture(autouse=True)
def mps(monkeypatch):
    with as_mps(monkeypatch):
        yield


def equal(one, other):
    return all(torch.equal(values, other[name]) for name, values in one.items())


@pytest.mark.parametrize(
    "mistake",
    [
        lambda x: x.double(),
        lambda x: x.to(torch.float64),
        lambda x: x.sum(dtype=torch.float64),
        lambda x: x.cpu().double().to(THERE),
        lambda x: torch.zeros(2, dtype=torch.float64, device=THERE),
        lambda x: torch.nn.Linear(2, 1).to(THERE).double(),
    ],
)
def test_the_stand_in_refuses_float64(mistake):
    with pytest.raises(TypeError):
        mistake(torch.rand(5, 2).to(THERE))


@pytest.mark.parametrize("source", [*SOURCES])
@pytest.mark.parametrize("options", [{}, {"batch_size": 7}])
def test_every_source_trains_there_as_here(source, options):
    problem = line(samples=20, **WIDE)
    run, plain = (train.train(problem, source, epochs=3, device=device, **options) for device in ("mps", "cpu"))
    assert run.settings.device == "meta"
    assert {t.device.type for t in (run.losses, *run.parameters.values(), *run.gradients.values())} == {"cpu"}
    assert equal(run.parameters, plain.parameters)
    assert torch.equal(run.losses, plain.losses)


@pytest.mark.parametrize("source", [*SOURCES])
def test_loss_and_gradients_lie_where_the_model_lies(source):
    problem = line(samples=20).on(THERE)
    model = problem.model()
    loss = SOURCES[source](model, problem.x, problem.y)
    assert {loss.device, *(p.grad.device for p in model.parameters())} == {THERE}
    assert {loss.dtype, *(p.grad.dtype for p in model.parameters())} == {torch.float32}


@pytest.mark.parametrize(
    ("source", "transfer"), [("finite_difference", ".to(original.device)"), ("moments", ".to(device)")]
)
def test_a_gradient_that_is_not_brought_back_there_is_noticed(source, transfer):
    text = inspect.getsource(SOURCES[source])
    assert transfer in text
    namespace = dict(vars(gradients))
    exec(text.replace(f"{transfer}\n", "\n"), namespace)
    problem = line(samples=20).on(THERE)
    model = problem.model()
    with pytest.raises(RuntimeError, match="device"):
        namespace[source](model, problem.x, problem.y)


@pytest.mark.parametrize("rule", [*RULES, "torch.optim.Adam", "torch.optim.SGD"])
def test_every_rule_steps_there_as_here(rule):
    run, plain = (train.train(line(samples=20), f"autograd+{rule}", epochs=3, device=d) for d in ("mps", "cpu"))
    assert equal(run.parameters, plain.parameters)


def test_a_network_is_recorded_there():
    problem = quadratic(layers=(2, 2, 1), dtype=torch.float32)
    methods = ["manual", "autograd", "adam", "graph", "finite_difference"]
    there = compare(problem, methods, lr=0.01, epochs=2, batch_size=8, device="mps")
    plain = compare(problem, methods, lr=0.01, epochs=2, batch_size=8)
    for name, result in there.results.items():
        assert result.run.track.fingerprints == plain.results[name].run.track.fingerprints
    assert all(found.bit_equal for found in there.against_cpu.values())


def test_moments_are_summed_here_in_float64(monkeypatch):
    problem = line(samples=1000, weight=[[1.0, 2.0]])
    whole = sums(problem.x, problem.y)
    monkeypatch.setattr(data_sums, "AT_ONCE", 64)
    there = problem.on(THERE)
    blocks = sums(there.x, there.y)
    assert {(found.device.type, found.dtype) for found in blocks} == {("cpu", torch.float64)}
    for found, right in zip(blocks, whole, strict=True):
        assert torch.allclose(found, right, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("share", [slice(0, 20), slice(0, 0)])
def test_several_processes_add_their_gradients_here_and_step_there(share, monkeypatch):
    monkeypatch.setattr(processes, "count", lambda: 2)
    monkeypatch.setattr(processes, "local_rows", lambda rows: share)
    monkeypatch.setattr(processes, "sum_over_processes", lambda numbers: numbers)
    problem = line(samples=20).on(THERE)
    model = problem.model()
    loss = all_reduce(bound(SOURCES["formula"], model), model)(problem.x, problem.y)
    GradientDescent(model.parameters(), lr=0.1).step()
    assert loss.device == model.weight.grad.device == THERE


def test_the_ledger_of_a_run_there():
    assert ledger(train.train(line(), "adam", epochs=5, device="mps")).max_ulp == 0


@pytest.mark.parametrize(
    "needs_float64",
    [
        lambda: sweep(line(), [0.1], device="mps"),
        lambda: train.train(line(dtype=torch.float64), "manual", device="mps"),
        lambda: check_gradients(lambda x: (x**2).sum(), lambda x: 2 * x, lambda k: (torch.ones(3),), device="mps"),
        lambda: check_function(lambda x, y, w, b: None, "linear-regression", device="mps"),
    ],
)
def test_what_needs_float64_says_so_before_it_begins(needs_float64):
    with pytest.raises(InputError, match="float64"):
        needs_float64()

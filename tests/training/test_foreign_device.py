"""Everything that takes a device, on a stand-in that refuses what a GPU refuses."""

import json

import numpy as np
import pytest
import torch
from foreign_device import THERE, Foreign, WithForeignDevice, as_cuda

from bpcompare.cli import main
from bpcompare.comparison.adam_ledger import ledger
from bpcompare.comparison.linear import compare
from bpcompare.problem.line import line
from bpcompare.problem.networks import quadratic
from bpcompare.sweeps import sweep as sweeps
from bpcompare.sweeps.sweep import sweep
from bpcompare.training import data_sums, processes, train
from bpcompare.training.data_parallel import all_reduce
from bpcompare.training.data_sums import sums
from bpcompare.training.gradient_source import bound
from bpcompare.training.gradients import SOURCES
from bpcompare.training.updates import GradientDescent

WIDE = {"weight": [[1.0, 2.0], [0.0, -1.0]], "bias": [1.0, 2.0]}
RULES = ["GradientDescent", "Adam", "torch.optim.Adam", "torch.optim.SGD", "AdamEpsInside"]


@pytest.fixture
def foreign(monkeypatch):
    with as_cuda(monkeypatch):
        yield


@pytest.mark.parametrize(
    "mistake",
    [
        lambda x: x.numpy(),
        lambda x: np.asarray(x),
        lambda x: x.detach().double().numpy(),
        lambda x: x + torch.ones(5, 2),
        lambda x: torch.stack([x, torch.ones(5, 2)]),
        lambda x: torch.cat([torch.zeros(1), x.flatten()]),
        lambda x: torch.nn.functional.mse_loss(x, torch.ones(5, 2)),
        lambda x: torch.nn.Linear(2, 1)(x),
        lambda x: torch.ones(5, 2).add_(x),
        lambda x: torch.where(torch.ones(5, 2) > 0, x, 0.0),
        lambda x: torch.ones(5)[x[:, 0].long()],
        lambda x: torch.equal(x, torch.ones(5, 2)),
        lambda x: torch.zeros(()).to(THERE) + torch.ones(5),
    ],
)
def test_the_stand_in_refuses_a_forgotten_transfer(mistake):
    with WithForeignDevice(), pytest.raises(RuntimeError):
        mistake(torch.rand(5, 2).to(THERE))


def test_the_stand_in_calculates_and_gives_back_as_a_gpu_does():
    here = torch.rand(5, 2)
    with WithForeignDevice():
        there = here.to(THERE)
        assert isinstance(there, Foreign)
        assert there.device == (there * 0.5).device == torch.zeros(3, device=THERE).device == THERE
        assert (there + torch.tensor(1.0)).device == THERE  # a plain number may be of the CPU
        assert there.tolist() == here.tolist()
        assert float(there[0, 0]) == float(here[0, 0])
        assert torch.equal((there * 2).cpu(), here * 2)
        assert there.cpu().numpy().tolist() == here.tolist()
        model = torch.nn.Linear(2, 1).to(THERE)
        model(there).sum().backward()
        assert model.weight.grad.device == THERE
        model.weight.data.sub_(0.1 * model.weight.grad)
        assert torch.empty(5, 2).copy_(there).device.type == "cpu"


def equal(one, other):
    return all(torch.equal(values, other[name]) for name, values in one.items())


@pytest.mark.usefixtures("foreign")
@pytest.mark.parametrize("source", [*SOURCES])
@pytest.mark.parametrize("options", [{}, {"batch_size": 7}])
def test_every_source_trains_there_and_its_run_is_back_here(source, options):
    problem = line(samples=20, **WIDE)
    seen = []

    def watched(model, x, y):
        seen.append((x.device, model.weight.device))
        loss = SOURCES[source](model, x, y)
        assert loss.device == model.weight.grad.device == THERE
        return loss

    method = train.Method("mine", source, "GradientDescent", watched, GradientDescent)
    run = train.train(problem, method, epochs=3, device="cuda", **options)
    plain = train.train(problem, source, epochs=3, **options)
    assert set(seen) == {(THERE, THERE)}
    assert run.settings.device == "meta"
    assert {t.device.type for t in (run.losses, *run.parameters.values(), *run.gradients.values())} == {"cpu"}
    assert equal(run.parameters, plain.parameters)
    assert torch.equal(run.losses, plain.losses)


@pytest.mark.usefixtures("foreign")
@pytest.mark.parametrize("rule", RULES)
def test_every_kind_of_rule_steps_there(rule):
    problem = line(samples=20, weight=[[1.0] * 70])  # more numbers than are recorded one by one
    run, plain = (train.train(problem, f"autograd+{rule}", epochs=3, lr=0.01, device=d) for d in ("cuda", "cpu"))
    assert equal(run.parameters, plain.parameters)


@pytest.mark.usefixtures("foreign")
def test_a_network_is_recorded_there():
    problem = quadratic(layers=(2, 5, 1))
    there = compare(problem, ["manual", "autograd", "adam", "graph"], lr=0.01, epochs=2, batch_size=8, device="cuda")
    plain = compare(problem, ["manual", "autograd", "adam", "graph"], lr=0.01, epochs=2, batch_size=8)
    for name, result in there.results.items():
        assert result.run.track.fingerprints == plain.results[name].run.track.fingerprints
        assert {p.device.type for p in result.model.parameters()} == {"cpu"}
        assert torch.equal(result.delta_sizes, plain.results[name].delta_sizes)
    assert all(found.bit_equal for found in there.against_cpu.values())


@pytest.mark.usefixtures("foreign")
@pytest.mark.parametrize("share", [slice(0, 20), slice(0, 0)])
def test_several_processes_add_their_gradients_here_and_step_there(share, monkeypatch):
    added = []
    monkeypatch.setattr(processes, "count", lambda: 2)
    monkeypatch.setattr(processes, "local_rows", lambda rows: share)
    monkeypatch.setattr(processes, "sum_over_processes", lambda numbers: added.append(numbers.device.type) or numbers)
    problem = line(samples=20).on(THERE)
    model = problem.model()
    loss = all_reduce(bound(SOURCES["formula"], model), model)(problem.x, problem.y)
    assert loss.device == model.weight.grad.device == THERE
    assert added == ["cpu"]
    assert (float(loss) > 0) is bool(share.stop)


@pytest.mark.usefixtures("foreign")
def test_moments_read_the_data_there_in_blocks(monkeypatch):
    problem = line(samples=1000, weight=[[1.0, 2.0]], dtype=torch.float64)
    whole = sums(problem.x, problem.y)
    monkeypatch.setattr(data_sums, "AT_ONCE", 64)
    sizes = []
    monkeypatch.setattr(data_sums, "in_float64", lambda values: sizes.append(len(values)) or values.double())
    there = problem.on(THERE)
    blocks = sums(there.x, there.y)
    assert max(sizes) * 3 <= 64  # in + out columns
    assert {found.device for found in blocks} == {THERE}
    for found, right in zip(blocks, whole, strict=True):
        assert torch.allclose(found.cpu(), right, rtol=1e-13, atol=1e-15)


@pytest.mark.usefixtures("foreign")
def test_the_ledger_of_a_run_there():
    found = ledger(train.train(line(), "adam", epochs=5, device="cuda"))
    assert found.max_ulp == 0


@pytest.mark.usefixtures("foreign")
@pytest.mark.parametrize("options", [{}, {"learn_bias": False}, {"standardize": True}, WIDE])
def test_a_sweep_there_is_the_sweep_here(options, monkeypatch):
    problems = [line(samples=20, seed=seed, **options) for seed in range(5)]
    monkeypatch.setattr(sweeps, "AT_ONCE_ON_DEVICE", 8)
    counted = []
    arguments = (problems, [0.01, 0.5, 1e30], ["manual", "adam"])
    there = sweep(*arguments, epochs=4, paths=True, device="cuda", on_epoch=lambda: counted.append(1))
    here = sweep(*arguments, epochs=4, paths=True)
    weights = problems[0].in_features * problems[0].out_features
    assert len(counted) == 2 * 4 * sweeps.batches(5, 3, weights, THERE) > 8  # several batches
    for name in ("losses", "diverged_at", "weights", "biases", "path_weights", "path_biases"):
        mine, other = getattr(there, name), getattr(here, name)
        assert mine.device.type == "cpu"
        assert torch.equal(mine.nan_to_num(7.0), other.nan_to_num(7.0)), name


@pytest.mark.usefixtures("foreign", "without_pictures")
def test_the_command_line_tells_the_device_and_how_far_it_is_from_the_cpu(tmp_path, capsys):
    options = ["--epochs", "3", "--out", str(tmp_path)]
    assert main(["compare", "--device", "cuda", *options]) == 0
    printed = capsys.readouterr().out
    assert "on meta (meta)" in printed.splitlines()[0]
    assert printed.count("device     ") == 3
    document = json.loads((tmp_path / "comparison.json").read_text())
    assert document["settings"]["device"] == document["versions"]["device"] == "meta"
    assert [found["bit_equal"] for found in document["against_cpu"].values()] == [True] * 3
    assert main(["sweep", "--device", "cuda", "--lr", "0.1,0.2", "--seeds", "3", *options]) == 0
    assert "on meta (meta)" in capsys.readouterr().out.splitlines()[0]
    document = json.loads((tmp_path / "sweep.json").read_text())
    assert document["settings"]["device"] == document["versions"]["device"] == "meta"


@pytest.mark.usefixtures("foreign", "undrawn")
def test_a_network_and_its_figures_from_the_command_line(tmp_path):
    options = ["--layers", "1,3,1", "--epochs", "2", "--device", "cuda", "--out", str(tmp_path), "--quiet"]
    assert main(["compare", *options]) == 0
    assert json.loads((tmp_path / "comparison.json").read_text())["against_cpu"]["manual"]["bit_equal"]

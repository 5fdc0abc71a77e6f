import inspect
import math
import subprocess
import sys

import numpy as np
import pytest
import torch

import bpcompare
from bpcompare.errors import InputError
from bpcompare.problem.line import line
from bpcompare.training.defaults import METHODS
from bpcompare.training.settings import DEFAULTS, TrainingSettings

WRONG = [
    *[
        ("lr", value)
        for value in (0.0, -1.0, math.inf, math.nan, 1e308, 10**400, "0.1", None, True, np.True_, torch.ones(2))
    ],
    *[("epochs", value) for value in (0, -3, 5.0, True, torch.tensor(True), "5", 2**63, 10**5000, None)],
    *[("batch_size", value) for value in (0, 2.5, 2**63, False)],
    *[("seed", value) for value in (2**64, -(2**63) - 1, 0.5, None)],
    *[("shuffle", value) for value in ("no", 1, None)],
    *[("device", value) for value in ("gpu", "cuda:", "auto ", None, "x" * 500)],
]


@pytest.mark.parametrize(("name", "value"), WRONG, ids=[f"{name} {place}" for place, (name, _) in enumerate(WRONG)])
def test_a_number_out_of_its_range_is_refused_by_its_name(name, value):
    with pytest.raises(InputError, match=f"^{name} ") as told:
        TrainingSettings(**{name: value})
    assert len(str(told.value)) < 200


@pytest.mark.parametrize("call", [bpcompare.train, bpcompare.compare, bpcompare.compare_network])
def test_the_defaults_are_those_of_the_settings(call):
    parameters = inspect.signature(call).parameters
    for name, default in vars(DEFAULTS).items():
        assert parameters[name].default == default


def test_numbers_of_numpy_and_pytorch_become_pythons():
    settings = TrainingSettings(lr=np.float32(0.5), epochs=np.int64(3), batch_size=torch.tensor(2), seed=np.uint8(7))
    assert settings == TrainingSettings(0.5, 3, 2, 7)
    assert {type(value) for value in vars(settings).values()} == {float, int, bool, str}  # the device is a name


@pytest.mark.parametrize("seed", [-(2**63), 2**64 - 1])
def test_the_seeds_at_both_ends_are_those_that_pytorch_takes(seed):
    assert torch.Generator().manual_seed(TrainingSettings(seed=seed).seed)
    with pytest.raises((ValueError, RuntimeError, OverflowError)):
        torch.Generator().manual_seed(seed + (1 if seed > 0 else -1))


def test_a_batch_larger_than_the_data_is_refused():
    with pytest.raises(InputError, match=r"batch_size.*\b100\b.*\b101\b"):
        bpcompare.train(line(), "manual", batch_size=101)


def test_a_rate_that_rounds_to_0_in_the_precision_of_training_is_refused():
    with pytest.raises(InputError, match="1e-50"):
        bpcompare.train(line(), "manual", lr=1e-50)
    assert bpcompare.train(line(dtype=torch.float64), "manual", lr=1e-50, epochs=1).loss > 0


def test_the_defaults_load_without_pytorch():
    code = "import sys, bpcompare.training.settings; assert not {'torch', 'numpy'} & set(sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0


def test_every_method_with_a_name_of_its_own_can_be_had():
    assert [bpcompare.Method.named(name).name for name in METHODS] == ["manual", "autograd", "adam"]

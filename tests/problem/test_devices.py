import pytest
import torch

from bpcompare.cli import main
from bpcompare.errors import InputError
from bpcompare.problem import devices
from bpcompare.problem.line import line
from bpcompare.sweeps.sweep import sweep
from bpcompare.training.train import train


@pytest.fixture
def has(monkeypatch):
    """Pretends that these devices are on this machine."""

    def pretend(cuda=0, mps=False):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda > 0)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: cuda)
        monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)

    return pretend


def test_auto_is_cuda_then_mps_then_cpu(has):
    for machine, float64, found in [
        ({"cuda": 1, "mps": True}, False, "cuda:0"),
        ({"mps": True}, False, "mps"),
        ({"mps": True}, True, "cpu"),
        ({}, False, "cpu"),
    ]:
        has(**machine)
        assert str(devices.chosen("auto", float64=float64)) == found


def test_for_the_cpu_no_other_device_is_looked_for(monkeypatch):
    def looked():
        raise AssertionError("CUDA may begin here, and a process that it has begun in cannot be forked")

    monkeypatch.setattr(torch.cuda, "is_available", looked)
    train(line(), "manual", epochs=1)
    sweep(line(), 0.1, epochs=1)


@pytest.mark.parametrize(
    ("asked", "named"),
    [("cuda", "cpu, mps"), ("cuda:0", "cpu, mps"), ("gpu", "'gpu'"), ("cuda:x", "'cuda:x'"), ("", "''"), (3, "got 3")],
)
def test_an_absent_or_unknown_device_is_refused_and_those_here_are_named(has, asked, named):
    has(mps=True)
    with pytest.raises(InputError, match=named):
        devices.chosen(asked)


def test_a_number_beyond_the_last_device_is_refused(has):
    has(cuda=2)
    assert devices.chosen("cuda:1") == torch.device("cuda", 1)
    with pytest.raises(InputError, match=r"cuda:2.*cpu, cuda:0, cuda:1"):
        devices.chosen("cuda:2")


def test_each_process_of_torchrun_takes_a_device_of_its_own(has, monkeypatch):
    has(cuda=2)
    for name, value in {"WORLD_SIZE": "4", "LOCAL_RANK": "1"}.items():
        monkeypatch.setenv(name, value)
    assert devices.chosen("cuda") == devices.chosen("auto") == torch.device("cuda", 1)
    monkeypatch.setenv("LOCAL_RANK", "2")
    with pytest.raises(InputError, match="process 2 of this machine"):
        devices.chosen("cuda")


def test_float64_is_refused_on_mps(has):
    has(mps=True)
    for asked in (
        lambda: train(line(dtype=torch.float64), "manual", device="mps"),
        lambda: sweep(line(), 0.1, device="mps"),
    ):
        with pytest.raises(InputError, match="float64"):
            asked()


def test_what_mps_cannot_hold_in_float64_comes_to_the_cpu():
    class Mps(torch.Tensor):
        device = torch.device("mps")

        def cpu(self):
            return self.as_subclass(torch.Tensor)

        def double(self):
            raise TypeError("MPS has no float64")

    assert devices.in_float64(torch.ones(2).as_subclass(Mps)).dtype == torch.float64


def test_tf32_is_off_within_and_as_it_was_after():
    def settings():
        matmul = torch.backends.cuda.matmul.allow_tf32
        return matmul, torch.backends.cudnn.allow_tf32, torch.are_deterministic_algorithms_enabled()

    torch.set_float32_matmul_precision("high")
    before = settings()
    try:
        with devices.exact(devices.CPU):
            assert settings() == before
        with devices.exact(torch.device("cuda")):
            assert settings() == (False, False, True)
        assert settings() == before
    finally:
        torch.set_float32_matmul_precision("highest")
    assert before[0] is True


@pytest.mark.parametrize("command", ["compare", "sweep"])
@pytest.mark.parametrize("device", ["cuda", "mps", "gpu"])
def test_the_command_line_refuses_in_one_sentence_and_writes_nothing(has, command, device, tmp_path, capsys):
    has()
    try:
        code = main([command, "--device", device, "--out", str(tmp_path / "out")])
    except SystemExit as end:
        code = end.code
    error = capsys.readouterr().err
    assert (code, error.count("\n")) == (2, 1)
    assert device in error
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("without_pictures")
@pytest.mark.parametrize("command", [["compare"], ["sweep", "--lr", "0.1,0.5", "--seeds", "2"]])
def test_where_auto_is_the_cpu_no_byte_of_any_file_is_another(has, command, tmp_path):
    has()
    found = []
    for device in ([], ["--device", "cpu"], ["--device", "auto"]):
        folder = tmp_path / str(len(found))
        assert main([*command, "--epochs", "2", "--quiet", "--out", str(folder), *device]) == 0
        found.append({path.name: path.read_bytes() for path in folder.iterdir()})
    assert found[0] == found[1] == found[2]
    assert b"device" not in b"".join(content for name, content in found[0].items() if name.endswith(".json"))

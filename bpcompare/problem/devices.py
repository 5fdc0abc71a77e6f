"""The device that numbers are calculated on: the CPU, a CUDA device, or mps, the GPU of an Apple computer."""

import contextlib
import os
from collections.abc import Iterator

import torch
from torch import Tensor

from bpcompare.errors import InputError
from bpcompare.language import _, listed
from bpcompare.problem.device_names import check_name

CPU = torch.device("cpu")
WITHOUT_FLOAT64 = frozenset({"mps"})


def chosen(device: object = CPU, *, float64: bool = False) -> torch.device:
    """The device that is asked for.

    Args:
        device: "cpu", "cuda", "cuda:N", "mps", or "auto" for the first that is here of cuda, mps and cpu. Of several
            processes that `torchrun` started, each takes the cuda device of its own LOCAL_RANK.
        float64: Whether float64 is needed, which mps does not have; "auto" passes over it then.

    Raises:
        InputError: There is no such device here, or it does not have float64.

    Example:
        >>> chosen("cpu")
        device(type='cpu')
    """
    name = str(device)
    if name == "cpu":  # nobody need look for another then
        return CPU
    check_name(device)
    if name == "auto":
        name = next(kind for kind in _kinds() if not (float64 and kind in WITHOUT_FLOAT64))
    kind, _colon, number = name.partition(":")
    if kind not in _kinds():
        raise _absent(name)
    if float64 and kind in WITHOUT_FLOAT64:
        raise InputError(_("the device mps does not have float64, which is needed here; choose cpu"))
    return torch.device(kind) if kind != "cuda" else _cuda(name, number)


def _cuda(name: str, number: str) -> torch.device:
    rank = os.environ.get("LOCAL_RANK", "") if int(os.environ.get("WORLD_SIZE", "1")) > 1 else ""
    index = int(number or rank or torch.cuda.current_device())
    if index < torch.cuda.device_count():
        return torch.device("cuda", index)
    if number:
        raise _absent(name)
    raise InputError(
        _(
            "there is no cuda device for process {rank} of this machine, which has {devices}; start one process for "
            "each device",
            rank=index,
            devices=listed(here()),
        )
    )


def _absent(name: str) -> InputError:
    return InputError(
        _("there is no device {device} on this machine, which has {devices}", device=name, devices=listed(here()))
    )


def _kinds() -> list[str]:
    """The kinds of device that are here, the fastest first."""
    cuda, mps = torch.cuda.is_available(), torch.backends.mps.is_available()
    return ["cuda"] * cuda + ["mps"] * mps + ["cpu"]


def here() -> list[str]:
    """Every device of this machine.

    Example:
        >>> here()[0]
        'cpu'
    """
    cuda = [f"cuda:{i}" for i in range(torch.cuda.device_count())] if torch.cuda.is_available() else []
    return ["cpu", *cuda, *["mps"] * torch.backends.mps.is_available()]


def name_of(device: torch.device) -> str:
    """What the device is called by who made it.

    Example:
        >>> name_of(CPU)
        'cpu'
    """
    return torch.cuda.get_device_name(device) if device.type == "cuda" else str(device)


def synchronize(device: torch.device) -> None:
    """Waits until the device has done what it was told, before time is measured or work is counted."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def in_float64(values: Tensor) -> Tensor:
    """The values in float64, on their own device; those of mps, which does not have it, on the CPU.

    Example:
        >>> in_float64(torch.ones(1)).dtype
        torch.float64
    """
    return (values.cpu() if values.device.type in WITHOUT_FLOAT64 else values).double()


@contextlib.contextmanager
def exact(device: torch.device) -> Iterator[None]:
    """Within it a CUDA device multiplies with all digits of float32, and gives the same bits each time.

    By TF32, which is faster, a product has 10 of the 23 digits after the point.
    """
    if device.type != "cuda":
        yield
        return
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # read when the first product is calculated
    precision, convolutions = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    strictness = torch.get_deterministic_debug_mode()
    try:
        torch.set_float32_matmul_precision("highest")
        torch.backends.cudnn.allow_tf32 = False
        torch.set_deterministic_debug_mode("warn")  # `use_deterministic_algorithms` would load the compiler
        yield
    finally:
        torch.set_float32_matmul_precision(precision)
        torch.backends.cudnn.allow_tf32 = convolutions
        torch.set_deterministic_debug_mode(strictness)

"""A device that is not there: numbers that lie in the CPU's memory, and which only `.cpu()` brings back from "there".

On a GPU, code that forgets a transfer raises. This stand-in raises in the same places, on any machine: NumPy gets
nothing from it, and an operation refuses tensors of both sides, unless the one of the CPU is a plain number. It is
PyTorch's device "meta", which has no memory of its own. As mps it refuses float64, too, as an Apple GPU does.
"""

import contextlib

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from bpcompare.errors import InputError
from bpcompare.problem import device_names, devices

THERE = torch.device("meta")
COPIES = (torch.ops.aten._to_copy.default, torch.ops.aten.copy_.default)


class Foreign(torch.Tensor):
    """A tensor there; `inner` holds its numbers."""

    @staticmethod
    def __new__(cls, inner):
        layout = {"strides": inner.stride(), "storage_offset": inner.storage_offset()}
        return torch.Tensor._make_wrapper_subclass(cls, inner.shape, dtype=inner.dtype, device=THERE, **layout)

    def __init__(self, inner):
        if THERE.type in devices.WITHOUT_FLOAT64 and inner.dtype in (torch.float64, torch.complex128):
            raise TypeError(f"there is no {inner.dtype} on this device")
        self.inner = inner

    def __repr__(self):
        return f"Foreign({self.inner})"

    def tolist(self):
        """As of a CUDA tensor: it is copied first."""
        return self.inner.tolist()

    @classmethod
    def __torch_dispatch__(cls, operation, types, args=(), kwargs=None):
        return calculated(operation, args, kwargs or {})


class WithForeignDevice(TorchDispatchMode):
    """Within it `.to("meta")` and `device="meta"` make foreign tensors."""

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        return calculated(operation, args, kwargs or {})


def calculated(operation, args, kwargs):
    """What the operation gives on the CPU, on the side on which it was asked for."""
    if torch.is_inference_mode_enabled():  # then what is made of other operations, such as .cpu(), comes whole
        with WithForeignDevice():
            found = operation.decompose(*args, **kwargs)
        if found is not NotImplemented:
            return found
    tensors = []

    def plain(value):
        tensors.append(value)
        return value.inner if isinstance(value, Foreign) else value

    asked = kwargs.get("device")
    plain_args, named = exchanged(args, plain), {name: exchanged(value, plain) for name, value in kwargs.items()}
    there = from_there = any(isinstance(tensor, Foreign) for tensor in tensors)
    if there and operation not in COPIES and any(t.dim() for t in tensors if not isinstance(t, Foreign)):
        raise RuntimeError(f"Expected all tensors to be on the same device, but found meta and cpu, in {operation}")
    if asked is not None:
        there = torch.device(asked) == THERE
        named["device"] = torch.device("cpu")
    found = operation(*plain_args, **named)
    return exchanged(found, lambda value: placed(value, tensors, there)) if there or from_there else found


def placed(value, tensors, there):
    """The tensor itself where the operation gives back one that it was given; else a new one, on the side asked for."""
    for tensor in tensors:
        if tensor is value or getattr(tensor, "inner", None) is value:
            return tensor
    if not there:
        return value
    with torch.inference_mode(False):  # PyTorch does not detach tensors of Python's under inference mode
        return Foreign(value)


def exchanged(values, by):
    """The same lists and tuples with other tensors in them; PyTorch's `tree_map` takes thrice as long."""
    if isinstance(values, torch.Tensor):
        return by(values)
    return type(values)(exchanged(value, by) for value in values) if isinstance(values, (list, tuple)) else values


def as_cuda(monkeypatch):
    """Within it the device "cuda" is the foreign one."""
    return _as(monkeypatch, "cuda")


def as_mps(monkeypatch):
    """Within it the device "mps" is the foreign one, and has no float64."""
    monkeypatch.setattr(devices, "WITHOUT_FLOAT64", {THERE.type})
    return _as(monkeypatch, "mps")


@contextlib.contextmanager
def _as(monkeypatch, name):
    def chosen(device="cpu", *, float64=False):
        if str(device) not in (name, THERE.type):
            return devices.CPU
        if float64 and THERE.type in devices.WITHOUT_FLOAT64:
            raise InputError(f"{name} does not have float64")
        return THERE

    monkeypatch.setattr(devices, "chosen", chosen)
    monkeypatch.setattr(device_names, "is_device_name", lambda text: text in ("cpu", name, THERE.type))
    torch.__future__.set_overwrite_module_params_on_conversion(True)  # a parameter's tensor cannot be exchanged there
    try:
        with WithForeignDevice():
            yield
    finally:
        torch.__future__.set_overwrite_module_params_on_conversion(False)

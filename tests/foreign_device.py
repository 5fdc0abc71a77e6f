"""A device that is not there: numbers that lie in the CPU's memory, and which only `.cpu()` brings back from "there".

On a GPU, code that forgets a transfer raises. This stand-in raises in the same places, on any machine: NumPy gets
nothing from it, and an operation refuses tensors of both sides, unless the one of the CPU is a plain number. It is
PyTorch's device "meta", which has no memory of its own. As mps it refuses float64, too, as an Apple GPU does.
"""

import contextlib

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

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
    tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, torch.Tensor)]
    there = [tensor for tensor in tensors if isinstance(tensor, Foreign)]
    here = [tensor for tensor in tensors if not isinstance(tensor, Foreign)]
    if there and any(tensor.dim() for tensor in here) and operation not in COPIES:
        raise RuntimeError(f"Expected all tensors to be on the same device, but found meta and cpu, in {operation}")
    asked = kwargs.get("device")
    stays_there = bool(there) if asked is None else torch.device(asked) == THERE
    if asked is not None:
        kwargs = {**kwargs, "device": torch.device("cpu")}
    plain_args, plain = tree_map(lambda leaf: leaf.inner if isinstance(leaf, Foreign) else leaf, (args, kwargs))
    found = operation(*plain_args, **plain)

    def placed(value):
        if not isinstance(value, torch.Tensor):
            return value
        return next((t for t in tensors if t is value or getattr(t, "inner", None) is value), wrapped(value))

    def wrapped(value):
        with torch.inference_mode(False):  # PyTorch does not detach tensors of Python's under inference mode
            return Foreign(value) if stays_there else value

    return tree_map(placed, found)


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

"""Records the steps of a forward pass while it runs on the numbers of one problem."""

import sys
from collections.abc import Callable, Collection, Sequence
from typing import Any

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from bpcompare.marker.hypotheses.graph_changes.decompositions.table import FUNCTIONS, takes_apart
from bpcompare.marker.hypotheses.graph_changes.source import Sources, stack
from bpcompare.marker.hypotheses.graph_changes.steps import Graph, Step

MOST_STEPS = 2_000


class Untraceable(Exception):
    """The forward cannot be recorded: too long, or it changes tensors in a way that is not followed."""


class _Functions(TorchFunctionMode):
    """Counts the calls, so that the steps of one call are told from a loop; takes some functions apart."""

    def __init__(self, recorder: "_Recorder") -> None:
        super().__init__()
        self.recorder = recorder

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.recorder.met = {}
        apart = FUNCTIONS.get(func)
        if apart is not None:
            return apart(*args, **(kwargs or {}))
        return func(*args, **(kwargs or {}))


class _Recorder(TorchDispatchMode):
    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # as a guard it would import torch._dynamo, a second; nothing here is compiled

    def __init__(self, whole: Collection[str] = ()) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.whole = whole
        self.stale: dict[int, torch.Tensor] = {}  # views whose base was written to, and that base
        self.met: dict[Any, int] = {}  # how often each operation was met in this call
        self.sources = Sources()
        self.steps: list[Step] = []
        self.of: dict[int, Step] = {}
        self.alive: list[Any] = []  # an id stays the same only as long as its tensor lives

    def leaf(self, tensor: torch.Tensor, op: str, name: str = "") -> Step:
        step = Step(len(self.steps), op, None, (), {}, tensor.detach(), name=name)
        self._keep(step, tensor)
        return step

    def _keep(self, step: Step, tensor: Any) -> None:
        step.ordinal = self.met.get((step.places, step.op), 0)
        self.met[step.places, step.op] = step.ordinal + 1
        step.sources = self.sources
        self.steps.append(step)
        self.of[id(tensor)] = step
        self.alive.append(tensor)
        if len(self.steps) > MOST_STEPS:
            raise Untraceable(f"more than {MOST_STEPS} steps")

    def _as_steps(self, value: Any) -> Any:
        if isinstance(value, torch.Tensor):
            if id(value) in self.stale:
                self._refresh(value)
            return self.of[id(value)] if id(value) in self.of else self.leaf(value, "constant")
        if isinstance(value, (tuple, list)):
            return type(value)(self._as_steps(item) for item in value)
        return value

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func._schema.is_mutable:
            return self._in_place(func, args, kwargs)
        apart = None if func.overloadpacket.__name__ in self.whole else takes_apart(func)
        if apart is not None:
            with self:
                result = apart(*args, **kwargs)
            if result is not NotImplemented:
                return result
        if torch._C._dispatch_has_kernel_for_dispatch_key(func.name(), "CompositeImplicitAutograd"):
            with self:
                result = func.decompose(*args, **kwargs)
            if result is not NotImplemented:
                return result
        value = func(*args, **kwargs)
        if not isinstance(value, (torch.Tensor, tuple, list)):
            return value
        places = stack(sys._getframe(), _forward.__code__)
        op = func.overloadpacket.__name__
        named = {name: self._as_steps(item) for name, item in kwargs.items()}
        step = Step(0, op, func, self._as_steps(args), named, value, places, torch.is_grad_enabled())
        step.index = len(self.steps)
        self._keep(step, value)
        if not isinstance(value, torch.Tensor):
            for index, item in enumerate(value):
                if isinstance(item, torch.Tensor):
                    part = Step(len(self.steps), "getitem", _item, (step, index), {}, item, places, step.graded)
                    self._keep(part, item)
        return value

    def _in_place(self, func: Any, args: Any, kwargs: Any) -> Any:
        """An operation that writes to its first argument, recorded as one that makes a new tensor."""
        target = args[0] if args and isinstance(args[0], torch.Tensor) else None
        apart = PURE.get(func.overloadpacket.__name__) or _without_writing(func)
        if target is None or apart is None or "out" in kwargs:
            raise Untraceable(f"{func} changes a tensor in place")
        arguments = self._as_steps(args)
        value = apart(*args, **kwargs)
        shared = [tensor for tensor in self.alive if _storage(tensor) == _storage(target)]
        for tensor in shared:
            known = self.of[id(tensor)]
            known.value = known.value.clone()
        func(*args, **kwargs)
        places = stack(sys._getframe(), _forward.__code__)
        named = {name: self._as_steps(item) for name, item in kwargs.items()}
        # autograd does not see a write under no_grad: the gradient passes it as if nothing had happened
        op = str(getattr(apart, "__name__", "write")).partition(".")[0] if torch.is_grad_enabled() else "alias"
        new = Step(len(self.steps), op, apart, arguments, named, value, places)
        self._keep(new, target)
        base = shared[0]
        if base is not target:
            layout = (tuple(target.shape), target.stride(), target.storage_offset())
            before = self.of[id(base)]
            if not base.is_contiguous() or base.storage_offset():
                raise Untraceable("a part of a tensor that is itself a part is written to")
            scatter: Any = torch.ops.aten.as_strided_scatter.default
            whole = scatter(before.value, value, *layout)
            written = Step(len(self.steps), "write", scatter, (before, new, *layout), {}, whole, places, new.graded)
            self._keep(written, base)
        for tensor in shared:
            if tensor is not base and tensor is not target:
                self.stale[id(tensor)] = base
        return target

    def _refresh(self, view: torch.Tensor) -> None:
        base = self.stale.pop(id(view))
        part: Any = torch.ops.aten.as_strided.default
        layout = (tuple(view.shape), view.stride(), view.storage_offset())
        whole = self.of[id(base)]
        value = part(whole.value, *layout)
        self._keep(Step(len(self.steps), "as_strided", part, (whole, *layout), {}, value), view)


def _storage(value: Any) -> int:
    return value.untyped_storage().data_ptr() if isinstance(value, torch.Tensor) else -1


def _copy(target: torch.Tensor, source: torch.Tensor, non_blocking: bool = False) -> torch.Tensor:
    return source.to(target.dtype).expand(target.shape).clone()


def _fill(target: torch.Tensor, value: Any) -> torch.Tensor:
    return torch.full_like(target, value) if not isinstance(value, torch.Tensor) else value.expand(target.shape).clone()


PURE: dict[str, Callable[..., Any]] = {"copy_": _copy, "fill_": _fill, "zero_": torch.zeros_like}


def _without_writing(func: Any) -> Any:
    packet = getattr(torch.ops.aten, func.overloadpacket.__name__.removesuffix("_"), None)
    return getattr(packet, func._overloadname, None) if packet is not None else None


def _item(values: Sequence[Any], index: int) -> Any:
    return values[index]


def _forward(forward: Callable[..., Any], arguments: Sequence[Any]) -> Any:
    return forward(*arguments)


def trace(
    forward: Callable[..., Any],
    arguments: Sequence[Any],
    names: Sequence[str],
    through_no_grad: bool = False,
    whole: Collection[str] = (),
) -> Graph:
    """The graph of ``forward(*arguments)``.

    Args:
        forward: What is recorded.
        arguments: Its arguments.
        names: What they are called.
        through_no_grad: Whether gradients pass where they are switched off, as in the forward of an autograd.Function.
        whole: The fused operations that are not taken apart.

    Raises:
        Untraceable: It cannot be recorded.
    """
    recorder = _Recorder(whole)
    given = [value.detach().clone() if torch.is_tensor(value) else value for value in arguments]
    inputs = [
        recorder.leaf(value, "input", name) if torch.is_tensor(value) else None
        for value, name in zip(given, names, strict=True)
    ]
    with torch.enable_grad(), _Functions(recorder), recorder:
        result = _forward(forward, given)
    results = list(result) if isinstance(result, (tuple, list)) else [result]
    outputs = [recorder._as_steps(value) for value in results if torch.is_tensor(value)]
    graph = Graph(recorder.steps, inputs, outputs)
    if through_no_grad:
        for step in graph.steps:
            step.graded = True
    _name(graph)
    return graph


def _name(graph: Graph) -> None:
    """Names the last step of each assignment, and counts how often each place was reached."""
    counts: dict[Any, int] = {}
    for step, following in zip(graph.steps, [*graph.steps[1:], None], strict=True):
        for operand in step.operands:
            operand.user = operand.user or step
        step.occurrence = counts.get(step.key, 0)
        counts[step.key] = step.occurrence + 1
        written = step.inner or step.source
        if written is not None and written.name and (following is None or following.places != step.places):
            step.name = written.name

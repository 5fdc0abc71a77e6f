"""What the tests of several rooms share."""

import contextlib
import functools
import gc
import importlib
import inspect
import os
import sys

import forked
import pytest
from pictures import unpictured, unrendered
from workers import Worker, forking_sandboxes

from bpcompare.cli import compiler
from bpcompare.language import language

gc.set_threshold(200_000)  # as the command line does: else a fifth of loading PyTorch is a search for garbage


def pytest_configure(config):
    """The workers of pytest-xdist are started by this process, and fork their processes from one."""
    if getattr(config.option, "numprocesses", None):
        forked.share()


@pytest.hookimpl(wrapper=True)
def pytest_collect_file():
    """Files of tests have no examples to be looked for, and scripts among them are not to be run by a look."""
    collectors = yield
    return [collector for collector in collectors if type(collector).__name__ != "DoctestModule"]


def pytest_collection_modifyitems(items):
    """The pages come first: of two workers the other one takes none of them over, and so starts no browser."""
    items.sort(key=lambda item: item.path.name != "test_report.py")


def pytest_collection_finish():
    """What is loaded by now stays, and no search for garbage need go through it again."""
    if "hypothesis" in sys.modules:
        _draw_once()
    if "torch" in sys.modules:
        compiler.postpone(sys.modules["torch"])  # as a command does: an optimizer loads it and nothing is compiled
    gc.freeze()


@pytest.hookimpl(tryfirst=True)
def pytest_unconfigure():
    """Pytest looks for what nobody closed by ten searches for garbage; after one, what is alive stays alive."""
    gc.collect()
    gc.freeze()


def _draw_once():
    """Hypothesis asks the first time who holds its random numbers; from Python 3.14 on that is something frozen."""
    from hypothesis import given, settings
    from hypothesis import strategies as st

    settings(max_examples=1, database=None)(given(st.none())(lambda _: None))()


@pytest.fixture(scope="session", autouse=True)
def unsynced():
    """No power fails here: that files are handed to the disk, and that this may fail, is tested, but nobody waits."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda descriptor: None)
        yield


@pytest.fixture
def undrawn():
    """`pictures.unrendered` for a whole test."""
    with unrendered():
        yield


@pytest.fixture
def without_pictures():
    """`pictures.unpictured` for a whole test."""
    with unpictured():
        yield


@pytest.fixture(scope="session")
def sandbox():
    """The marker's own process, one for all files that this process of pytest marks; PyTorch is loaded in it."""
    from bpcompare.marker.sandbox_start import server

    with contextlib.ExitStack() as stack:
        with forking_sandboxes():
            running = stack.enter_context(server())
        yield running


@pytest.fixture
def one_sandbox(sandbox, monkeypatch):
    """Within a test `check` and `check_file` begin no process of their own: `sandbox` runs the files."""
    monkeypatch.setattr("bpcompare.marker.check.server", lambda: contextlib.nullcontext(sandbox))


@pytest.fixture
def one_worker(one_sandbox, sandbox, monkeypatch):
    """Within a test `check` of many files starts no process: what its worker does is done here."""
    monkeypatch.setattr("bpcompare.cli.check_many._start", lambda options: Worker(options, sandbox))


@pytest.fixture(scope="session")
def loops_once():
    """From now on a loop of the pitfalls that was gone through is not gone through again, in whichever language."""
    from bpcompare.lessons.pitfalls import wrong_loops

    with pytest.MonkeyPatch.context() as patch:
        for name in ("train", "largest_stable_lr"):
            patch.setattr(wrong_loops, name, _once(getattr(wrong_loops, name)))
        yield


def _once(function):
    """The function, which is called once for the same values, however they are given."""
    signature, call = inspect.signature(function), functools.cache(function)

    def once(*given, **named):
        bound = signature.bind(*given, **named)
        bound.apply_defaults()
        return call(*bound.args, **bound.kwargs)

    return once


@pytest.fixture(scope="session")
def computed():
    """What was computed once for each language: (function, language) → its result."""
    return {}


@pytest.fixture
def computed_once(computed, loops_once, monkeypatch):
    """What a command computes without regard to its options is not computed again for another test."""
    for name in ("lessons.published.reproduce.reproduce", "show.report.page.pitfalls"):
        module, _, function = f"bpcompare.{name}".rpartition(".")
        compute = getattr(importlib.import_module(module), function)

        def once(*given, name=name, compute=compute):
            if (place := (name, language())) not in computed:
                computed[place] = compute(*given)
            return computed[place]

        monkeypatch.setattr(f"bpcompare.{name}", once)

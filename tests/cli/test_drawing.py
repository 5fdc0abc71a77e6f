import subprocess
from types import SimpleNamespace

import pytest

from bpcompare import workers
from bpcompare.cli import drawing
from bpcompare.errors import InputError
from bpcompare.graph.dot import MAX_DRAWN
from bpcompare.show.graph_pictures import picture
from bpcompare.show.page import drawn_for

DOT = 'digraph { a [label="∂loss/∂w = 2"]; a -> b [style=dashed] }'
LARGE = "digraph {\n" + "".join(f'  n{i} [label="{i}"]\n' for i in range(MAX_DRAWN + 1)) + "}"
WORKER = "bpcompare.cli.drawing_worker"


@pytest.fixture
def started(monkeypatch):
    """The processes that are started while PyTorch seems to be still to load."""
    processes = []

    def start(*arguments):
        processes.append(workers.start(*arguments))
        return processes[-1]

    monkeypatch.setattr(drawing, "sys", SimpleNamespace(modules={}))
    monkeypatch.setattr(drawing, "cores", lambda: 2)
    monkeypatch.setattr(drawing, "start", start)
    yield processes
    assert all(process.poll() is not None for process in processes)


def test_a_second_process_draws_the_same_and_what_it_refuses_is_refused_here(started):
    with drawn_for("slides", 50), drawing.ready(["png", "pdf"], "slides", 50) as draw:
        drawn = [draw(DOT, format) for format in ("png", "pdf")]
        with pytest.raises(InputError, match="151"):
            draw(LARGE, "png")
        assert drawn == [picture(DOT, format) for format in ("png", "pdf")]
    assert started[0].returncode < 0  # ended from here: until then it lived


def test_an_error_ends_the_second_process_and_a_lost_one_is_replaced_by_this(started):
    with pytest.raises(KeyboardInterrupt), drawing.ready(["png"]) as draw:
        raise KeyboardInterrupt
    assert started[0].returncode < 0
    with drawing.ready(["png"]) as draw:
        started[1].kill()
        assert draw(DOT, "png") == picture(DOT, "png")


def test_the_second_process_ends_with_its_input_even_while_it_loads():
    with workers.start(WORKER, "en", "paper", "") as worker:
        worker.stdin.close()
        try:
            assert worker.wait(timeout=60) == 0
        except subprocess.TimeoutExpired:
            worker.kill()
            raise


@pytest.mark.parametrize(("formats", "cores", "loaded"), [(["png"], 2, True), (["png"], 1, False), (["svg"], 2, False)])
def test_no_process_is_started_where_it_would_save_nothing(formats, cores, loaded, started, monkeypatch):
    monkeypatch.setattr(drawing.sys, "modules", {"torch": None} if loaded else {})
    monkeypatch.setattr(drawing, "cores", lambda: cores)
    with drawing.ready(formats) as draw:
        assert draw(DOT, "svg") == picture(DOT, "svg")
    assert started == []


def test_where_no_process_may_be_started_this_one_draws(started, monkeypatch):
    def refused(*_):
        raise BlockingIOError

    monkeypatch.setattr(drawing, "start", refused)
    with drawing.ready(["png"]) as draw:
        assert draw(DOT, "svg") == picture(DOT, "svg")

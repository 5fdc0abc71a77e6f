"""Every notebook runs from the first cell to the last, each cell within the time that its first lines promise."""

import ast
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from forked import Popen
from jupyter_client.provisioning import local_provisioner
from nbclient import NotebookClient

FOLDER = Path(__file__).parent.parent / "notebooks"
ENGLISH = sorted(FOLDER.glob("*.ipynb"))
CHINESE = sorted(FOLDER.glob("zh/*.ipynb"))
NOTEBOOKS = [*ENGLISH, *CHINESE]
SECONDS = 15  # that a learner may wait for one cell


def name(path):
    return path.relative_to(FOLDER).with_suffix("").as_posix()


def test_there_are_four():
    assert [path.name[0] for path in ENGLISH] == ["1", "2", "3", "4"]


class Plain(ast.NodeTransformer):
    """Code without what is said: every text is gone, and so are comments."""

    def visit_Constant(self, node):
        return ast.Constant("") if isinstance(node.value, str) else node


def code(path):
    cells = [cell.source for cell in nbformat.read(path, 4).cells if cell.cell_type == "code"]
    return [[ast.dump(Plain().visit(part)) for part in ast.parse(cell).body] for cell in cells]


@pytest.mark.parametrize("path", CHINESE, ids=lambda path: path.stem)
def test_a_chinese_notebook_does_what_its_english_twin_does(path):
    english, chinese = code(FOLDER / path.name), code(path)
    assert chinese[0].pop() == ast.dump(Plain().visit(ast.parse('bpcompare.set_language("zh")').body[0]))
    assert chinese == english


@pytest.mark.parametrize("path", CHINESE, ids=lambda path: path.stem)
def test_twins_link_to_each_other(path):
    assert f"](zh/{path.name})" in nbformat.read(FOLDER / path.name, 4).cells[0].source
    assert f"](../{path.name})" in nbformat.read(path, 4).cells[0].source


@pytest.mark.parametrize("path", NOTEBOOKS, ids=name)
def test_a_notebook_is_committed_without_outputs(path):
    notebook = nbformat.read(path, 4)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert (cell.outputs, cell.execution_count) == ([], None)


KERNEL = f"""
import matplotlib, runpy, sys
sys.path.append({str(Path(__file__).parent)!r})
import workers
matplotlib.rcParams["backend"] = "module://matplotlib_inline.backend_inline"  # as MPLBACKEND says before it is loaded
sys.modules["debugpy"] = None  # a kernel would load a debugger, which takes as long as the rest of it
workers.fork_commands()
workers.fork_sandboxes()
runpy.run_module("ipykernel_launcher", run_name="__main__", alter_sys=True)
"""


def warm_kernel(command, *, env, cwd, **_):
    """A kernel in a process of its own that need not load PyTorch."""
    assert command[:3] == [sys.executable, "-m", "ipykernel_launcher"]
    nothing = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
    once = "--InlineBackend.print_figure_kwargs={'bbox_inches': None}"  # else a figure is drawn to be measured, too
    return Popen([sys.executable, "-c", KERNEL, *command[3:], once], env=env, cwd=cwd, process_group=0, **nothing)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=name)
def test_every_cell_runs(path, tmp_path, monkeypatch):
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setattr(local_provisioner, "launch_kernel", warm_kernel)
    notebook = nbformat.read(path, 4)
    place = {"metadata": {"path": str(tmp_path)}}
    how = {"timeout": SECONDS, "startup_timeout": 120, "shutdown_kernel": "immediate"}  # graceful takes 2.5 s
    NotebookClient(notebook, resources=place, **how).execute()
    for cell in notebook.cells:
        if cell.cell_type == "code":
            pictures = sum("image/png" in output.get("data", {}) for output in cell.outputs)
            assert pictures == cell.source.count("plt.figure("), cell.source

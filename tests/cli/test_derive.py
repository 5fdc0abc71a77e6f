import contextlib
import io
import json
import re

import pytest
from pictures import sketched

from bpcompare.cli import main
from bpcompare.graph.dot import MAX_DRAWN
from bpcompare.graph.parsing import MAX_DEPTH

HOMEWORK_1 = ["derive", "z = x*w; r = z - y; loss = r**2", "x=2", "w=1", "y=4"]
OURS = {"derivation.gv", "torchviz.gv"}


def names(folder):
    return {path.name for path in folder.iterdir()}


def test_without_options_the_derivation_is_printed(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(HOMEWORK_1) == 0
    output = capsys.readouterr().out
    assert "∂loss/∂w = ∂loss/∂r · ∂r/∂z · ∂z/∂w = −4 · 1 · 2 = −8" in output
    assert output.splitlines()[-1].startswith("Checked: ")
    assert not names(tmp_path)


@pytest.mark.parametrize(
    ("format", "sign"), [("markdown", "# Derivation"), ("latex", "$\\mathbf{Given}$"), ("json", "{")]
)
def test_every_text_format_is_printed(capsys, format, sign):
    assert main([*HOMEWORK_1, "--format", format]) == 0
    assert capsys.readouterr().out.startswith(sign)


def test_options_may_stand_anywhere(capsys):
    assert main(["derive", "--wrt", "w", HOMEWORK_1[1], "x=2", "--format", "json", "w=1", "y=4"]) == 0
    assert json.loads(capsys.readouterr().out)["gradients"] == {"w": -8.0}


def test_pictures_go_to_outputs_and_always_with_their_source(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main([*HOMEWORK_1, "--format", "text,svg"]) == 0
    assert names(tmp_path / "outputs") == OURS | {"derivation.svg", "torchviz.svg"}
    output = capsys.readouterr().out
    assert output.startswith("Given\n")
    assert output.endswith("outputs/torchviz.svg\n")


def test_with_a_folder_everything_is_written_there(capsys, tmp_path):
    with sketched():
        every = ["--format", "text,markdown,latex,json,svg,png,pdf"]
        assert main([*HOMEWORK_1, *every, "--out", str(tmp_path / "new")]) == 0
    written = {f"derivation.{ending}" for ending in ("txt", "md", "tex", "json", "svg", "png", "pdf")}
    assert names(tmp_path / "new") == OURS | written | {"torchviz.svg", "torchviz.png", "torchviz.pdf"}
    assert capsys.readouterr().out.startswith("wrote ")


def test_the_torchviz_picture_shows_the_same_loss(tmp_path):
    assert main([*HOMEWORK_1, "--out", str(tmp_path)]) == 0
    source = (tmp_path / "torchviz.gv").read_text()
    for label in ('"loss\n ()"', '"w\n ()"', '"y\n ()"', "PowBackward0", "SubBackward0", "MulBackward0"):
        assert f"label={label}" in source


def test_a_picture_too_large_is_refused_and_its_source_stays(capsys, tmp_path):
    long = ";".join(["v = v*1.01"] * 200)
    assert main(["derive", long, "v=1", "--format", "svg,text", "--out", str(tmp_path)]) == 2
    assert names(tmp_path) == OURS | {"derivation.txt"}
    message = capsys.readouterr().err
    assert message.count("\n") == 1
    assert f" {MAX_DRAWN} " in message


@pytest.mark.parametrize("expression", ["-x**2", "-2*x", "-(x)", "-sin(x)*2"])
def test_an_expression_may_begin_with_a_minus(capsys, expression):
    assert main(["derive", expression, "x=-3", "--format", "json"]) == 0
    value = json.loads(capsys.readouterr().out)["value"]
    assert value == pytest.approx({"-x**2": -9, "-2*x": 6, "-(x)": 3, "-sin(x)*2": 0.2822400161}[expression])


@pytest.mark.parametrize(
    ("value", "expected"),
    [("3", 9.0), ("1,2,3", 14.0), ("1,2;3,4", 30.0), ("[[1, 2], [3, 4]]", 30.0), (" 1e1 ", 100.0), ("1;2", 5.0)],
)
def test_values_are_numbers_vectors_or_matrices(capsys, value, expected):
    assert main(["derive", "sum(x*x)", f"x={value}", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["value"] == expected


REFUSED = [
    (["x*w", "x=1"], "w="),
    (["x", "x"], "NAME=VALUE"),
    (["x", "=3"], "'=3'"),
    (["x", "x=1", "x=2"], "given twice"),
    (["x", "x="], "must be a number"),
    (["x", "x=1,,2"], "'1,,2'"),
    (["x", "x=one"], "'one'"),
    (["x", "x=1,2;3"], "[[1.0, 2.0], [3.0]]"),
    (["x", "x=[[1],[1,2]]"], "[[1.0], [1.0, 2.0]]"),
    (["x", 'x=["1"]'], "['1']"),
    (["x", "x=[1"], "'[1'"),
    (["x", "x=" + "[" * 100_000], "value of x"),
    (["x", "x=nan"], "must be finite"),
    (["x", "x=[NaN]"], "[nan]"),
    (["x", "x=1e999"], "inf"),
    (["x", "y=1"], "x="),
    (["x", "2x=1"], "'2x'"),
    (["x", "x=1", "--wrt", "q"], "'q'"),
    (["x", "x=1", "--wrt", ""], "choose from x, f"),
    (["__import__('os').system('touch pwned')"], "'os'"),
    (["x\0", "x=1"], "U+0000"),
    (["\udcff", "x=1"], "U+DCFF"),
    (["(" * 10_000 + "x" + ")" * 10_000, "x=1"], f" {MAX_DEPTH} "),
]


@pytest.mark.parametrize(("arguments", "told"), REFUSED, ids=lambda part: ascii(part)[:30])
def test_bad_input_is_told_in_one_sentence_with_exit_code_2(capsys, tmp_path, monkeypatch, arguments, told):
    monkeypatch.chdir(tmp_path)
    assert main(["derive", *arguments, "--format", "svg"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("bpcompare: ")
    first, *place = captured.err.splitlines()
    assert told in first
    assert not place or re.fullmatch(r" +\^", place[-1])
    assert not names(tmp_path)


@pytest.mark.parametrize("arguments", [[], ["x", "x=1", "--format", "gif"], ["x", "x=1", "--out", ""]])
def test_bad_options_end_with_exit_code_2(capsys, arguments):
    with pytest.raises(SystemExit) as ended:
        main(["derive", *arguments])
    assert ended.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("command", [[*HOMEWORK_1, "--format", "svg"], ["graph"]])
def test_a_folder_that_cannot_be_written_is_told_and_nothing_is_left(capsys, tmp_path, command):
    (tmp_path / "file").write_text("kept")
    assert main([*command, "--out", str(tmp_path / "file" / "deeper")]) == 2
    assert str(tmp_path / "file") in capsys.readouterr().err
    assert (tmp_path / "file").read_text() == "kept"
    assert names(tmp_path) == {"file"}


def test_letters_that_no_font_has_are_told_once_and_are_right_in_svg(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr("bpcompare.show.fonts.FALLBACK", ())
    assert main(["derive", "权重 * x", "权重=2", "x=3", "--format", "svg,png", "--out", str(tmp_path)]) == 0
    assert capsys.readouterr().err.count("权") == 1
    assert "∂f/∂权重 = 3" in (tmp_path / "derivation.svg").read_text()


def test_where_address_space_is_limited_the_source_is_written_and_the_reason_told(capsys, tmp_path, monkeypatch):
    def short_of_memory():
        raise RuntimeError("mmap failed to reserve 0x100000000 bytes")

    monkeypatch.setattr("bpcompare.graph.dot._graphviz", short_of_memory)
    for command, sources in ((HOMEWORK_1, OURS), (["graph", "--quiet"], {"graph.gv", "torchviz.gv"})):
        assert main([*command, "--format", "svg", "--out", str(tmp_path / command[0])]) == 2
        assert names(tmp_path / command[0]) == sources
        assert "ulimit -v" in capsys.readouterr().err


GRAPH = ["graph", "--quiet", "--format", "svg,png,pdf"]


@pytest.fixture(scope="module")
def graph(tmp_path_factory):
    """The training problem as pictures of every format."""
    folder = tmp_path_factory.mktemp("graph")
    with contextlib.redirect_stdout(io.StringIO()) as printed, sketched():
        assert main([*GRAPH, "--out", str(folder)]) == 0
    assert printed.getvalue() == ""
    return folder


def test_the_training_problem_is_drawn_twice(graph):
    endings = ("gv", "svg", "png", "pdf")
    assert names(graph) == {f"{name}.{ending}" for name in ("graph", "torchviz") for ending in endings}
    ours, theirs = (graph / "graph.gv").read_text(), (graph / "torchviz.gv").read_text()
    # torch.manual_seed(0) in 「深度学习之前向传播和反向传播」 draws the noise and then this start of nn.Linear(1, 1).
    assert r"weight\n−0.248884" in ours
    assert "AddmmBackward0" in theirs
    assert '"weight\n (1, 1)"' in theirs
    assert '"loss\n ()"' in theirs


def test_the_same_problem_gives_the_same_files(graph, tmp_path):
    with sketched():
        assert main([*GRAPH, "--out", str(tmp_path)]) == 0
    assert names(tmp_path) == names(graph)
    for path in graph.iterdir():
        assert path.read_bytes() == (tmp_path / path.name).read_bytes()


def test_a_problem_without_bias_and_with_several_outputs_is_drawn(capsys, tmp_path):
    command = ["graph", "--weight", "1,2;3,4", "--bias", "0,0", "--no-bias", "--out", str(tmp_path)]
    assert main(command) == 0
    assert "ŷ = x @ weightᵀ" in (tmp_path / "graph.gv").read_text()
    assert capsys.readouterr().out.startswith("wrote ")
    assert (tmp_path / "graph.png").stat().st_size > 5_000

"""What README and the site's pages say, done: commands and Python blocks run in their order, links lead somewhere."""

import ast
import importlib.util
import json
import re
import shlex
import shutil

import pytest
from pages import CHINESE_README, PAGES, README, ROOT, blocks, commands, transcripts
from pictures import unpictured

import bpcompare
from bpcompare.cli import main

GENERATED = {"commands.md", "python.md", "glossary.md", "source_errors.md"}
WRITTEN = [page for page in PAGES if page.name not in GENERATED]


def name(page):
    return str(page.relative_to(ROOT))


def of_page(page, folder):
    """The folder in which the blocks of a page run: with what a user who follows it has there."""
    if page == README:
        (folder / "docs").mkdir()
        shutil.copy(ROOT / "docs" / "mine.py", folder / "docs")
    for block in blocks(page):
        if block.file:
            (folder / block.file).parent.mkdir(exist_ok=True)
            (folder / block.file).write_text(block.code)


def test_the_readme_is_short():
    assert len(README.read_text().splitlines()) <= 90


def test_the_picture_of_the_readme_is_small():
    assert (ROOT / "docs" / "animation.gif").stat().st_size <= 1_000_000


@pytest.mark.parametrize("page", [*WRITTEN, CHINESE_README], ids=name)
def test_links_lead_somewhere(page):
    text = re.sub(r"`[^`\n]*`(?!\])", "", page.read_text())  # code is no link; a link may be named by code
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text):
        if not target.startswith("https://"):
            made = target.endswith(tuple(GENERATED)) or (target.endswith(".ipynb") and page.parent != ROOT)
            found = ROOT / "notebooks" / target.rpartition("/")[2] if made else page.parent / target
            assert found.exists() or target.endswith(tuple(GENERATED)), target


@pytest.mark.usefixtures("undrawn", "one_worker", "computed_once")
@pytest.mark.parametrize("page", [page for page in WRITTEN if blocks(page)], ids=name)
def test_the_blocks_of_a_page_run_in_order(page, tmp_path, monkeypatch, capsys):
    of_page(page, tmp_path)
    monkeypatch.chdir(tmp_path)
    variables = {"__name__": "__page__"}
    done = []  # a command that stands on a page twice, for two machines, runs once
    for block in blocks(page):
        if block.language == "python" and block.file is None:
            exec(compile(block.code, page.name, "exec"), variables)
        elif block.language == "sh":
            for arguments, code in commands(block.code):
                if arguments not in done:
                    assert main(arguments) == code, arguments
                    done.append(arguments)


def without_comments(block):
    """What a block does: its code without comments, and the exit codes that it promises."""
    if block.language == "python":
        return ast.dump(ast.parse(block.code))
    return [(shlex.split(line, comments=True), "exit code 1" in line) for line in block.code.splitlines()]


def test_the_chinese_readme_has_the_same_blocks_which_run_above():
    english, chinese = blocks(README), blocks(CHINESE_README)
    assert [(block.language, block.file) for block in chinese] == [(block.language, block.file) for block in english]
    assert list(map(without_comments, chinese)) == list(map(without_comments, english))
    assert all(not re.search(r"# (?!exit code)[A-Za-z]", block.code) for block in chinese)


def test_the_readmes_link_to_each_other_and_to_the_same_pages():
    assert f"]({CHINESE_README.name})" in README.read_text().splitlines()[2]
    assert f"]({README.name})" in CHINESE_README.read_text().splitlines()[2]
    english, chinese = (set(re.findall(r"\]\(([^)]+)\)", page.read_text())) for page in (README, CHINESE_README))
    assert {target.replace("notebooks/", "notebooks/zh/") for target in english} - chinese == {CHINESE_README.name}


def test_the_chinese_readme_has_the_same_parts():
    parts = [re.findall(r"^(#+|-|!|```\w*)(?= |\[|$)", page.read_text(), re.M) for page in (README, CHINESE_README)]
    assert parts[0] == parts[1]


@pytest.mark.usefixtures("without_pictures", "one_sandbox")
@pytest.mark.parametrize("page", [page for page in (*WRITTEN, CHINESE_README) if transcripts(page)], ids=name)
def test_a_transcript_is_what_the_command_prints(page, tmp_path, monkeypatch, capsys):
    of_page(page, tmp_path)
    monkeypatch.chdir(tmp_path)
    for arguments, shown in transcripts(page):
        main(arguments)
        printed = [row.strip() for row in capsys.readouterr().out.splitlines()]
        places = [printed.index(row) for row in shown]
        assert places == sorted(places)


def test_the_targets_of_the_readme_exist():
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"make (\w+)", README.read_text()):
        assert re.search(rf"^(\w+ )*{target}( \w+)*:", makefile, re.MULTILINE)


def test_the_course_s_gradient_is_the_same_in_the_readme_and_on_the_page():
    (on_page,) = [b for b in blocks(ROOT / "docs" / "howto" / "mark_yourself.md") if b.file == "mine.py"]
    in_file = (ROOT / "docs" / "mine.py").read_text()
    function = ast.parse(in_file).body[-1]
    assert ast.dump(function) == ast.dump(ast.parse(on_page.code).body[-1])


def test_the_reading_order_can_be_read_in_order():
    page = (ROOT / "docs" / "explanation" / "code.md").read_text()
    order = re.findall(r"^\| `([\w/]+)\.py` \|", page, re.MULTILINE)
    assert order[0] == "training/loops"
    for place, file in enumerate(order):
        source = (ROOT / "bpcompare" / f"{file}.py").read_text()
        needed = {module.replace(".", "/") for module in re.findall(r"from bpcompare\.([\w.]+) import", source)}
        assert not needed & set(order[place + 1 :]), file


def test_the_walks_of_contributing_name_what_is_there():
    walks = (ROOT / "CONTRIBUTING.md").read_text().split("## Three walks")[1].split("## Rules")[0]
    named = re.findall(r"`([a-z_]+)\.(?:[A-Z]\w+\.)?(\w+)`", walks)
    found = [(list((ROOT / "bpcompare").rglob(f"{module}.py")), name) for module, name in named]
    found = [(files, name) for files, name in found if files]
    assert len(found) >= 12
    for files, name in found:
        assert any(re.search(rf"\b(def|class) {name}\b", file.read_text()) for file in files), name


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    with unpictured():
        main(["--out", str(folder), "--epochs", "2", "--quiet"])
    return folder


def listed(heading, page=None):
    """The names in the first column of the table below a heading of reference/files.md."""
    text = (page or ROOT / "docs" / "reference" / "files.md").read_text()
    section = re.split(r"^#+ ", text.split(f"# {heading}\n", 1)[1], maxsplit=1, flags=re.MULTILINE)[0]
    cells = re.findall(r"^\| ([^|]*`[^|]*) \|", section, re.MULTILINE)
    return {name for cell in cells for name in re.findall(r"`([^`]+)`", cell)}


def test_the_reference_lists_the_columns_of_history_csv(files):
    header = (files / "history.csv").read_text().splitlines()[0].split(",")
    assert listed("history.csv") == set(header)


@pytest.mark.parametrize(
    ("heading", "path"),
    [("comparison.json", []), ("theory", ["theory"]), ("runs", ["runs", "adam"]), ("agreement", ["agreement", None])],
)
def test_the_reference_lists_the_keys_of_comparison_json(files, heading, path):
    found = json.loads((files / "comparison.json").read_text())
    for key in path:
        found = found[key] if key else next(iter(found.values()))
    assert listed(heading) == set(found)


def test_the_python_page_has_every_public_name_and_the_commands_page_every_command():
    spec = importlib.util.spec_from_file_location("generated", ROOT / "docs" / "generated.py")
    generated = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generated)
    assert set(re.findall(r"^## (\w+)$", generated.python(), re.MULTILINE)) == set(bpcompare.__all__)
    page = generated.commands()
    for command in bpcompare.cli.COMMANDS:
        assert f"\n## {command}\n" in page
    assert "`--lr R`\n: learning rate (default 0.1)" in page

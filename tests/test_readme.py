import re
import shlex
import shutil
from pathlib import Path

import pytest

from bpcompare.cli import main

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", README, re.DOTALL)


def test_the_readme_is_short_and_its_links_lead_somewhere():
    assert len(README.splitlines()) <= 150
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert (ROOT / target).exists(), target


@pytest.mark.parametrize("code", [code for language, code in BLOCKS if language == "python"])
def test_the_python_examples_run(code, capsys):
    exec(compile(code, "README.md", "exec"), {})
    assert "True" in capsys.readouterr().out


COMMANDS = [
    line for language, code in BLOCKS if language == "sh" for line in code.splitlines() if "-m bpcompare" in line
]


@pytest.mark.parametrize("command", COMMANDS)
def test_the_commands_run(command, tmp_path, monkeypatch, capsys):
    (tmp_path / "cars.csv").write_text("speed,dist\n4,2\n7,4\n8,16\n9,10\n")
    monkeypatch.chdir(tmp_path)
    assert main(shlex.split(command, comments=True)[3:]) == 0


TRANSCRIPTS = re.findall(r"^    \$ (python -m bpcompare.*)\n((?:    .*\n|\n)+)", README, re.MULTILINE)


@pytest.mark.parametrize(("command", "shown"), TRANSCRIPTS)
def test_a_transcript_is_what_the_command_prints(command, shown, tmp_path, monkeypatch, capsys):
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    monkeypatch.chdir(tmp_path)
    main(shlex.split(command)[3:])
    printed = [row.strip() for row in capsys.readouterr().out.splitlines()]
    for row in shown.splitlines():
        if row.strip() and row.strip() != "...":
            assert row.strip() in printed


def test_the_targets_of_the_readme_exist():
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"make (\w+)", README):
        assert f"{target}:" in makefile

"""--help of every command: as wide as the terminal, by the name that it was called by."""

import os
import sys
from importlib import import_module

import pytest

from bpcompare.cli import COMMANDS, help, main

UNBREAKABLE = 30  # characters of the longest option with its value


def shown(command, capsys):
    with pytest.raises(SystemExit) as stop:
        main([command, "--help"])
    assert stop.value.code == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("columns", [60, 80, 200])
def test_nothing_is_wider_than_the_terminal_and_no_word_is_lost(command, columns, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(columns))
    text = shown(command, capsys)
    long = [line for line in text.splitlines() if len(line) >= columns]
    assert columns < 80 or not long
    assert all(len(line) <= columns + UNBREAKABLE for line in long)
    assert max(map(len, text.splitlines())) <= help.MOST
    described = import_module(f"bpcompare.cli.{command}").DESCRIPTION.split()
    words = text.split()
    assert all(word in words for word in described)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_example_of_a_command_has_a_line_of_its_own(command, capsys):
    lines = [line.strip() for line in shown(command, capsys).splitlines() if "python -m bpcompare" in line]
    assert all(line.startswith(("usage:", "python -m bpcompare")) for line in lines)
    assert all(line.count("python -m bpcompare") == 1 for line in lines)


@pytest.mark.parametrize(("command", "default"), [("compare", "manual,autograd,adam"), ("equations", "manual")])
def test_help_says_which_methods_the_command_takes_where_none_is_given(command, default, capsys):
    assert f"(default {default})" in " ".join(shown(command, capsys).split())


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("path", ["/usr/bin/bpcompare", "C:/Scripts/bpcompare.exe", "bpcompare/__main__.py"])
def test_help_says_the_name_that_it_was_called_by(command, path, capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", [path])
    text = shown(command, capsys)
    name = "python -m bpcompare" if path.endswith(".py") else "bpcompare"
    assert text.startswith(f"usage: {name} ")
    assert ("python -m" in text) is path.endswith(".py")


@pytest.mark.parametrize("given", ["", "0", "-5", "wide", "²"])
def test_columns_that_are_no_width_are_as_if_not_given(given, monkeypatch):
    monkeypatch.setenv("COLUMNS", given)
    monkeypatch.setattr(os, "get_terminal_size", lambda *_: os.terminal_size((77, 24)))
    assert help.columns() == 77


def test_an_example_too_long_for_the_terminal_is_continued_as_a_shell_takes_it():
    line = "  python -m bpcompare derive 'a b' a=1 --answer a=1 --hint --quiet"
    text = help.Formatter("x")._fill_text(f"One\ntwo.\n\n{line}\n\nThree.", 45, "")
    assert text.split("\n\n")[0::2] == ["One two.", "Three."]
    pieces = text.split("\n\n")[1].split(" \\\n")
    assert len(pieces) == 2
    assert " ".join(" ".join(pieces).split()) == line.strip()


def test_other_commands_name_the_program_as_it_was_called(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["/usr/bin/bpcompare"])
    assert main(["check", "--exercise", "linear-regression", str(tmp_path / "mine.py")]) == 0
    assert "then: bpcompare check" in capsys.readouterr().out

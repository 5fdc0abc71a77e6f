"""The language of what is said: where it comes from, how far it reaches, and that data stay English."""

import argparse
import ast
import gettext
import inspect
import os
import pickle
import re
import subprocess
import sys
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import bpcompare
from bpcompare import cli, language
from bpcompare.cli import COMMANDS, argparse_words, help, main
from bpcompare.errors import InputError, reason
from bpcompare.language import (
    N_,
    _,
    columns_of,
    english,
    listed,
    ngettext,
    of_environment,
    padded,
    set_language,
    spoken,
)

VARIABLES = ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG")
HAN = "[\u4e00-\u9fff]"


@pytest.fixture(autouse=True)
def an_environment_without_a_language(monkeypatch):
    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)
    with spoken("en"):
        yield


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "zh"}, "zh"),
        ({"LANG": "zh_TW.UTF-8"}, "zh"),
        ({"LANG": "zh_Hans_CN"}, "zh"),
        ({"LANG": "ZH_CN@stroke"}, "zh"),
        ({"LANG": "C"}, "en"),
        ({"LANG": "C.UTF-8"}, "en"),
        ({"LANG": "POSIX"}, "en"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
        ({"LANG": ""}, "en"),
        ({"LC_MESSAGES": "zh_CN", "LANG": "en_US"}, "zh"),
        ({"LC_MESSAGES": "en_US", "LANG": "zh_CN"}, "en"),
        ({"LC_ALL": "C", "LC_MESSAGES": "zh_CN", "LANG": "zh_CN"}, "en"),
        ({"LC_ALL": "zh_CN.GBK", "LC_MESSAGES": "en_US", "LANG": "en_US"}, "zh"),
        ({"LC_ALL": "", "LC_MESSAGES": "zh_CN"}, "zh"),
        ({"LANGUAGE": "zh_CN", "LC_ALL": "en_US"}, "zh"),
        ({"LANGUAGE": "en", "LC_ALL": "zh_CN"}, "en"),
        ({"LANGUAGE": "de:zh", "LC_ALL": "en_US"}, "zh"),
        ({"LANGUAGE": "de:en:zh", "LC_ALL": "zh_CN"}, "en"),
        ({"LANGUAGE": "", "LC_ALL": "zh_CN"}, "zh"),
    ],
)
def test_the_environment_is_asked_in_the_order_of_gettext(environment, expected, monkeypatch):
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)
    assert of_environment() == expected


def test_gettext_itself_asks_in_that_order(monkeypatch, tmp_path):
    """The standard library finds our catalogue exactly where we say Chinese, for the names that it knows."""
    for name in ("zh", "en"):
        (tmp_path / name / "LC_MESSAGES").mkdir(parents=True)
        (tmp_path / name / "LC_MESSAGES" / "words.mo").touch()
    values = ("", "zh_CN.UTF-8", "en_GB", "C", "de_DE:zh")
    for first, second in ((a, b) for a in values for b in values):
        monkeypatch.setenv("LANGUAGE", first)
        monkeypatch.setenv("LANG", second)
        found = gettext.find("words", tmp_path)
        assert of_environment() == ("zh" if found and f"{os.sep}zh{os.sep}" in found else "en"), (first, second)


def test_an_unknown_language_is_refused_in_the_one_in_use():
    with pytest.raises(ValueError, match="there is no language 'fr'; choose en or zh"):
        bpcompare.set_language("fr")
    with spoken("zh"), pytest.raises(ValueError, match="没有 'fr' 这种语言"):
        bpcompare.set_language("fr")


def test_a_language_reaches_the_processes_that_are_started_and_no_further(monkeypatch):
    code = [sys.executable, "-c", "from bpcompare.language import of_environment as of; print(of())"]
    monkeypatch.setenv("LANG", "zh_CN.UTF-8")
    before = dict(os.environ)
    for wanted in ("en", "zh"):  # the one against the environment, the other with it
        with spoken(wanted):
            assert language.language() == wanted
            assert subprocess.run(code, capture_output=True, text=True, check=True).stdout.strip() == wanted
    assert dict(os.environ) == before


def test_a_message_knows_its_english_wherever_it_goes():
    with spoken("zh"):
        inner = _("training")
        outer = _("no {what}, {number:.2f}, {what!r}", what=inner, number=1 / 3)
        many = ngettext("{n} cell", "{n} cells", 3)
        both = listed([inner, "x"], N_(" and "))
    assert (inner, inner.english) == ("训练", "training")
    assert (many, many.english) == ("3 个单元格", "3 cells")
    assert (both, both.english) == ("训练 和 x", "training and x")
    assert outer.english == "no training, 0.33, 'training'"
    assert pickle.loads(pickle.dumps(inner)).english == "training"
    assert str(InputError(inner)).english == "training"
    assert english(str(InputError(inner))) == "training"


class Pair(NamedTuple):
    """Two of them."""

    first: str
    second: int


def test_data_are_english_at_every_depth():
    with spoken("zh"):
        said = _("training")
        data = {"a": [said, 1, None], "b": (said, {"c": [said]}), "d": Pair(said, 2), said: 0.5}
        found = english(data)
    assert found == {
        "a": ["training", 1, None],
        "b": ("training", {"c": ["training"]}),
        "d": Pair("training", 2),
        "训练": 0.5,
    }
    assert type(found["d"]) is Pair
    assert english(found) == found


@pytest.mark.parametrize(("n", "plain"), [(0, "0 cells"), (1, "1 cell"), (2, "2 cells")])
def test_plurals(n, plain):
    assert ngettext("{n} cell", "{n} cells", n) == plain
    with spoken("zh"):
        assert ngettext("{n} cell", "{n} cells", n) == f"{n} 个单元格"


def test_what_has_no_translation_is_said_in_english():
    with spoken("zh"):
        assert _("a sentence of {nobody!r}", nobody="x") == "a sentence of 'x'"


@given(st.text(), st.integers(0, 40))
@settings(derandomize=True)
def test_a_padded_text_has_its_columns(text, width):
    assert columns_of(padded(text, width)) == max(width, columns_of(text))
    assert padded(text, width).startswith(text)


def test_rich_measures_columns_likewise():
    from rich.cells import cell_len

    for text in ("weight", "权重 w₁", "（，。）", "한국어", "∂L/∂w → −2·x", "ｗ"):
        assert columns_of(text) == cell_len(text)


# argparse


def said_by_argparse():
    """What the argparse of this Python asks gettext for."""
    for node in ast.walk(ast.parse(inspect.getsource(argparse))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("_", "ngettext"):
            yield from (part.value for part in node.args[:1] if isinstance(part, ast.Constant))


TO_PROGRAMMERS = re.compile(
    r"__call__|subparser|parser_name|mode %r|can't open|merge actions|'required'|option string|dest=|conflict|mutually"
    r"|callable|deprecated|warning"
)


def test_every_word_of_argparse_that_a_user_meets_is_translated():
    known = {*argparse_words.WORDS, "expected %s argument"}
    asked = [text for text in said_by_argparse() if not TO_PROGRAMMERS.search(text) or text in known]
    assert len(asked) >= 15
    assert set(asked) <= known
    with spoken("zh"):
        for text in known:
            shown = gettext.gettext(text) if text in argparse_words.WORDS else gettext.ngettext(text, text, 2)
            assert re.search(HAN, shown) or text == "%(heading)s:", text
            assert sorted(re.findall(r"%(?:\(\w+\))?[sr]", shown)) == sorted(re.findall(r"%(?:\(\w+\))?[sr]", text))


# The command line


def helped(capsys, command, lang):
    with pytest.raises(SystemExit):
        main([command, "--help", "--lang", lang])
    return capsys.readouterr().out


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("columns", [60, 80, 120])
def test_chinese_help_is_set_as_chinese(command, columns, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(columns))
    lines = helped(capsys, command, "zh").splitlines()
    assert lines[0].startswith("用法：")
    for line in lines:
        assert line.strip()[:1] not in set(help.NEVER_FIRST) - set(".["), line
        assert not re.search(rf"{HAN} {HAN}", line), line
        assert columns_of(line) < columns or columns < 80, line  # the list of commands takes 65


def test_a_usage_of_several_lines_is_indented_below_its_beginning(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    first, *others = helped(capsys, "equations", "zh").split("\n\n")[0].splitlines()
    place = columns_of(first[: first.index("[-h]")])
    assert others
    assert all(len(line) - len(line.lstrip()) == place for line in others)


@pytest.mark.parametrize("command", COMMANDS)
def test_both_languages_have_the_same_options_in_the_same_order(command, capsys):
    options = [re.findall(r"^  (--?[a-z-]+)", helped(capsys, command, lang), re.MULTILINE) for lang in ("en", "zh")]
    assert options[0] == options[1]


@pytest.mark.parametrize(("lang", "said"), [("C", "invalid choice: 'fr'"), ("zh_CN.UTF-8", "取值 'fr' 无效")])
def test_a_wrong_lang_is_refused_in_one_sentence(lang, said, capsys, monkeypatch):
    monkeypatch.setenv("LANG", lang)
    with pytest.raises(SystemExit) as stop:
        main(["derive", "x*2", "x=1", "--lang", "fr"])
    assert stop.value.code == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert said in output.err
    assert output.err.count("\n") == 1


@pytest.mark.parametrize(
    "argv",
    ["derive --lang zh", "--lang zh derive", "derive --lang=zh", "--lang=zh derive", "--lang en derive --lang zh"],
)
def test_lang_wins_over_the_environment_for_this_call_alone(argv, capsys, monkeypatch):
    monkeypatch.setenv("LANG", "en_GB.UTF-8")
    before = dict(os.environ)
    with pytest.raises(SystemExit):
        main(argv.split())
    assert capsys.readouterr().err.startswith("bpcompare: 缺少参数：EXPR")
    assert language.language() == "en"
    assert dict(os.environ) == before


@pytest.mark.parametrize("argv", [[], ["--quiet"], ["--lang"], ["derive", "--lang", "fr"], ["--lang=", "sweep"]])
def test_without_a_language_of_its_own_a_call_is_in_that_of_the_environment(argv, monkeypatch):
    said = []
    monkeypatch.setattr(cli, "_dispatch", lambda argv: said.append(_("training")) or 0)
    monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    assert main(argv) == 0
    assert said == ["训练"]


def test_english_opens_no_catalogue():
    code = (
        "import sys\n"
        "opened = []\n"
        "sys.addaudithook(lambda name, args: opened.append(str(args[0])) if name == 'open' else None)\n"
        "from bpcompare.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "assert not [path for path in opened if path.endswith('.mo')], opened\n"
    )
    environment = {name: value for name, value in os.environ.items() if name not in VARIABLES} | {"LANG": "C.UTF-8"}
    assert subprocess.run([sys.executable, "-c", code], env=environment, timeout=60).returncode == 0


@pytest.mark.parametrize(("lang", "said"), [("en_US.UTF-8", "interrupted"), ("zh_CN.UTF-8", "已中断")])
def test_the_earliest_interruption_speaks_the_language_of_the_environment(lang, said):
    code = (
        "import runpy, sys\n"
        "class Stop:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'bpcompare.cli': raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Stop())\n"
        "runpy.run_module('bpcompare', run_name='__main__')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | {"LANG": lang}, capture_output=True, encoding="utf-8", timeout=60
    )
    assert done.returncode == 130
    assert done.stderr.startswith("bpcompare: ")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_what_the_system_says_is_translated_where_it_is_common(tmp_path):
    with pytest.raises(FileNotFoundError) as error, spoken("zh"):
        (tmp_path / "nothing").open()
    assert reason(error.value) == "No such file or directory"
    with spoken("zh"):
        assert reason(error.value) == "没有这个文件或文件夹"


def test_set_language_has_an_example():
    assert ">>> set_language" in inspect.getdoc(set_language)
    assert bpcompare.set_language is set_language

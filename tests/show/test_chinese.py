"""Chinese in tables, pictures and on the report page: it is aligned and wrapped by its width, and fonts are found."""

import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib import font_manager
from pictures import unticked
from rich.cells import cell_len

from bpcompare.cli import main
from bpcompare.comparison.linear import compare
from bpcompare.language import in_english, language, set_language
from bpcompare.lessons.published.figure import number, zero
from bpcompare.lessons.published.source_errors import source_errors
from bpcompare.problem.from_data import from_data
from bpcompare.problem.line import line
from bpcompare.show import comparison_table, fonts, glossary, reproduction
from bpcompare.show.report.page import page
from bpcompare.show.terminal import CLOSING, OPENING, Columns, text, wrapped

TABLE = "学时,成绩\n1,52\n2,58\n3,61\n4,70\n"


@pytest.fixture
def chinese(monkeypatch):
    monkeypatch.setenv("LANGUAGE", "en")  # set_language changes it; this puts it back
    set_language("zh")
    yield
    set_language("en")


@pytest.fixture
def no_font(monkeypatch):
    monkeypatch.setattr(fonts, "FALLBACK", ())
    fonts.to_install()


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "成绩.csv"
    path.write_text(TABLE, encoding="utf-8")
    return ["--csv", str(path), "--x", "学时", "--y", "成绩", "--standardize", "--epochs", "2", "--methods", "manual"]


def columns_of(drawn: str) -> list[list[int]]:
    """Of every table, where its rows end, in columns of the terminal; all of one table end below each other."""
    tables = re.split(r"\n\s*\n", drawn)
    return [[cell_len(row) for row in part.splitlines() if row] for part in tables if "──" in part]


def test_columns_of_chinese_are_below_each_other():
    rows = [("手工", "0.05", "收敛"), ("adam", "0.051", "x"), ("有限差分法", "12", "提前停止")]
    drawn = text([Columns(("方法", "损失", "状态"), rows)], 40, False)  # the last column is set to the right
    assert [set(ends) for ends in columns_of(drawn)] == [{cell_len("有限差分法" + " " * 6 + "0.051提前停止")}]


def test_every_table_and_sentence_of_a_comparison_fits_a_terminal_in_chinese(chinese):
    problem = from_data(line().x * 30, line().y, x_names=["学习时间（小时）"], y_names=["成绩"])
    drawn = comparison_table.render(compare(problem, lr=0.5, epochs=3), width=80) + glossary.render(width=80)
    assert max(cell_len(row) for row in drawn.splitlines()) <= 80
    assert not [row for row in drawn.splitlines() if row.strip()[:1] in CLOSING and row.strip()]


@given(st.text("学习率梯度，。：（）「」ab1", max_size=60), st.integers(8, 40))
@settings(derandomize=True)
def test_lines_break_between_characters_but_not_before_punctuation(sentence, width):
    lines = wrapped(sentence, width).split("\n")
    assert "".join(lines) == sentence
    assert not any(line[0] in CLOSING for line in lines[1:])
    assert not any(line[-1] in OPENING for line in lines[:-1])
    if not re.search(r"[，。：（）「」]|[ab1]{8}", sentence):
        assert all(cell_len(row) <= width for row in lines)


def test_what_was_published_is_the_same_data_in_both_languages(chinese):
    def document() -> str:
        figures = [number("B", "w", "0.51", 0.5), number("B", "w", "0.3333", 1 / 3), zero("E", "a = b", 0.0, 1.0)]
        return reproduction.to_json(figures, source_errors())

    found = document()
    with in_english():
        assert language() == "en"
        assert json.loads(document()) == json.loads(found)
        assert document() == found
    assert language() == "zh"


def test_the_page_says_its_language_and_asks_nothing_of_the_network(chinese):
    written = page(compare(line(), epochs=2), with_pitfalls=False).decode()
    assert '<html lang="zh-CN">' in written
    assert not re.search(r"<(?:script|link|img|iframe)[^>]*(?:src|href)=[\"']?https?:", written)
    with in_english():
        assert '<html lang="en">' in page(compare(line(), epochs=2), with_pitfalls=False).decode()


@pytest.mark.parametrize("words", [["--format", "png,svg", "--landscape"], ["--format", "svg", "--lang", "zh"]])
def test_without_a_font_one_sentence_says_so_and_svg_has_the_names(words, table, no_font, chinese, tmp_path, capsys):
    with unticked():
        assert main([*table, *words, "--out", str(tmp_path), "--quiet"]) == 0
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert all(letter in said for letter in "学时成绩")
    written = (tmp_path / "fit.svg").read_text(encoding="utf-8")
    assert ">学时<" in written
    assert ">least squares<" in written  # its own labels are in a language that can be read
    assert "学时" in (tmp_path / "comparison.json").read_text(encoding="utf-8")


def test_pictures_are_labelled_in_english_where_no_font_is(chinese, no_font, tmp_path, capsys):
    words = ["--epochs", "2", "--methods", "manual", "--format", "svg", "--quiet", "--out"]
    with unticked():
        assert main([*words, str(tmp_path / "zh"), "--lang", "zh"]) == 0
        assert capsys.readouterr().err.count("Noto Sans CJK") == 1
        assert main([*words, str(tmp_path / "en"), "--lang", "en"]) == 0
    assert capsys.readouterr().err == ""
    for name in ("loss.svg", "fit.svg", "parameters.svg"):
        assert (tmp_path / "zh" / name).read_bytes() == (tmp_path / "en" / name).read_bytes()


def test_a_font_that_was_installed_after_matplotlib_made_its_list_is_found(monkeypatch):
    if fonts.missing("梯度"):
        pytest.skip("needs a font with Chinese letters")
    manager = font_manager.fontManager
    new = {font.fname for font in manager.ttflist if font.name in fonts.FALLBACK}
    monkeypatch.setattr(manager, "ttflist", [font for font in manager.ttflist if font.fname not in new])
    fonts._add_new_fonts.cache_clear()
    assert fonts.missing("梯度") == ""


def test_letters_of_one_picture_are_not_told_again(no_font):
    assert fonts.note_missing("学 x 学时")
    assert "学时" in fonts.to_install()
    assert fonts.to_install() == ""

"""Pictures with Chinese names: every letter has its glyph where a font of the system has it."""

import matplotlib._text_helpers
import pytest
from matplotlib.figure import Figure

from bpcompare.cli import main
from bpcompare.show import fonts, style

needs_font = pytest.mark.skipif(
    bool(fonts.missing("速度权重轮")), reason="no font with Chinese letters is installed, such as fonts-noto-cjk"
)
NOBODY_S = "\ue999"  # for private use: no font of ours draws it
TABLE = "速度,距离\n1,2\n2,3.5\n3,5\n4,8\n"


@pytest.fixture
def lacking(monkeypatch):
    """The letters that matplotlib draws as an empty box, from the place where it notices that itself."""
    found = []
    monkeypatch.setattr(
        matplotlib._text_helpers, "warn_on_missing_glyph", lambda codepoint, *names: found.append(chr(codepoint))
    )
    return found


@needs_font
@pytest.mark.parametrize(
    "command",
    [
        ["compare", "--csv", "表.csv", "--x", "速度", "--y", "距离", "--epochs", "3", "--dpi", "30", "--landscape"],
        ["derive", "(权重*输入 - 目标)**2", "权重=3", "输入=2", "目标=1", "--out", "outputs"],
    ],
    ids=lambda command: command[0],
)
def test_no_letter_of_a_picture_is_an_empty_box(command, lacking, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "表.csv").write_text(TABLE, encoding="utf-8")
    assert main([*command, "--format", "png", "--lang", "zh"]) == 0
    assert list((tmp_path / "outputs").glob("*.png"))
    assert lacking == []
    assert "Noto Sans CJK" not in capsys.readouterr().err


def test_a_letter_that_no_font_has_is_noticed(lacking):
    with style.house_style(NOBODY_S):
        figure = Figure()
        figure.text(0.5, 0.5, f"w{NOBODY_S}")
        style.to_bytes(figure, "png")
    assert set(lacking) == {NOBODY_S}
    assert NOBODY_S in fonts.to_install()


@pytest.mark.parametrize("command", ["derive", "graph"])
def test_an_svg_holds_the_names_as_text(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "表.csv").write_text(TABLE, encoding="utf-8")
    arguments = {
        "derive": ["(权重*输入 - 目标)**2", "权重=3", "输入=2", "目标=1", "--out", "outputs"],
        "graph": ["--csv", "表.csv", "--x", "速度", "--y", "距离"],
    }[command]
    assert main([command, *arguments, "--format", "svg"]) == 0
    picture = tmp_path / "outputs" / f"{'derivation' if command == 'derive' else command}.svg"
    assert ("权重" if command == "derive" else "速度") in picture.read_text(encoding="utf-8")

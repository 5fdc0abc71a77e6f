import sys

import pytest
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.mathtext import MathTextParser
from pictures import unrendered
from PIL import Image

from bpcompare.cli import main, options
from bpcompare.show import glossary, style
from bpcompare.show.style import Picture, grid_of, to_bytes

SHORT = ["--epochs", "2", "--methods", "manual"]


def test_explain_style_and_dpi_change_no_number(tmp_path, capsys):
    with unrendered():
        assert main([*SHORT, "--out", str(tmp_path / "page"), "--quiet"]) == 0
    capsys.readouterr()
    looks = ["--explain", "--style", "slides", "--dpi", "50"]
    assert main([*SHORT, *looks, "--out", str(tmp_path / "slides")]) == 0
    printed = capsys.readouterr().out
    assert all(f"- {term}: " in printed for term in glossary.TERMS)
    for name in ("comparison.json", "history.csv"):
        assert (tmp_path / "page" / name).read_bytes() == (tmp_path / "slides" / name).read_bytes()
    with Image.open(tmp_path / "slides" / "fit.png") as picture:
        assert picture.size == (480, 270)


@pytest.mark.parametrize("dpi", ["0", "29", "601", "x"])
def test_dots_per_inch_out_of_range_are_refused(dpi, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--dpi", dpi])
    assert ended.value.code == 2
    assert "--dpi" in capsys.readouterr().err


@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb"), (None, "")])
def test_a_terminal_that_wants_no_colour_gets_none(name, value, monkeypatch):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    if name:
        monkeypatch.setenv(name, value)
    assert options.look()["color"] == (name is None)


def test_a_formula_is_set_once_for_all_pictures():
    def sets(*pictures):
        before = MathTextParser._parse_cached.cache_info().misses
        for exponent in pictures:
            picture = Picture(figsize=(1, 1))
            picture.text(0, 0, f"$10^{{{exponent}}}$")
            to_bytes(picture, "png")
        return MathTextParser._parse_cached.cache_info().misses - before

    assert sets(71, 72) == 2
    assert sets(71, 72, 73) == 1
    renderer = RendererAgg(10, 10, 72)
    own = renderer.mathtext_parser
    Picture().draw(renderer)
    assert renderer.mathtext_parser is not own


def test_ticks_that_are_placed_once_stand_where_matplotlib_places_them(monkeypatch):
    def drawn():
        figure, (left, right) = grid_of(2, 2, (2.2, 1.4))
        right.sharey(left)
        for axes, highest in ((left, 1e3), (right, 123456)):
            axes.plot([0, highest], [1e-7, highest])
        left.set(yscale="log", ylabel="loss", xlabel="what takes\nmuch\nroom")
        return to_bytes(figure, "svg")

    asked = []
    place = Axis._update_ticks
    monkeypatch.setattr(Axis, "_update_ticks", lambda axis: asked.append(axis) or place(axis))
    once, often = drawn(), len(asked)
    assert often == 3 * 4  # at first, after each half of the layout
    monkeypatch.setattr(style, "_OF_TICKS", ())
    assert drawn() == once
    assert len(asked) > 3 * often

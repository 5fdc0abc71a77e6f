"""Matplotlib, loaded by a command, which ends when its pictures are drawn."""

import importlib
import sys


def load() -> None:
    """Imports what every picture needs, without the lists of properties in its documentation.

    Each class of matplotlib's finds out while it loads what can be set in it, and writes that into its docstrings: half
    of the time, for text that nobody reads in a command.

    Example:
        >>> load()
        >>> from matplotlib.patches import Ellipse
        >>> Ellipse((0, 0), 2, 1).get_width()
        2
    """
    if "matplotlib.artist" in sys.modules:
        return
    from matplotlib import artist as artists

    listed = artists.kwdoc
    artists.kwdoc = lambda artist: ""
    try:
        importlib.import_module("matplotlib.figure")
    finally:
        artists.kwdoc = listed

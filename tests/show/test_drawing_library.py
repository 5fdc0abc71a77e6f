import subprocess
import sys

SCRIPT = """
from bpcompare.show import drawing_library
drawing_library.load()
from matplotlib import artist, figure
from matplotlib.lines import Line2D
assert "dash_capstyle" not in Line2D.set.__doc__
assert "dash_capstyle" in artist.kwdoc(Line2D)
class Drawn(Line2D):
    pass
assert "dash_capstyle" in Drawn.set.__doc__
Line2D([0], [0]).set(linewidth=2)
"""


def test_only_what_is_loaded_there_goes_without_its_lists_of_properties():
    subprocess.run([sys.executable, "-c", SCRIPT], check=True)

"""The problems that the tests of the marker have in common: each seed's are drawn, and worked out, once."""

from bpcompare.marker.draws import Draws

DRAWS = Draws()

"""The problems that the tests of the marker have in common: each seed's are drawn, and worked out, once."""

from bpcompare.marker.draws import Draws

SEED = 20  # where any does: what is worked out of its problems serves all tests
DRAWS = Draws()

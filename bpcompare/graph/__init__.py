"""The computation-graph engine: an expression becomes a graph, a derivation, a picture, and the judge of your answers.

From below: scripts (digits above and below the line), operations (the table), node (the engine), shapes, notation and
tokens, parsing, expression (text becomes a graph), writer (a graph becomes a derivation), verification, dot, paths and
wrong_derivatives, changes (every small mistake as a changed graph), marking, derivation.
"""

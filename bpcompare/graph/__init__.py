"""The computation-graph engine: an expression becomes a graph, a derivation and a picture."""

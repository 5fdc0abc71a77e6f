"""The computation-graph engine: an expression becomes a graph, a derivation, a picture, and the judge of your answers.

From below: scripts (digits above and below the line), operation (its value and derivatives), operations and powers (the
table), node (the engine), shapes, notation and tokens, parsing, values and unknown_names, expression (text becomes a
graph), writer (a graph becomes a derivation), verification, dot, paths and wrong_derivatives, answers (what a learner
wrote), changes (every small mistake as a change of the graph), changed_graph (its gradients), mistakes (which of them
was made), hints, marking, derivation.
"""

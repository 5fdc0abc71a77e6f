"""A wrong gradient is the right gradient of a slightly different graph: trace the forward, change one step, compare.

``source`` finds the line of the user's forward, ``decompositions`` takes fused operations apart, ``trace`` records the
steps, ``rules`` holds one derivative per operation, ``walk`` goes back through the steps. ``change`` says what a change
is; ``paths``, ``derivatives``, ``reductions``, ``reduction_axes`` and ``operands`` make them, ``changes`` puts them in
order. ``search`` finds the cheapest change that gives the answer, ``sentences`` says it.
"""

"""A wrong gradient is the right gradient of a slightly different graph: trace the forward, change one step, compare.

``source`` finds the line of the user's forward, ``decompositions`` takes fused operations apart, ``trace`` records the
steps, ``rules`` holds one derivative per operation, ``walk`` goes back through the steps; ``changes`` lists what can go
wrong at them, ``search`` finds the cheapest change that gives the answer, ``sentences`` says it.
"""

"""A wrong gradient is the right gradient of a slightly different graph: trace the forward, change one step, compare.

The files in reading order:

- The graph: ``source`` finds the line of the user's forward, ``decompositions`` takes fused operations apart,
  ``steps`` holds the steps of a graph, ``trace`` records them. ``local`` is one step as a derivative sees it, ``rules``
  holds one derivative per operation, ``walk`` goes back through the steps.
- What can go wrong: ``change`` says what a change is, ``sentences`` names its step and place. ``paths``,
  ``derivatives`` (from ``wrong_operations``, ``wrong_derivatives`` and ``blocks``), ``reductions``, ``reduction_axes``
  and ``operands`` make changes of the backward, ``changes`` puts them in order. ``replay`` makes changes of the
  forward, with the ``variants`` of an operation.
- What did go wrong: ``screen`` tells quickly how far a change moves an answer, ``size_factor`` fits what is left,
  ``search`` finds the cheapest change that gives the answer. ``one_path``, ``one_unknown``, ``partly`` and
  ``two_changes`` go on where it finds none. ``named_mistake`` is what is told; ``explain`` is the one entrance.
"""

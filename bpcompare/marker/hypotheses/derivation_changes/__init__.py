"""A wrong answer is the right derivation with one step changed: replay the derivation with each change, compare.

``program`` holds a derivation step by step, ``operations`` what a step can do and what is done instead; ``along_axis``
and ``transforms`` what can befall a value. ``changes`` lists what can go wrong, ``additions`` the same with a number to
solve for; ``replay`` works a derivation out with changes, ``stacks`` with many at once. ``evidence`` holds the calls
and says which changes give their answers. ``added_numbers`` solves for the number, ``last_step`` tries two changes that
meet in the end, ``search`` finds the cheapest explanation.
"""

"""A wrong answer is the right derivation with one step changed: replay the derivation with each change, compare.

``program`` holds a derivation step by step, ``operations`` what a step can do and what is done instead,
``transforms`` what can befall a value; ``changes`` lists what can go wrong, ``search`` finds the cheapest change that
gives the answer.
"""

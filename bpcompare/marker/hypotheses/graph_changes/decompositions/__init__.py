"""Fused operations taken apart to the steps that a person derives: one file per kind, ``table`` says which is which.

The names of the variables here are what the steps are called in a diagnosis. A maximum that is subtracted only against
overflow cancels in the true gradient but not in a changed one: it is detached, so that no change can follow it.
"""

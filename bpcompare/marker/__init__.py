"""Marks a gradient written by hand, and names what is wrong with it."""

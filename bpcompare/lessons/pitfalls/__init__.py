"""Mistakes made on purpose, with what theory predicts of each."""

"""Thousands of runs at once, and what they show."""

"""The exercises: problems to call the learner's function on, and the right answers."""

"""One loop for every method: where the gradient comes from, and what the step does with it."""

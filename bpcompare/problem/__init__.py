"""What is learned: data, start, scaling, networks, and what to call each number."""

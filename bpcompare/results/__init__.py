"""Files of numbers, and the writing of files."""

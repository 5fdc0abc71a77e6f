"""What a mistake may be: each hypothesis gives the wrong gradient that it explains."""

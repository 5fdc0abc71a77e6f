"""Published figures computed again, and where the sources are wrong."""

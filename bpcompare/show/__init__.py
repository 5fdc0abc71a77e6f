"""Everything that is looked at: tables and pictures."""

"""Several methods on one problem: agreement, race, and the ledger of Adam."""

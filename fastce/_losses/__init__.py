"""One file a loss: its formula, its kernel where it has one of its own, its public functions."""

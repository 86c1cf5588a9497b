"""A deterministic simulator: many histories of one grant, each decided by a list of integers."""

"""Workflows full of mistakes. Each line with one says which rule has to find it."""

"""Workflows without mistakes. Each marked line looks like one, and says why it is none."""

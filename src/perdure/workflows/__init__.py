"""Sequencing: one workflow type for each file. ``_calls`` holds every time-out and retry policy."""

"""Temporal: finding it, running it on this machine, and what every process around it needs."""

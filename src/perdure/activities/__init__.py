"""Doing: one class for each outside system. Errors cross into Temporal here."""

"""Release and review pipelines that must not get lost, as Temporal workflows."""

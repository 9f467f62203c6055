"""GitHub's JSON bodies, made from records and git objects."""

from perdure.emulator.bodies.apps import AppBodies
from perdure.emulator.bodies.events import EventBodies
from perdure.emulator.bodies.git import GitBodies
from perdure.emulator.bodies.graph_pulls import GraphPullBodies

__all__ = ["Bodies", "Body"]

from perdure.emulator.bodies.accounts import Body


class Bodies(EventBodies, AppBodies, GitBodies, GraphPullBodies):
    """Every body, with one client's URLs."""

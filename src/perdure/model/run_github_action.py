"""The fields of the workflow type ``RunGitHubAction``, named for clients in any language."""

from perdure.model.base import Model


class KeyValue(Model):
    """One input of the Actions workflow."""

    Key: str
    Value: str


class RunGitHubActionInput(Model):
    """What a client sends, as JSON.

    Attributes:
        Inputs: ``null`` is what Go sends for a list that was never filled.
    """

    Org: str
    Repo: str
    Ref: str | None = None
    WorkflowFile: str
    Inputs: tuple[KeyValue, ...] | None = None


class RunGitHubActionResult(Model):
    """What it gets back, as JSON."""

    Status: str
    Conclusion: str
    URL: str

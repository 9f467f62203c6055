"""The fields of the workflow type ``RunGitHubAction``, named for clients in any language."""

from pydantic import Field

from perdure.model.base import Model


class KeyValue(Model):
    """One input of the Actions workflow."""

    Key: str
    Value: str


class RunGitHubActionInput(Model):
    """What a client sends, as JSON."""

    Org: str
    Repo: str
    Ref: str = ""
    WorkflowFile: str
    Inputs: tuple[KeyValue, ...] = Field(default=())


class RunGitHubActionResult(Model):
    """What it gets back, as JSON."""

    Status: str
    Conclusion: str
    URL: str

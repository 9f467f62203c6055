"""Names that come from outside, checked by pattern before they become part of a URL."""

from typing import Annotated

from pydantic import AfterValidator, StringConstraints

REPOSITORY_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,99}/[A-Za-z0-9._-]{1,100}$"
WORKFLOW_FILE_PATTERN = r"^[A-Za-z0-9._-][A-Za-z0-9._ -]{0,250}\.ya?ml$"

_WORKFLOWS_FOLDER = ".github/workflows/"


def _no_dot_names(repository: str) -> str:
    if repository.partition("/")[2] in {".", ".."}:
        msg = "the repository's name cannot be . or .."
        raise ValueError(msg)
    return repository


def _file_name_alone(workflow_file: object) -> object:
    if isinstance(workflow_file, str):
        return workflow_file.removeprefix("./").removeprefix(_WORKFLOWS_FOLDER)
    return workflow_file


RepositoryName = Annotated[str, StringConstraints(pattern=REPOSITORY_PATTERN), AfterValidator(_no_dot_names)]
"""``owner/name``, as GitHub writes it."""


def workflow_path(workflow_file: str) -> str:
    """Return where the file lies in its repository."""
    return _WORKFLOWS_FOLDER + workflow_file


def workflow_file_name(text: str) -> str:
    """Return the file's bare name where its whole path was given."""
    return str(_file_name_alone(text))

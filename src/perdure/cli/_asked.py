"""From options to the action that they ask for: everything that can be known wrong is said here, first."""

import re
from collections.abc import Mapping

from pydantic import TypeAdapter, ValidationError

from perdure.errors import InvalidRefError, UsageError
from perdure.model.actions import ActionInput, WorkflowFileName
from perdure.model.dispatch import check_caller_inputs
from perdure.model.names import RepositoryName

_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?", re.IGNORECASE)

_WRONG: dict[str, tuple[str, str]] = {
    "repository": ("is not a repository", "write OWNER/REPO, as in acme/library"),
    "workflow_file": (
        "is not the name of an Actions workflow file",
        "name a .yml or .yaml file of the folder .github/workflows, as in release.yml",
    ),
    "key": ("cannot be an id", "use 1 to 200 characters"),
    "expect_sha": ("is not a full commit id", "write all of its 40 hexadecimal digits: git rev-parse HEAD"),
}


def action_input(options: Mapping[str, object]) -> ActionInput:
    """Return the action that was asked for, before anything is contacted.

    Raises:
        UsageError: A name, a ref or an input cannot be right, with what to change.
    """
    try:
        asked = ActionInput.model_validate({k: v for k, v in options.items() if v is not None})
    except ValidationError as error:
        raise _explained(error) from error
    if asked.ref is not None:
        _check_ref(asked.ref)
    check_caller_inputs(asked.inputs)
    return asked


def check_repository(text: str) -> str:
    """Return the name of a repository.

    Raises:
        UsageError: It cannot be one.
    """
    return _checked(TypeAdapter(RepositoryName), "repository", text)


def check_workflow_file(text: str) -> str:
    """Return the bare name of a workflow file.

    Raises:
        UsageError: It cannot be one.
    """
    return _checked(TypeAdapter(WorkflowFileName), "workflow_file", text)


def _checked(adapter: TypeAdapter[str], field: str, text: str) -> str:
    try:
        return adapter.validate_python(text)
    except ValidationError as error:
        wrong, hint = _WRONG[field]
        raise UsageError(f"{text!r} {wrong}", hint=hint) from error


def _check_ref(ref: str) -> None:
    if _COMMIT.fullmatch(ref):
        msg = f"{ref} is a commit: GitHub dispatches on branches and tags only"
        hint = (
            f"name a branch or tag that holds it, and make sure of the commit: --ref main --expect-sha {ref}"
        )
        raise InvalidRefError(msg, hint=hint)
    if not ref or ref != ref.strip() or any(character.isspace() for character in ref):
        msg = f"{ref!r} cannot be a branch or tag"
        raise InvalidRefError(msg, hint="name one as git does: --ref main")


def _explained(error: ValidationError) -> UsageError:
    first = error.errors(include_url=False)[0]
    field = str(first["loc"][0]) if first["loc"] else ""
    wrong, hint = _WRONG.get(field, (f"cannot be used for {field.replace('_', '-')}: {first['msg']}", None))
    return UsageError(f"{first['input']!r} {wrong}", hint=hint)

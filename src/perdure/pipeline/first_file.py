"""Writes a first pipeline file for named repositories, to be edited from there."""

import re
from collections.abc import Sequence

from perdure.errors import UsageError
from perdure.model.names import REPOSITORY_PATTERN
from perdure.pipeline.reading import read_pipeline

_HEAD = """\
# A pipeline for Perdure. Check it:  perdure pipeline check {file}
# What may stand here:               perdure pipeline schema
name: release
inputs:
  version: {{type: string, required: true, pattern: '^v\\d+\\.\\d+\\.\\d+$', description: Version to release}}
defaults:
{owner}  ref: main
  timeout: {{queue: 30m, run: 2h}}
  retry: {{attempts: 2, on: [failure, never-started], by: rerun-failed}}
concurrency: {{group: release, policy: queue}}
steps:
"""

_ACTION = """\
  {name}:
{needs}    action: {action}
    inputs: {{version: '${{{{ inputs.version }}}}'}}
"""

_APPROVAL = """\
  approve:
    needs: {needs}
    approval:
      # approvers: [a-login, team:organisation/name]
      quorum: 1
      timeout: 24h
      on-timeout: reject
      message: 'Release ${{{{ inputs.version }}}} of {last}?'
"""


def first_file(repositories: Sequence[str], file: str = "pipeline.yaml") -> str:
    """Return the text of a file that releases repositories one after the other, the last after an approval.

    Args:
        repositories: ``owner/name`` of each.
        file: What it will be called.

    Raises:
        UsageError: One is no repository, or is named twice.
    """
    for position, repository in enumerate(repositories):
        if not re.fullmatch(REPOSITORY_PATTERN, repository):
            msg = f"{repository!r} is not owner/name"
            raise UsageError(msg, hint="write a repository as acme/library")
        if repository in repositories[:position]:
            msg = f"{repository} is named twice"
            raise UsageError(msg, hint="leave one of them out")
    owners = {repository.partition("/")[0] for repository in repositories}
    owner = owners.pop() if len(owners) == 1 else None
    text = _HEAD.format(file=file, owner=f"  owner: {owner}\n" if owner else "")
    needs = ""
    names: list[str] = []
    for position, repository in enumerate(repositories):
        short = repository.partition("/")[2]
        if position and position == len(repositories) - 1:
            text += _APPROVAL.format(needs=names[-1], last=short)
            needs = "    needs: approve\n"
        names.append(_step_name(short, [*names, "approve"]))
        action = f"{short if owner else repository}/release.yml"
        text += _ACTION.format(name=names[-1], needs=needs, action=action)
        needs = f"    needs: {names[-1]}\n"
    read_pipeline(text, file)
    return text


def _step_name(repository: str, taken: list[str]) -> str:
    name = re.sub(r"[^a-z0-9_]+", "_", repository.lower()).strip("_")[:50] or "step"
    name = f"step_{name}" if name[0].isdigit() or name in {"true", "false", "null", "in"} else name
    candidates = (name, *(f"{name}_{number}" for number in range(2, len(taken) + 3)))
    return next(one for one in candidates if one not in taken)

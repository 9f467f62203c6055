"""The contexts and variables that describe a run, which are the same for all its jobs.

https://docs.github.com/en/actions/reference/workflows-and-actions/contexts and
https://docs.github.com/en/actions/reference/workflows-and-actions/variables
"""

import functools
import os
import platform
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from perdure.emulator.execution.expressions import to_text
from perdure.emulator.execution.interface import RunRequest
from perdure.emulator.execution.workflow_file import WorkflowFile

_SYSTEM_PATH = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
_OPERATING_SYSTEMS = {"linux": "Linux", "darwin": "macOS", "win32": "Windows"}
_ARCHITECTURES = {"x86_64": "X64", "amd64": "X64", "aarch64": "ARM64", "arm64": "ARM64"}
# What of the `github` context is a variable too, under the same name in capitals.
_VARIABLES = (
    *(
        "action",
        "action_path",
        "action_ref",
        "action_repository",
        "actor",
        "actor_id",
        "api_url",
        "base_ref",
        "event_name",
    ),
    *("event_path", "graphql_url", "head_ref", "job", "ref", "ref_name", "ref_protected", "ref_type"),
    *("repository", "repository_id", "repository_owner", "repository_owner_id", "retention_days"),
    *("run_attempt", "run_id", "run_number", "server_url", "sha", "triggering_actor", "workflow"),
    *("workflow_ref", "workflow_sha", "workspace"),
)


def request_contexts(request: RunRequest, file: WorkflowFile) -> dict[str, object]:
    """Make the contexts that are known before any job: ``github``, ``inputs`` and ``vars``."""
    return {
        "github": github_context(request, file),
        "inputs": file.input_values(request.inputs),
        "vars": dict(request.variables),
    }


def github_context(request: RunRequest, file: WorkflowFile) -> dict[str, object]:
    """Make the ``github`` context of a run."""
    owner = request.repository.partition("/")[0]
    kind, _, ref_name = request.ref.removeprefix("refs/").partition("/")
    return {
        "actor": request.actor,
        "actor_id": str(request.actor_id),
        "api_url": request.api_url,
        "base_ref": "",
        "event": request.event,
        "event_name": request.event_name,
        "graphql_url": f"{request.api_url.removesuffix('/v3')}/graphql",
        "head_ref": "",
        "ref": request.ref,
        "ref_name": ref_name,
        "ref_protected": False,
        "ref_type": "tag" if kind == "tags" else "branch",
        "repository": request.repository,
        "repositoryUrl": f"git://{request.server_url.partition('://')[2]}/{request.repository}.git",
        "repository_id": str(request.repository_id),
        "repository_owner": owner,
        "repository_owner_id": str(request.owner_id),
        "retention_days": "90",
        "run_attempt": str(request.run_attempt),
        "run_id": str(request.run_id),
        "run_number": str(request.run_number),
        "secret_source": "None",
        "server_url": request.server_url,
        "sha": request.head_sha,
        "token": "",
        "triggering_actor": request.triggering_actor or request.actor,
        "workflow": file.name or request.workflow_path,
        "workflow_ref": f"{request.repository}/{request.workflow_path}@{request.ref}",
        "workflow_sha": request.head_sha,
    }


def runner_context(name: str, folder: Path) -> dict[str, object]:
    """Make the ``runner`` context of a job."""
    return {
        "name": name,
        "os": _OPERATING_SYSTEMS.get(sys.platform, "Linux"),
        "arch": _ARCHITECTURES.get(platform.machine().lower(), "X64"),
        "temp": str(folder / "temp"),
        "tool_cache": str(folder / "tools"),
        "workspace": str(folder / "work"),
        "debug": "",
        "environment": "github-hosted",
    }


def environment(github: Mapping[str, object], runner: Mapping[str, object]) -> dict[str, str]:
    """Make the variables that mirror the contexts."""
    variables = {"GITHUB_ACTIONS": "true"}
    for name in _VARIABLES:
        if name in github:
            variables[f"GITHUB_{name.upper()}"] = to_text(github[name])
    for name in ("name", "os", "arch", "temp", "tool_cache", "workspace", "environment"):
        variables[f"RUNNER_{name.upper()}"] = to_text(runner[name])
    return variables


@functools.cache
def system_path() -> str:
    """Make the PATH of steps: the system's folders, and those of the tools that steps may expect."""
    found = (shutil.which(tool) for tool in ("bash", "git"))
    folders = [*_SYSTEM_PATH, *(str(Path(tool).parent) for tool in found if tool)]
    folders.append(str(Path(sys.base_prefix) / "bin"))
    return os.pathsep.join(dict.fromkeys(folders))

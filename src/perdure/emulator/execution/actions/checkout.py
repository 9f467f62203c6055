"""A stand-in for actions/checkout: a fresh clone of the run's repository.

https://github.com/actions/checkout. Git runs outside of the sandbox, as the repository cannot be seen from
inside; so the clone is made where no step can put commands into its configuration, and only then moved.
"""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from perdure.emulator.execution.actions.placing import out_of_reach, place
from perdure.emulator.execution.expressions import to_number
from perdure.emulator.execution.invocation import Invocation, StepFailedError
from perdure.emulator.execution.process import Process

_NO_PUSH = "no-push://the-emulator-takes-no-pushes-from-steps"


async def checkout(invocation: Invocation) -> None:
    """Put the repository at the run's commit, or at ``ref``, into the workspace.

    Raises:
        StepFailedError: Another repository is asked for, the ref is unknown, or the path lies outside.
    """
    job, request = invocation.job, invocation.job.run.request
    arguments = invocation.arguments()
    repository = arguments.get("repository") or request.repository
    if repository.lower() != request.repository.lower():
        raise StepFailedError(
            f"the emulator checks out the repository of the run only: {request.repository}, not {repository}"
        )
    target = _target(job.workspace, arguments.get("path") or ".")
    for name in ("submodules", "lfs", "sparse-checkout"):
        if arguments.get(name, "false") not in ("", "false"):
            invocation.log_warning(f"The emulator's stand-in for actions/checkout ignores '{name}'")
    invocation.log(f"Syncing repository: {request.repository}")
    with out_of_reach(invocation) as folder:
        clone = _Clone(invocation, folder)
        commit, name = await clone.make(arguments.get("ref") or "", arguments.get("fetch-depth") or "1")
        await place(invocation, folder, target, replace=True)
    invocation.log(commit)
    invocation.outputs.update({"ref": name, "commit": commit})


def _target(workspace: Path, path: str) -> Path:
    target = Path(os.path.normpath(workspace / path))
    real = Path(os.path.realpath(target))
    if not (real.is_relative_to(os.path.realpath(workspace)) and target.is_relative_to(workspace)):
        raise StepFailedError(f"Repository path '{target}' is not under '{workspace}'")
    return target


class _Clone:
    def __init__(self, invocation: Invocation, folder: Path) -> None:
        self.folder = folder
        self._invocation = invocation
        self._request = invocation.job.run.request
        self._printed: list[str] = []
        home = str(invocation.job.folder / "home")
        self._env = {
            **{"PATH": invocation.variables()["PATH"], "HOME": home, "LANG": "C.UTF-8"},
            **{"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0"},
        }

    async def make(self, wanted: str, depth: str) -> tuple[str, str]:
        """Clone, and return the commit with the name of the ref that was checked out."""
        ref, commit = await self._resolved(wanted)
        await self._git("init", "--quiet", "--template=", "--initial-branch=main")
        url = f"{self._request.server_url}/{self._request.repository}"
        with (self.folder / ".git" / "config").open("a", encoding="utf-8") as config:
            config.write(
                f'[remote "origin"]\n\turl = {url}\n\tpushurl = {_NO_PUSH}\n'
                "\tfetch = +refs/heads/*:refs/remotes/origin/*\n[gc]\n\tauto = 0\n"
            )
        local, *specs = self._specs(ref, commit)
        number = to_number(depth)
        if number == 0:
            limits = ["--tags"]
            specs = ["+refs/heads/*:refs/remotes/origin/*", *([commit] if commit else [])]
            local = commit or local
        elif number > 0:
            limits = ["--no-tags", f"--depth={int(number)}"]
        else:
            raise StepFailedError(f"Invalid fetch-depth: '{depth}'")
        await self._git(
            "fetch", "--quiet", *limits, "--", str(self._request.repository_dir.resolve()), *specs
        )
        branch = ref.removeprefix("refs/heads/") if ref.startswith("refs/heads/") else None
        how = ["-B", branch, local] if branch else ["--detach", local]
        await self._git("checkout", "--quiet", "--force", *how)
        if branch:
            await self._git("config", f"branch.{branch}.remote", "origin")
            await self._git("config", f"branch.{branch}.merge", ref)
        return await self._answer("rev-parse", "HEAD"), ref or commit

    def _specs(self, ref: str, commit: str) -> list[str]:
        """Give what to check out, then what to fetch for it."""
        if ref.startswith("refs/heads/"):
            local = f"refs/remotes/origin/{ref.removeprefix('refs/heads/')}"
            return [local, f"+{commit or ref}:{local}"]
        if ref:
            return [ref, f"+{commit or ref}:{ref}"]
        return [commit, f"+{commit}:refs/remotes/origin/at"]

    async def _resolved(self, wanted: str) -> tuple[str, str]:
        """Find out which ref is meant, and which commit of it, where that is fixed."""
        request = self._request
        if not wanted or wanted in (request.ref, request.ref.split("/", 2)[-1]):
            return request.ref, request.head_sha
        if len(wanted) in (40, 64) and all(character in "0123456789abcdef" for character in wanted.lower()):
            return "", wanted.lower()
        names = [wanted] if wanted.startswith("refs/") else [f"refs/heads/{wanted}", f"refs/tags/{wanted}"]
        if any(name.startswith("-") for name in names):
            raise StepFailedError(f"A branch or tag with the name '{wanted}' could not be found")
        found = await self._answer(
            "ls-remote", "--", str(request.repository_dir.resolve()), *names, folder=request.work_dir
        )
        for line in found.splitlines():
            ref = line.partition("\t")[2]
            if ref in names:
                return ref, ""
        raise StepFailedError(f"A branch or tag with the name '{wanted}' could not be found")

    async def _answer(self, *arguments: str, folder: Path | None = None) -> str:
        self._printed.clear()
        await self._git(*arguments, folder=folder, take=self._printed.append)
        return "\n".join(self._printed).strip()

    async def _git(
        self, *arguments: str, folder: Path | None = None, take: Callable[[str], None] | None = None
    ) -> None:
        invocation = self._invocation
        git = shutil.which("git", path=self._env["PATH"])
        if git is None:
            raise StepFailedError("git: command not found")
        command = [git, "-c", "core.hooksPath=/dev/null", "-c", "advice.detachedHead=false", *arguments]
        process = Process(command, env=self._env, cwd=folder or self.folder)
        code = await process.finish(take or invocation.log, invocation.stop, (0.5, 0.5))
        if code != 0:
            raise StepFailedError(f"The process '{git}' failed with exit code {code}")

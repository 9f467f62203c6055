"""Git, run as a program that reads what strangers wrote.

A repository's own configuration, hooks, attributes and submodules may run programs or change what is seen. So
git works here in bare repositories of Perdure's own, apart from the account's configuration, and files are
never checked out by git but copied out of its objects.
"""

import asyncio
import contextlib
import os
import signal
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Final

_PASSED_ON: Final = (
    *("PATH", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR", "GIT_SSL_CAINFO"),
    *("http_proxy", "https_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"),
)
_SETTINGS: Final = (
    *("-c", "core.hooksPath=/dev/null"),
    *("-c", "core.fsmonitor=false"),
    *("-c", "core.symlinks=false"),
    *("-c", "core.autocrlf=false"),
    *("-c", "core.attributesFile=/dev/null"),
    *("-c", "core.quotePath=false"),
    *("-c", "fetch.recurseSubmodules=false"),
    *("-c", "gc.auto=0"),
    *("-c", "credential.helper="),
    # Folders are read that may belong to another account, as in a container.
    *("-c", "safe.directory=*"),
)


class GitError(Exception):
    """Git ended with another status than 0, or was too slow.

    Attributes:
        said: What it wrote about that.
        was_slow: Whether it was ended because its time was over.
    """

    def __init__(self, said: str, *, was_slow: bool = False) -> None:
        super().__init__(said)
        self.said = said
        self.was_slow = was_slow


class GitDirectory:
    """One bare repository on this machine."""

    def __init__(self, path: Path) -> None:
        self.path = path

    async def create(self) -> None:
        """Make it, where it is not there."""
        if (self.path / "HEAD").is_file():
            return
        self.path.mkdir(parents=True, exist_ok=True)
        await run_git("init", "--quiet", "--bare", "--template=", str(self.path))

    async def run(
        self,
        *arguments: str,
        stdin: bytes = b"",
        timeout: timedelta = timedelta(minutes=2),
        environment: Mapping[str, str] | None = None,
    ) -> bytes:
        """Run git in it and return what it wrote.

        Raises:
            GitError: It failed, or was too slow.
        """
        return await run_git(
            f"--git-dir={self.path}", *arguments, stdin=stdin, timeout=timeout, environment=environment
        )

    async def has(self, *objects: str) -> bool:
        """Say whether all these objects are here."""
        answer = await self.run("cat-file", "--batch-check", stdin="\n".join(objects).encode() + b"\n")
        return not any(line.endswith(b"missing") for line in answer.splitlines())

    def command(self, *arguments: str) -> Sequence[str]:
        """Return the whole command line for a process that the caller starts."""
        return ("git", *_SETTINGS, f"--git-dir={self.path}", *arguments)


async def run_git(
    *arguments: str,
    stdin: bytes = b"",
    timeout: timedelta = timedelta(minutes=2),
    environment: Mapping[str, str] | None = None,
) -> bytes:
    """Run git and return what it wrote.

    Raises:
        GitError: It failed, or was too slow.
    """
    process = await asyncio.create_subprocess_exec(
        *("git", *_SETTINGS, *arguments),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**git_environment(), **(environment or {})},
        # A fetch has children of its own, which would outlive it.
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(timeout.total_seconds()):
            output, errors = await process.communicate(stdin)
    except TimeoutError:
        raise GitError(f"git was not done after {timeout}", was_slow=True) from None
    finally:
        await _end(process)
    if process.returncode:
        raise GitError(errors.decode(errors="replace").strip())
    return output


def git_environment() -> dict[str, str]:
    """Return an environment apart from the account's own configuration."""
    direct = os.environ.get("no_proxy", os.environ.get("NO_PROXY", ""))
    return {
        **{name: os.environ[name] for name in _PASSED_ON if name in os.environ},
        # Proxies come from the environment, but for this machine itself.
        "no_proxy": ",".join(filter(None, (direct, "localhost", "127.0.0.1", "::1"))),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "true",
        "GIT_ALLOW_PROTOCOL": "https:http:file",
        "GIT_LFS_SKIP_SMUDGE": "1",
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "LC_ALL": "C",
    }


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()

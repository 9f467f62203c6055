"""An emulated GitHub and a worker, for the commands that need them. They live for one file of tests."""

import pytest_asyncio

from cli.local_processes import perdure
from cli.scenes import FILES, REPOSITORY, Scene
from perdure.emulator import create_repository, running_emulator


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene(temporal_server, tmp_path_factory):
    """Serve an emulated GitHub, and let a worker take work for it from the server."""
    folder = tmp_path_factory.mktemp("scene")
    create_repository(
        folder / "github", REPOSITORY, {f".github/workflows/{name}": text for name, text in FILES.items()}
    )
    async with running_emulator(folder / "github") as emulator:
        variables = {
            "TEMPORAL_ADDRESS": temporal_server.address,
            "PERDURE_GITHUB_URL": emulator.api_url,
            "PERDURE_GITHUB_GRACE_TIME": "3s",
            "PERDURE_GITHUB_TOKEN": "env:EMULATED_TOKEN",
            "EMULATED_TOKEN": "any",
            # The server is shared with other tests: these have queues of their own.
            "PERDURE_WORKER_QUEUE_SUFFIX": f"-{folder.name}",
            "PERDURE_WORKER_DISPATCHES_PER_SECOND": "0",
            "PERDURE_WATCH_SHORTEST_INTERVAL": "200ms",
            "PERDURE_WATCH_LONGEST_INTERVAL": "1s",
        }
        async with perdure("worker", cwd=folder, **variables) as worker:
            await worker.says("worker ready")
            yield Scene(emulator, variables, str(folder))

"""What a command finds around it: an engine, a worker and a GitHub."""

from dataclasses import dataclass

from cli.local_processes import perdure
from perdure.emulator import RunningEmulator

REPOSITORY = "acme/library"
_JOB = "jobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n      - run: echo\n"
FILES = {
    "release.yml": """
name: release
run-name: "release ${{ inputs.version }} [${{ inputs.dispatch_id }}]"
on:
  workflow_dispatch:
    inputs:
      version: {type: string, required: true}
      wait: {type: string, default: "0"}
      exit: {type: string, default: "0"}
      target: {type: choice, options: [staging, production], default: staging}
      dispatch_id: {type: string}
jobs:
  build:
    runs-on: ubuntu-latest
    steps:
      - run: sleep ${{ inputs.wait }}
      - name: Test
        run: |
          echo "tested ${{ inputs.version }}"
          exit ${{ inputs.exit }}
      - run: echo '{"tag":"v${{ inputs.version }}"}' > perdure-outputs.json
      - uses: actions/upload-artifact@v4
        with:
          name: perdure-outputs
          path: perdure-outputs.json
  docs:
    runs-on: ubuntu-latest
    steps:
      - run: echo documented
""",
    "push.yml": f"on: push\n{_JOB}",
    "bare.yml": f"on: workflow_dispatch\n{_JOB}",
    "off.yml": f"on: workflow_dispatch\n{_JOB}",
}


@dataclass
class Scene:
    """What a command finds around it: an engine, a worker and a GitHub."""

    emulator: RunningEmulator
    variables: dict[str, str]
    folder: str

    @property
    def dispatched(self) -> int:
        """How many runs there are at GitHub."""
        return len(self.emulator.runs)

    def start(self, *arguments, **variables):
        """Start a command in this scene."""
        return perdure(*arguments, cwd=self.folder, **{**self.variables, **variables})

    async def run(self, *arguments, **variables):
        """Run a command to its end."""
        async with self.start(*arguments, **variables) as run:
            await run.ends(within=60)
        return run

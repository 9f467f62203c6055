"""Workflow files of the repositories that these tests dispatch."""

ECHO = """
name: Echo
run-name: Echo [${{ inputs.dispatch_id }}]
on:
  workflow_dispatch:
    inputs:
      dispatch_id:
        type: string
      message:
        type: string
        default: hello
      color:
        type: choice
        options: [red, green]
jobs:
  echo:
    runs-on: ubuntu-latest
    steps:
      - run: echo '{"message":"${{ inputs.message }}"}' > perdure-outputs.json
      - uses: actions/upload-artifact@v4
        with:
          name: perdure-outputs
          path: perdure-outputs.json
"""

BY_STEP = """
on:
  workflow_dispatch:
    inputs:
      dispatch_id:
        type: string
jobs:
  one:
    runs-on: ubuntu-latest
    steps:
      - name: Dispatch ${{ inputs.dispatch_id }}
        run: "true"
"""

FAILING = """
run-name: Fail [${{ inputs.dispatch_id }}]
on:
  workflow_dispatch:
    inputs:
      dispatch_id:
        type: string
jobs:
  break:
    runs-on: ubuntu-latest
    steps:
      - name: Break it
        run: |
          printf '\\033[31mred\\033[0m ghp_0123456789abcdefghijklmnopqrstuvwxyz\\n'
          exit 3
"""

SLEEPING = """
run-name: Sleep [${{ inputs.dispatch_id }}]
on:
  workflow_dispatch:
    inputs:
      dispatch_id:
        type: string
jobs:
  nap:
    runs-on: ubuntu-latest
    steps:
      - run: exec sleep 60
"""

WITHOUT_ID = """
on: workflow_dispatch
jobs:
  one:
    runs-on: ubuntu-latest
    steps:
      - run: "true"
"""

FILES = {
    "README.md": "Octo",
    ".github/workflows/echo.yml": ECHO,
    ".github/workflows/by-step.yml": BY_STEP,
    ".github/workflows/fail.yml": FAILING,
    ".github/workflows/sleep.yml": SLEEPING,
    ".github/workflows/without-id.yml": WITHOUT_ID,
    ".github/workflows/push.yml": WITHOUT_ID.replace("workflow_dispatch", "push"),
}

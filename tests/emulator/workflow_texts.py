"""Workflow files that the emulator's tests dispatch."""

REPOSITORY = "octo-org/octo-repo"

ECHO = """\
name: Echo
run-name: echo [${{ inputs.dispatch_id }}]
on:
  workflow_dispatch:
    inputs:
      message: {required: true, description: What to say}
      level: {type: choice, options: [low, high], default: low}
      dispatch_id: {default: none}
jobs:
  say:
    runs-on: ubuntu-latest
    steps:
      - name: Dispatch ${{ inputs.dispatch_id }}
        run: echo "$MESSAGE"
        env: {MESSAGE: "${{ inputs.message }}"}
      - run: |
          echo "::notice title=said::$MESSAGE"
          echo '{"said": "yes"}' > outputs.json
          echo '# Said' >> "$GITHUB_STEP_SUMMARY"
        env: {MESSAGE: "${{ inputs.message }}"}
      - uses: actions/upload-artifact@v4
        with: {name: perdure-outputs, path: outputs.json}
"""

SLOW = """\
name: Slow
on: workflow_dispatch
concurrency: {group: slow}
jobs:
  wait:
    runs-on: ubuntu-latest
    steps:
      - run: sleep 60
      - if: always()
        run: echo tidy
"""

REPLACING = SLOW.replace("name: Slow", "name: Replacing").replace(
    "{group: slow}", "{group: replacing, cancel-in-progress: true}"
)

QUEUED = """\
name: Queued
on: workflow_dispatch
concurrency: {group: queued, queue: max}
jobs: {go: {runs-on: ubuntu-latest, steps: [{run: sleep 0.05}]}}
"""

# Fails in its first attempt only.
FLAKY = """\
name: Flaky
on: workflow_dispatch
jobs:
  good:
    runs-on: ubuntu-latest
    steps: [{run: echo good}]
  bad:
    runs-on: ubuntu-latest
    steps: [{run: 'test "$GITHUB_RUN_ATTEMPT" -gt 1'}]
  after:
    runs-on: ubuntu-latest
    needs: bad
    steps: [{run: echo after}]
"""

# In the group of the slow one.
GROUPED = FLAKY.replace("name: Flaky\n", "name: Grouped\nconcurrency: slow\n")

FILES = {
    "README.md": "# Octo\n",
    ".github/workflows/echo.yml": ECHO,
    ".github/workflows/slow.yml": SLOW,
    ".github/workflows/replacing.yml": REPLACING,
    ".github/workflows/flaky.yml": FLAKY,
    ".github/workflows/queued.yml": QUEUED,
    ".github/workflows/grouped.yml": GROUPED,
    ".github/workflows/push.yml": "name: Push\non: push\njobs: {a: {runs-on: x, steps: [{run: 'true'}]}}\n",
    ".github/workflows/broken.yml": "name: Broken\non: workflow_dispatch\njobs: {}\n",
}

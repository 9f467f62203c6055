"""What a job with scripts does, seen from outside."""


async def test_the_wait_and_echo_workflow_succeeds(runner):
    """A dispatched workflow waits, echoes its message and carries its dispatch id in a step's name."""
    conclusion = await runner.run(
        """
        name: Wait and echo
        run-name: Wait and echo [${{ inputs.dispatch_id }}]
        on:
          workflow_dispatch:
            inputs:
              wait_time: {description: Seconds, type: number, default: 5}
              message: {required: true}
              dispatch_id: {required: false, default: ''}
        jobs:
          wait-and-echo:
            runs-on: ubuntu-latest
            outputs:
              echoed: ${{ steps.echo.outputs.echoed }}
            steps:
              - name: Dispatch ${{ inputs.dispatch_id }}
                run: echo "$DISPATCH"
                env:
                  DISPATCH: ${{ inputs.dispatch_id }}
              - run: sleep ${{ inputs.wait_time }}
              - id: echo
                run: |
                  echo "${{ inputs.message }}"
                  echo "echoed=${{ inputs.message }}" >> "$GITHUB_OUTPUT"
        """,
        {"wait_time": "0", "message": "hello", "dispatch_id": "d-1"},
    )
    seen = runner.recorder
    assert conclusion == "success", seen.text()
    assert seen.step_names["wait-and-echo"] == [
        "Set up job",
        "Dispatch d-1",
        "Run sleep 0",
        'Run echo "hello"',
        "Complete job",
    ]
    assert seen.printed("wait-and-echo", 2) == ["d-1"]
    assert seen.printed("wait-and-echo", 4) == ["hello"]
    assert seen.outputs["wait-and-echo"] == {"echoed": "hello"}
    assert seen.ends == {"wait-and-echo": "success"}
    assert set(seen.step_ends["wait-and-echo"].values()) == {"success"}


async def test_a_failing_script_fails_the_run(runner):
    """The step, the job and the run fail; later steps are skipped unless they ask for failure."""
    conclusion = await runner.run(
        """
        on: workflow_dispatch
        jobs:
          build:
            runs-on: ubuntu-latest
            steps:
              - run: exit 3
              - run: echo never
              - if: failure()
                run: echo afterwards
        """
    )
    seen = runner.recorder
    assert conclusion == "failure"
    assert seen.step_ends["build"] == {1: "success", 2: "failure", 3: "skipped", 4: "success", 5: "success"}
    assert seen.log_of("build", 2)[-1] == "##[error]Process completed with exit code 3."
    assert ("build", "failure", "Process completed with exit code 3.", {}) in seen.annotations

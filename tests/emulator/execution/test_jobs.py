"""Jobs: in which order they run, in how many instances, and what they hand to each other."""

import asyncio
import time

import pytest

from perdure.emulator.execution import ExecutionSettings, JobResult


async def test_outputs_reach_the_jobs_that_need_them(runner):
    """A job sees the results and outputs of the jobs it needs, after they have ended."""
    conclusion = await runner.run(
        """
        on: workflow_dispatch
        jobs:
          last:
            needs: [first]
            runs-on: x
            steps:
              - run: echo "$V ${{ needs.first.result }} ${{ needs.first.outputs.no }}."
                env: {V: "${{ needs.first.outputs.v }}"}
          first:
            runs-on: x
            outputs: {v: "${{ steps.s.outputs.v }}", none: "${{ steps.s.outputs.none }}"}
            steps:
              - {id: s, run: 'echo v=42 >> $GITHUB_OUTPUT'}
        """
    )
    seen = runner.recorder
    assert conclusion == "success"
    assert seen.printed("last", 2) == ["42 success ."]
    assert seen.outputs["first"] == {"v": "42"}
    assert seen.events.index(("finished", "first")) < seen.events.index(("planned", "last"))


async def test_failure_skips_what_depends_on_it(runner):
    """Dependents of a failed job are skipped, theirs too, unless their condition asks for failure."""
    conclusion = await runner.run(
        """
        on: workflow_dispatch
        jobs:
          bad: {runs-on: x, steps: [{run: exit 1}]}
          after: {needs: bad, runs-on: x, steps: [{run: 'true'}]}
          later: {needs: after, runs-on: x, steps: [{run: 'true'}]}
          notify: {needs: later, if: failure(), runs-on: x, steps: [{run: 'true'}]}
          always: {needs: bad, if: always(), runs-on: x, steps: [{run: 'echo ${{ needs.bad.result }}'}]}
          follow: {needs: always, runs-on: x, steps: [{run: 'true'}]}
          other: {runs-on: x, steps: [{run: 'true'}]}
        """
    )
    seen = runner.recorder
    assert conclusion == "failure"
    assert seen.ends == {
        "bad": "failure",
        "after": "skipped",
        "later": "skipped",
        "notify": "success",
        "always": "success",
        # A chain with a failure anywhere in it counts as failed, which surprises people at GitHub too.
        "follow": "skipped",
        "other": "success",
    }
    assert seen.printed("always", 2) == ["failure"]


async def test_a_condition_skips_a_job(runner):
    """A job whose condition is false is skipped; a run of nothing else is skipped itself."""
    text = "on: {workflow_dispatch: {inputs: {go: {type: boolean}}}}\n" + (
        "jobs: {a: {name: 'Go ${{ inputs.go }}', if: inputs.go, runs-on: x, steps: [{run: 'true'}]}}"
    )
    assert await runner.run(text, {"go": "false"}) == "skipped"
    assert runner.recorder.ends == {"a": "skipped"}
    assert runner.recorder.planned["a"].name == "Go false"
    assert runner.recorder.step_names == {}
    assert await runner.run(text, {"go": True}) == "success"


async def test_a_matrix_expands_with_include_and_exclude(runner):
    """Combinations are excluded, extended and added as GitHub documents."""
    conclusion = await runner.run(
        """
        on: workflow_dispatch
        jobs:
          build:
            runs-on: ${{ matrix.os }}
            strategy:
              matrix:
                os: [linux, mac]
                version: [1, 2]
                exclude: [{os: mac, version: 1}]
                include: [{os: linux, extra: e}, {os: bsd, version: 9}]
            steps:
              - run: echo ${{ matrix.os }} ${{ matrix.version }} ${{ matrix.extra }} ${{ strategy.job-total }}
        """
    )
    seen = runner.recorder
    assert conclusion == "success"
    assert list(seen.planned) == [
        "build (linux, 1, e)",
        "build (linux, 2, e)",
        "build (mac, 2)",
        "build (bsd, 9)",
    ]
    assert seen.planned["build (mac, 2)"].labels == ("mac",)
    assert seen.planned["build (mac, 2)"].matrix == {"os": "mac", "version": 2}
    assert seen.printed("build (linux, 2, e)", 2) == ["linux 2 e 4"]


async def test_a_matrix_may_come_from_another_job(runner):
    """A matrix made by fromJSON of an output is expanded when that job has ended."""
    conclusion = await runner.run(
        """
        on: workflow_dispatch
        jobs:
          plan:
            runs-on: x
            outputs: {targets: "${{ steps.s.outputs.targets }}"}
            steps: [{id: s, run: "echo 'targets=[\\"a\\",\\"b\\"]' >> $GITHUB_OUTPUT"}]
          deploy:
            needs: plan
            name: Deploy ${{ matrix.target }}
            runs-on: x
            strategy: {matrix: {target: "${{ fromJSON(needs.plan.outputs.targets) }}"}}
            steps: [{run: 'true'}]
        """
    )
    assert conclusion == "success", runner.recorder.annotations
    assert [job.name for job in runner.recorder.planned.values()] == ["plan", "Deploy a", "Deploy b"]


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        ("{a: []}", "Matrix vector 'a' does not contain any values"),
        ("{a: 1}", "Matrix vector 'a' must be a sequence"),
        ("{a: [1], exclude: [{a: 1}]}", "Matrix vector does not contain any values"),
        (f"{{a: {list(range(17))}, b: {list(range(16))}}}", "256"),
        ("\"${{ fromJSON('1') }}\"", "Matrix must be a mapping"),
    ],
)
async def test_a_matrix_that_cannot_be_expanded_fails_its_job(runner, matrix, message):
    """A wrong matrix fails the job with an annotation that says why."""
    job = f"{{runs-on: x, strategy: {{matrix: {matrix}}}, steps: [{{run: x}}]}}"
    text = f"on: workflow_dispatch\njobs: {{a: {job}}}"
    assert await runner.run(text) == "failure"
    assert message in runner.recorder.annotations[0][2]


async def test_fail_fast_cancels_the_siblings(runner):
    """When one instance fails the others are cancelled, running or waiting, unless fail-fast is off."""
    text = """
        on: workflow_dispatch
        jobs:
          build:
            runs-on: x
            strategy: {FAILFAST matrix: {n: [0, 30]}}
            steps: [{run: 'if [ ${{ matrix.n }} = 0 ]; then exit 1; fi; sleep SECONDS'}]
        """
    started = time.monotonic()
    fast = text.replace("FAILFAST", "").replace("SECONDS", "30")
    assert await runner.run(fast) == "failure"
    assert runner.recorder.ends == {"build (0)": "failure", "build (30)": "cancelled"}
    assert time.monotonic() - started < 10
    slow = text.replace("FAILFAST", "fail-fast: false,").replace("SECONDS", "0")
    assert await runner.run(slow) == "failure"
    assert runner.recorder.ends == {"build (0)": "failure", "build (30)": "success"}


async def test_max_parallel_limits_a_matrix(runner):
    """No more instances run at once than max-parallel says, however many runners there are."""
    await runner.run(
        """
        on: workflow_dispatch
        jobs:
          build:
            runs-on: x
            strategy: {max-parallel: 1, matrix: {n: [1, 2, 3]}}
            steps: [{run: 'true'}]
        """
    )
    order = [event[0] for event in runner.recorder.events if event[0] in ("started", "finished")]
    assert order == ["started", "finished"] * 3


async def test_continue_on_error_forgives_a_job(runner):
    """A forgiven job is shown as failed, and counts as success to those that need it and to the run."""
    conclusion = await runner.run(
        """
        on: workflow_dispatch
        jobs:
          flaky: {runs-on: x, continue-on-error: true, steps: [{run: exit 1}]}
          after: {needs: flaky, runs-on: x, steps: [{run: 'echo ${{ needs.flaky.result }}'}]}
        """
    )
    assert conclusion == "success"
    assert runner.recorder.ends == {"flaky": "failure", "after": "success"}
    assert runner.recorder.printed("after", 2) == ["success"]


async def test_a_job_over_its_time_is_cancelled(runner):
    """A job that runs too long is cancelled with an annotation; what always runs still runs."""
    conclusion = await runner.run(
        """
        on: workflow_dispatch
        jobs:
          slow:
            runs-on: x
            timeout-minutes: 0.005
            steps:
              - run: sleep 30
              - run: echo never
              - {if: always(), run: echo cleaning}
        """
    )
    seen = runner.recorder
    assert conclusion == "cancelled"
    assert seen.ends == {"slow": "cancelled"}
    assert seen.step_ends["slow"] == {1: "success", 2: "cancelled", 3: "skipped", 4: "success", 5: "success"}
    assert "has exceeded the maximum execution time of 0.005 minutes" in seen.annotations[0][2]


async def test_environments_and_defaults_are_layered(runner):
    """Variables and defaults of the step win over those of the job, and these over the file's."""
    await runner.run(
        """
        on: workflow_dispatch
        env: {A: file, B: file, C: file}
        defaults: {run: {shell: sh, working-directory: sub}}
        jobs:
          build:
            runs-on: x
            env: {B: job, C: job, D: "${{ vars.COLOUR }}"}
            steps:
              - {run: mkdir sub, working-directory: .}
              - {run: 'echo $A $B $C $D ${{ env.B }}; basename $PWD', env: {C: step}}
        """
    )
    seen = runner.recorder
    assert seen.printed("build", 3) == ["file job step blue job", "sub"]
    assert any(line.startswith("shell: ") and line.endswith("/sh -e {0}") for line in seen.log_of("build", 3))


async def test_a_container_is_refused_clearly(runner):
    """A job in a container fails in its set-up and says that there are none."""
    text = "on: workflow_dispatch\njobs: {a: {runs-on: x, container: alpine, steps: [{run: x}]}}"
    assert await runner.run(text) == "failure"
    assert runner.recorder.step_ends["a"][1] == "failure"
    assert "has no containers" in runner.recorder.annotations[0][2]


async def test_a_file_that_cannot_be_used_is_a_startup_failure(runner):
    """A run of a broken file starts no job and keeps the reason."""
    assert await runner.run("on: workflow_dispatch\njobs: {a: {}}") == "startup_failure"
    assert runner.recorder.events == []
    assert "Required property is missing: runs-on" in runner.last.startup_error


async def test_a_re_run_keeps_what_it_is_told_to(runner):
    """Only the named jobs run again; the others keep their results and outputs."""
    text = """
        on: workflow_dispatch
        jobs:
          build: {runs-on: x, outputs: {v: new}, steps: [{run: exit 1}]}
          test: {needs: build, runs-on: x, steps: [{run: 'echo ${{ needs.build.outputs.v }}'}]}
        """
    earlier = {
        "build": JobResult(result="success", outputs={"v": "old"}),
        "test": JobResult(result="failure"),
    }
    conclusion = await runner.run(text, only_jobs=frozenset({"test"}), earlier_jobs=earlier, run_attempt=2)
    assert conclusion == "success"
    assert list(runner.recorder.planned) == ["test"]
    assert runner.recorder.printed("test", 2) == ["old"]


async def test_one_instance_of_a_matrix_can_be_run_again(runner):
    """A re-run of a failed instance leaves its siblings alone."""
    text = """
        on: workflow_dispatch
        jobs: {a: {runs-on: x, strategy: {matrix: {n: [1, 2]}}, steps: [{run: 'true'}]}}
        """
    earlier = {"a (1)": JobResult(result="success"), "a (2)": JobResult(result="failure")}
    assert await runner.run(text, only_jobs=frozenset({"a (2)"}), earlier_jobs=earlier) == "success"
    assert runner.recorder.ends == {"a (2)": "success"}


async def test_jobs_wait_for_a_runner(runner):
    """A job is picked up after the delay, in the order queued, started, finished."""
    settings = ExecutionSettings(pick_up_delay=(0.1, 0.1), network=False, max_parallel_jobs=1)
    started = time.monotonic()
    await runner.run(
        "on: workflow_dispatch\njobs: {a: {runs-on: x, steps: [{run: 'true'}]}}", settings=settings
    )
    assert time.monotonic() - started >= 0.1
    order = [event[0] for event in runner.recorder.events if event[1] == "a" and "step" not in event[0]]
    assert order == ["planned", "queued", "started", "finished"]


async def test_all_jobs_are_planned_before_the_first_is_queued(runner):
    """The jobs that need no other are known at once, and none begins before all of them are."""
    await runner.run(
        "on: workflow_dispatch\njobs:\n"
        + "".join(f"  j{n}: {{runs-on: x, steps: [{{run: 'true'}}]}}\n" for n in range(3))
    )
    assert [event[0] for event in runner.recorder.events[:6]] == ["planned"] * 3 + ["queued"] * 3


async def test_many_runs_at_once_share_the_loop(runner):
    """Twenty runs side by side end well, and none blocks the others."""
    text = "on: workflow_dispatch\njobs: {a: {runs-on: x, steps: [{run: 'sleep 0.2'}]}}"
    executions = [runner.prepare(text) for _ in range(20)]
    assert await asyncio.gather(*(execution.run() for execution in executions)) == ["success"] * 20


async def test_a_kept_failure_that_is_forgiven_stays_forgiven(runner):
    """A re-run that keeps a job with continue-on-error counts its failure as the first run did."""
    text = """
        on: workflow_dispatch
        jobs:
          flaky:
            runs-on: x
            continue-on-error: ${{ matrix.n == 1 }}
            strategy: {matrix: {n: [1]}}
            steps: [{run: exit 1}]
          after: {needs: flaky, runs-on: x, steps: [{run: 'true'}]}
        """
    earlier = {"flaky (1)": JobResult(result="failure")}
    assert await runner.run(text, only_jobs=frozenset({"after"}), earlier_jobs=earlier) == "success"
    assert runner.recorder.ends == {"after": "success"}


async def test_an_environment_url_may_come_from_a_step(runner):
    """What GitHub allows in `environment.url` is accepted."""
    text = """
        on: workflow_dispatch
        jobs:
          a:
            runs-on: x
            environment: {name: prod, url: "${{ steps.s.outputs.url }}"}
            permissions: {contents: read}
            concurrency: {group: "g-${{ github.ref }}"}
            steps: [{id: s, run: 'true'}]
        """
    assert await runner.run(text) == "success"

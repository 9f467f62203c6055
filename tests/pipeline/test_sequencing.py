"""Which steps start, are skipped or cancelled, and how a pipeline ends."""

import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perdure.pipeline import (
    Conclusion,
    JobResult,
    Sequencer,
    SequencerState,
    compile_pipeline,
    evaluate,
    read_pipeline,
)
from perdure.pipeline.job_table import JobTable
from perdure.pipeline.running import JobState, first_jobs

SUCCESS, FAILURE = JobResult(conclusion=Conclusion.SUCCESS), JobResult(conclusion=Conclusion.FAILURE)
CANCELLED = JobResult(conclusion=Conclusion.CANCELLED)


def sequencer(steps, state=None, **inputs):
    head = "name: p\ninputs: {go: {type: boolean, default: true}}\nsteps:\n"
    return Sequencer(compile_pipeline(read_pipeline(head + steps), inputs), {"id": "p/1"}, state)


def run_to_the_end(sequencer, results):
    """Finish every job as it starts, and return how each ended and the pipeline's conclusion."""
    while True:
        moves = sequencer.moves()
        if moves.conclusion is not None:
            return {key: one.conclusion.value for key, one in sequencer.results.items()}, moves.conclusion
        assert moves.start
        for key in moves.start:
            sequencer.finish(key, results.get(key, SUCCESS))


def action(if_=None, **fields):
    condition = f', if: "{if_}"' if if_ is not None else ""
    named = "".join(f", {key.replace('_', '-')}: {value}" for key, value in fields.items())
    return f"{{action: o/r/w.yml{condition}{named}}}"


AFTER_FAILURE = "always() && steps.a.outcome == 'failure'"
CHAIN = f"  a: {action()}\n  b: {action(needs='a')}\n"


@pytest.mark.parametrize(
    ("steps", "failing", "ends", "conclusion"),
    [
        pytest.param(CHAIN, [], "success success", "success", id="all-succeed"),
        pytest.param(CHAIN, ["a"], "failure skipped", "failure", id="what-needs-a-failure-is-skipped"),
        pytest.param(
            f"  a: {action(continue_on_error='true')}\n  b: {action(needs='a')}\n",
            ["a"],
            "failure success",
            "success",
            id="a-forgiven-failure-lets-others-run",
        ),
        pytest.param(
            CHAIN + f"  c: {action(needs='b', if_='always()')}\n",
            ["a"],
            "failure skipped success",
            "failure",
            id="always-runs-after-anything",
        ),
        pytest.param(
            CHAIN + f"  c: {action(needs='b', if_='failure()')}\n",
            ["a"],
            "failure skipped success",
            "failure",
            id="failure-sees-distant-failures",
        ),
        pytest.param(
            CHAIN + f"  c: {action(needs='b', if_='failure()')}\n",
            [],
            "success success skipped",
            "success",
            id="failure-does-not-run-after-success",
        ),
        pytest.param(
            CHAIN + f"  c: {action(needs='b', if_='always()')}\n  d: {action(needs='c')}\n",
            ["a"],
            "failure skipped success skipped",
            "failure",
            id="success-is-asked-of-everything-before-as-at-github",
        ),
        pytest.param(
            f"  a: {action(if_='!inputs.go')}\n  b: {action(needs='a')}\n",
            [],
            "skipped skipped",
            "success",
            id="a-skip-goes-on-down-the-line",
        ),
        pytest.param(
            CHAIN + f"  c: {action(needs='b', if_='inputs.go')}\n",
            ["b"],
            "success failure skipped",
            "failure",
            id="a-condition-without-status-function-asks-for-success-too",
        ),
        pytest.param(
            f"  a: {action()}\n  b: {action(needs='a', if_=AFTER_FAILURE)}\n",
            ["a"],
            "failure success",
            "failure",
            id="conditions-read-results",
        ),
        pytest.param(
            f"  a: {action()}\n  b: {action()}\n  c: {action(needs='[a, b]')}\n",
            ["a"],
            "failure success skipped",
            "failure",
            id="steps-beside-a-failure-go-on",
        ),
        pytest.param(
            f"  a: {action(outputs='{n: integer}')}\n"
            + f"  b: {action(needs='a', if_='steps.a.outputs.n > 1')}\n",
            [],
            "success failure",
            "failure",
            id="a-condition-without-a-value-fails-its-step",
        ),
    ],
)
def test_steps_run_as_at_github(steps, failing, ends, conclusion):
    """Conditions mean what they mean in GitHub's workflow files."""
    found, concluded = run_to_the_end(sequencer(steps), dict.fromkeys(failing, FAILURE))
    assert [found[key] for key in sorted(found)] == ends.split()
    assert concluded == conclusion


MATRIX = f"  m: {action(matrix='{i: [1, 2, 3, 4]}', max_parallel=2)}\n"


def test_at_most_so_many_jobs_of_a_matrix_run_at_a_time():
    """Another starts when one ends, in the order of the matrix."""
    one = sequencer(MATRIX)
    assert one.moves().start == ("m[1]", "m[2]")
    assert one.moves().start == ()
    one.finish("m[2]", SUCCESS)
    assert one.moves().start == ("m[3]",)


def test_a_failing_job_cancels_the_rest_of_its_matrix():
    """What runs is told to be cancelled, what waits never starts."""
    one = sequencer(MATRIX)
    one.moves()
    one.finish("m[1]", FAILURE)
    moves = one.moves()
    assert (moves.start, moves.cancel, moves.ended, moves.conclusion) == (
        (),
        ("m[2]",),
        ("m[3]", "m[4]"),
        None,
    )
    one.finish("m[2]", CANCELLED)
    assert one.moves().conclusion is Conclusion.FAILURE


def test_a_matrix_that_does_not_fail_fast_runs_to_its_end():
    """All jobs run, and the step has failed all the same."""
    one = sequencer(MATRIX.replace("max-parallel: 2", "fail-fast: false"))
    found, concluded = run_to_the_end(one, {"m[1]": FAILURE})
    assert list(found.values()) == ["failure", "success", "success", "success"]
    assert concluded is Conclusion.FAILURE


def test_a_cancelled_pipeline_stops_all_but_what_wants_to_run_then():
    """Running jobs are cancelled unless their condition holds now too; ``cancelled()`` steps run."""
    steps = (
        f"  a: {action()}\n  watch: {action(if_='always()')}\n  b: {action(needs='a')}\n"
        f"  clean: {action(needs='[a, watch]', if_='cancelled()')}\n"
    )
    one = sequencer(steps)
    assert one.moves().start == ("a", "watch")
    one.cancel()
    assert one.moves().cancel == ("a",)
    one.finish("a", CANCELLED)
    assert one.moves().ended == ("b",)
    one.finish("watch", SUCCESS)
    assert one.moves().start == ("clean",)
    one.finish("clean", SUCCESS)
    assert one.moves().conclusion is Conclusion.CANCELLED


def test_a_cancellation_after_the_end_changes_nothing():
    """A pipeline that succeeded stays so."""
    one = sequencer(CHAIN)
    run_to_the_end(one, {})
    one.cancel()
    assert one.moves().conclusion is Conclusion.SUCCESS


def test_the_same_end_told_twice_changes_nothing():
    """News may come twice, and the first counts."""
    one = sequencer(CHAIN)
    one.moves()
    one.finish("a", SUCCESS)
    one.finish("a", FAILURE)
    assert one.results["a"].conclusion is Conclusion.SUCCESS


def test_compensations_run_in_reverse_order_of_success():
    """What succeeded last is undone first; what failed or was skipped is not undone."""
    undo = "compensate: [{action: o/r/undo.yml}, {action: o/r/more.yml}]"
    steps = "".join(f"  {name}: {{action: o/r/{name}.yml, {undo}}}\n" for name in "abc")
    steps += f"  d: {action(needs='[a, b, c]', compensate='{action: o/r/never.yml}')}\n"
    one = sequencer(steps)
    one.moves()
    for key in ("c", "a"):
        one.finish(key, SUCCESS)
    one.finish("b", FAILURE)
    one.moves()
    undone = [(each.job_key, each.call.action) for each in one.compensations()]
    assert undone == [(key, f"o/r/{call}.yml") for key in ("a", "c") for call in ("undo", "more")]


def test_later_steps_read_results_jobs_and_answers():
    """Expressions see conclusions, reasons, outputs, forms, and a matrix's jobs in order."""
    steps = (
        f"  m: {action(matrix='{os: [linux, mac]}', outputs='{n: integer}')}\n"
        "  ask: {approval: {form: {percent: {type: integer, default: 10}}}}\n"
        f"  last: {action(needs='[m, ask]')}\n"
    )
    one = sequencer(steps)
    for number, key in enumerate(one.moves().start):
        outputs = {"n": number} if key.startswith("m") else {}
        form = {"percent": 25} if key == "ask" else {}
        one.finish(key, JobResult(conclusion=Conclusion.SUCCESS, outputs=outputs, form=form, reason="fine"))
    one.moves()
    contexts = one.contexts("last")
    assert evaluate("steps.m.jobs.map(job, job.outputs.n)", contexts) == [0, 1]
    assert evaluate("steps.m.jobs[1].matrix.os + pipeline.id", contexts) == "macp/1"
    assert evaluate("steps.ask.form.percent * 2", contexts) == 50
    assert evaluate("steps.ask.reason + steps.m.conclusion", contexts) == "finesuccess"


def test_results_that_are_kept_are_not_made_again():
    """A retried pipeline runs what failed and what comes after it."""
    kept = SequencerState(results={"a": SUCCESS.model_copy(update={"outputs": {"x": 1}})})
    one = sequencer(CHAIN + f"  c: {action(needs='b')}\n", kept)
    assert one.moves().start == ("b",)
    assert one.results["a"].outputs == {"x": 1}


NAMES = "abcdefgh"
CONDITIONS = (
    None,
    "always()",
    "failure()",
    "cancelled()",
    "inputs.go",
    "success() || failure()",
    "!cancelled()",
)


@st.composite
def pipelines(draw):
    """Draw a pipeline of any shape, with needs that point backwards."""
    lines = []
    for position, name in enumerate(NAMES[: draw(st.integers(1, len(NAMES)))]):
        fields = {}
        if position:
            needs = draw(st.lists(st.sampled_from(NAMES[:position]), max_size=3, unique=True))
            fields["needs"] = f"[{', '.join(needs)}]"
        if (condition := draw(st.sampled_from(CONDITIONS))) is not None:
            fields["if_"] = condition
        if draw(st.booleans()):
            fields["matrix"] = f"{{i: {list(range(draw(st.integers(1, 4))))}}}"
            fields["fail_fast"] = draw(st.sampled_from(["true", "false"]))
            if draw(st.booleans()):
                fields["max_parallel"] = draw(st.integers(1, 3))
        fields["continue_on_error"] = draw(st.sampled_from(["true", "false"]))
        lines.append(f"  {name}: {action(**fields)}\n")
    return "".join(lines)


@settings(max_examples=100, deadline=None)
@given(pipelines(), st.data())
def test_every_job_ends_once_and_starts_after_what_it_needs(steps, data):
    """Whatever happens in whatever order, and wherever the state is carried over to another run."""
    one = sequencer(steps)
    running, told, started = [], [], set()
    conclusion = None
    while conclusion is None:
        moves = one.moves()
        conclusion = moves.conclusion
        told += moves.ended
        for key in moves.start:
            assert key not in started
            needs = one_step(one, key).needs
            ended = {job.key for need in needs for job in step_named(one, need).jobs}
            assert ended <= set(one.results), "a step starts when all that it needs has ended"
            started.add(key)
            running.append(key)
        assert set(moves.cancel) <= set(running)
        for step in one._pipeline.steps:
            at_most = step.definition.max_parallel or len(step.jobs)
            assert sum(job.key in running for job in step.jobs) <= at_most
        if conclusion is not None:
            break
        assert running, "a pipeline that is not over has something that runs"
        match data.draw(st.sampled_from(["finish"] * 6 + ["cancel", "carry over"])):
            case "cancel":
                one.cancel()
            case "carry over":
                state = SequencerState.model_validate_json(one.state.model_dump_json())
                again = Sequencer(one._pipeline, {"id": "p/1"}, state)
                assert again.moves().start == ()
                assert again.results == one.results
                assert set(again.state.started) == set(running)
                one = again
            case _:
                key = running.pop(data.draw(st.integers(0, len(running) - 1)))
                one.finish(key, data.draw(st.sampled_from([SUCCESS, SUCCESS, FAILURE, CANCELLED])))
                told.append(key)
    every = [job.key for step in one._pipeline.steps for job in step.jobs]
    assert sorted(told) == sorted(every), "each job ends exactly once"
    assert set(one.results) == set(every)
    assert not running
    assert sorted(result.position for result in one.results.values()) == list(range(len(every)))


def step_named(sequencer, name):
    return next(step for step in sequencer._pipeline.steps if step.name == name)


def one_step(sequencer, key):
    return step_named(sequencer, key.partition("[")[0])


def matrix_of(count, **fields):
    return f"  all: {action(matrix='{n: [' + ', '.join(map(str, range(count))) + ']}', **fields)}\n"


def chain_of(count):
    needs = [f", needs: s{number - 1}" if number else "" for number in range(count)]
    return "".join(f"  s{number}: {{wait: 1s{need}}}\n" for number, need in enumerate(needs))


def calls_of(steps):
    """Count the functions that are called while every job is started, shown and finished."""
    pipeline = compile_pipeline(read_pipeline("name: p\nsteps:\n" + steps))
    table = JobTable(first_jobs(pipeline))
    sequenced = Sequencer(pipeline, {})
    calls = 0

    def count(_frame, event, _argument):
        nonlocal calls
        calls += event in {"call", "c_call"}

    sys.setprofile(count)
    try:
        while (moves := sequenced.moves()).conclusion is None:
            for key in moves.start:
                table.update(key, state=JobState.RUNNING)
                table.markdown("p")
            for key in moves.start:
                sequenced.contexts(key)
                sequenced.finish(key, SUCCESS)
                table.update(key, state=JobState.SUCCESS)
                table.markdown("p")
    finally:
        sys.setprofile(None)
    assert len(sequenced.results) == len(table.rows)
    return calls


@pytest.mark.parametrize(
    "steps",
    [
        pytest.param(lambda count: matrix_of(count), id="side-by-side"),
        pytest.param(lambda count: matrix_of(count, max_parallel=5), id="five-at-a-time"),
        pytest.param(chain_of, id="one-after-the-other"),
    ],
)
def test_a_job_costs_the_same_in_a_large_pipeline(steps):
    """Four times the jobs are four times the work: nothing looks at all jobs because one has changed."""
    assert calls_of(steps(800)) < 4.4 * calls_of(steps(200))

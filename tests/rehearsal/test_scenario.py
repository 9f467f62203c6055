"""Scenarios, and what they make of a pipeline."""

from datetime import timedelta

import pytest

from perdure.errors import PipelineFileError
from perdure.pipeline import compile_pipeline, read_pipeline
from perdure.pipeline.plan import PlannedAction
from perdure.pipeline.planning import outline
from perdure.pipeline.rehearsing import REHEARSAL_QUEUE, differences, failures_of, joined, rehearsed
from perdure.pipeline.scenario import Answer, Outcome, Scenario, read_scenario

TEXT = """
name: release
notify: [{on: [success], webhook: 'env:HOOK'}]
defaults: {owner: acme, adopt-window: 1h, retry: {attempts: 3, delay: 5m}}
steps:
  test: {action: library/test.yml, matrix: {os: [linux, mac]}, inputs: {os: '${{ matrix.os }}'}}
  calm: {needs: test, wait: 2h}
  publish:
    needs: calm
    action: library/publish.yml
    timeout: 2h
    compensate: {action: library/yank.yml}
  tell: {needs: publish, run: 'mine.people:tell', outputs: {heard: integer}}
  approve: {needs: tell, approval: {approvers: [alice], timeout: 24h, remind: 1h}}
"""


@pytest.fixture
def compiled():
    return compile_pipeline(read_pipeline(TEXT))


@pytest.fixture
def plan(compiled):
    return outline(compiled, {}).plan(compiled, {})


def definition(pipeline, name):
    return next(step.definition for step in pipeline.steps if step.name == name)


def test_a_scenario_says_how_steps_end_and_approvals_are_decided(compiled):
    """A step's name holds for all its jobs, a job's key for that one; the rest goes well."""
    text = """
steps:
  test[linux]: flaky
  publish: {outcome: fail, times: 2}
compensations: {publish: fail}
approvals: {approve: {answer: reject}}
variables: {acme/library: {SMOKE: fail}}
"""
    scenario = read_scenario(text, "s.yaml", compiled)
    assert [scenario.of_step("test[linux]").at(n) for n in (1, 2)] == [Outcome.FLAKY, Outcome.PASS]
    assert scenario.of_step("test[mac]").at(1) is Outcome.PASS
    fails = scenario.of_step("publish")
    assert [fails.at(n) for n in (1, 2, 3)] == [Outcome.FAIL, Outcome.FAIL, Outcome.PASS]
    assert scenario.of_compensation("publish").at(7) is Outcome.FAIL
    assert scenario.of_approval("approve").answer is Answer.REJECT
    assert scenario.of_approval("other").answer is Answer.APPROVE


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "steps: {publsh: fail}",
            "s.yaml:1:9: the pipeline has no step that runs something 'publsh'; did",
        ),
        ("steps: {publish: explode}", "s.yaml:1:18:"),
        ("approvals: {publish: reject}", "the pipeline has no approval 'publish'"),
        ("step: {publish: fail}", "unknown key 'step'; did you mean steps?"),
        ("", "the scenario is empty"),
        ("- publish", "must hold keys and values"),
    ],
)
def test_what_is_wrong_with_a_scenario_is_said_with_its_place(compiled, text, said):
    """A scenario that names what is not there would silently test nothing."""
    with pytest.raises(PipelineFileError) as wrong:
        read_scenario(text, "s.yaml", compiled)
    assert said in str(wrong.value)


def test_what_takes_long_or_reaches_out_is_left_out_and_named(plan):
    """Pauses, notifications, code of people's own: none happens, and each stands in the report."""
    fitted = rehearsed(plan, Scenario())
    assert definition(fitted.pipeline, "calm").wait == "0s"
    assert definition(fitted.pipeline, "tell").run == "rehearsal:tell"
    assert definition(fitted.pipeline, "tell").queue == REHEARSAL_QUEUE
    approval = definition(fitted.pipeline, "approve").approval
    assert approval.remind is None
    assert approval.timeout == timedelta(minutes=1)
    publish = definition(fitted.pipeline, "publish")
    assert publish.adopt_window == timedelta(0)
    assert publish.retry.attempts == 3
    assert publish.retry.delay < timedelta(seconds=1)
    assert publish.timeout.run == timedelta(hours=2)
    assert publish.compensate[0].retry.delay < timedelta(seconds=1)
    assert fitted.pipeline.notify == ()
    assert fitted.left_out == (
        "calm does not wait: 2h",
        "tell does not run mine.people:tell: its outputs are made up",
        "nobody is notified: 1 entry of notify",
    )


def test_what_hangs_is_not_waited_for_as_long_as_really(plan):
    """Only the step that hangs has a short limit, and only the approval that expires."""
    scenario = Scenario.model_validate(
        {"steps": {"publish": Outcome.HANG}, "approvals": {"approve": Answer.EXPIRE}}
    )
    pipeline = rehearsed(plan, scenario).pipeline
    assert definition(pipeline, "publish").timeout.run < timedelta(seconds=30)
    assert definition(pipeline, "test").timeout.run is None
    assert definition(pipeline, "approve").approval.timeout < timedelta(seconds=30)


def test_each_step_fails_once_in_the_pipeline_s_order(plan):
    """A matrix is one step; what only waits cannot fail."""
    assert [title for title, _ in failures_of(plan)] == [
        "test fails",
        "publish fails",
        "tell fails",
        "approve is rejected",
    ]
    scenarios = dict(failures_of(plan))
    assert scenarios["test fails"].of_step("test[mac]").outcome is Outcome.FAIL
    assert scenarios["approve is rejected"].of_approval("approve").answer is Answer.REJECT


def test_a_scenario_holds_in_every_variant(plan):
    """What fails in turn comes on top of it."""
    own = Scenario.model_validate({"steps": {"test": Outcome.FLAKY, "publish": Outcome.FLAKY}})
    both = joined(own, Scenario.model_validate({"steps": {"publish": Outcome.FAIL}}))
    assert both.of_step("test[mac]").outcome is Outcome.FLAKY
    assert both.of_step("publish").outcome is Outcome.FAIL


def test_equal_plans_have_no_differences(plan):
    """What was rehearsed is then what will run."""
    assert list(differences(plan, plan)) == []


def test_each_difference_between_plans_is_named(plan):
    """A commit that moved, an input, a job that is gone: a rehearsal of something else proves nothing."""
    first, *others = plan.actions
    moved = first.model_copy(update={"sha": "b" * 40})
    other = plan.model_copy(update={"actions": (moved, *others)})
    assert list(differences(plan, other)) == [
        f"{first.key}: the commit is {first.sha} really, and {'b' * 40} in the rehearsal"
    ]
    inputs = plan.model_copy(update={"actions": (first.model_copy(update={"inputs": {"os": "x"}}), *others)})
    assert list(differences(plan, inputs)) == [f"{first.key}: the inputs differ"]
    gone = plan.model_copy(update={"actions": tuple(others), "compensations": ()})
    assert list(differences(plan, gone)) == [
        f"{first.key} is only in the real plan",
        "what undoes publish is only in the real plan",
    ]
    asked = plan.model_copy(update={"approvals": ()})
    assert list(differences(plan, asked)) == ["the approvals differ"]


def test_several_actions_that_undo_one_job_are_compared_one_by_one(plan):
    """They share the job's key."""
    undo = (
        PlannedAction(key="publish", action="a/b/c.yml"),
        PlannedAction(key="publish", action="a/b/d.yml"),
    )
    one, other = (plan.model_copy(update={"compensations": pair}) for pair in (undo, undo[::-1]))
    assert list(differences(one, one)) == []
    assert len(list(differences(one, other))) == 2

"""Fleet files: what they may say, and how their mistakes are told."""

from datetime import timedelta

import pytest

from perdure.errors import FleetFileError, PipelineFileError
from perdure.model.fleet import ListedItems, OrganizationItems, PagedItems, Tier
from perdure.model.fleet_progress import FleetInput, OrganizationInput
from perdure.pipeline import read_pipeline
from perdure.pipeline.fleet_compiling import compile_fleet, source_of
from perdure.pipeline.fleet_file import read_fleet

ITEMS = ListedItems(items=("a",))


def mistakes(text):
    """Return what is wrong with a file, as line:column: message."""
    with pytest.raises(FleetFileError) as caught:
        read_fleet(text)
    assert isinstance(caught.value, PipelineFileError)
    assert [one["file"] for one in caught.value.problems] == ["fleet.yaml"] * len(caught.value.problems)
    return [line.removeprefix("fleet.yaml:") for line in str(caught.value).splitlines()]


def test_every_mistake_is_told_at_once_and_in_its_place():
    """Whoever writes a file mends all of it in one go."""
    assert mistakes("""
name: nightly
items: [acme/one, acme/one]
wrkflow: X
tier: gold
tier-queue: q
max-parallel: 0
failure-threshold: 300%
input: {a: "${{ itm.x }}"}
alert: {webhook: https://example.test/x, issues: acme/ops}
timeout: 4
""") == [
        "2:1: the fleet does nothing: give it one of workflow, activity, pipeline or review",
        "3:19: 'acme/one' is the same item as number 1: leave one of them out",
        "4:1: unknown key 'wrkflow'; did you mean workflow?",
        "5:1: whose tier is it? Name the organization",
        "5:7: must be starter, pro or enterprise, not 'gold'",
        "6:13: 'q' is no tier queue: write a queue's name with {tier} in it",
        "7:15: must be at least 1, not 0",
        "8:20: '300%' is no part of the items: write 25%, or a number from 0 to 1",
        "9:17: 'itm.x' is not known here: write item, or a part of it such as item.name",
        "10:18: is no secret reference; use a reference: env:NAME, file:PATH or keyring:SERVICE/NAME",
        "10:42: unknown key 'issues'; did you mean issue?",
        "11:10: 4 has no unit: write 4s, 4m, 4h or 4d",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", ["1:1: the file is empty: begin with name:, items: and what is done"]),
        ("- a", ["1:1: the file must hold keys and values: begin with name:, items: and what is done"]),
        ("name: [", ["1:8: not YAML: did not find expected node content"]),
        (
            "name: x\nitems: 3\nworkflow: W",
            ["2:8: must be a mapping (key: value), not the number 3"],
        ),
        (
            "name: x\nitems: [a]\nworkflow: W\nactivity: A",
            ["4:1: a fleet does one thing: workflow and activity are two"],
        ),
        (
            "name: x\nitems: {organization: acme, file: x.txt, with: {a: 1}}\nworkflow: W",
            [
                "2:8: say where the items are by one of file, organization or activity",
                "2:42: with belongs to activity",
            ],
        ),
        (
            "name: x\nitems: [a]\nreview: {use-modl: true, max-parallel: 0}\ninput: {a: 1}",
            [
                "3:10: unknown key 'use-modl'; did you mean use-model?",
                "3:40: must be at least 1, not 0",
                "4:1: a review takes the repository alone: leave input out",
            ],
        ),
        (
            "name: x\nitems: [a]\nworkflow: W\ntask-queue: q\norganization: acme\ntier: pro",
            ["4:1: tier names the task queue already"],
        ),
        (
            "name: x\nitems: [a]\nworkflow: W\nattempts: 3",
            ["4:1: only an activity is tried again; what failed is started anew by fleet retry"],
        ),
    ],
)
def test_a_mistake_says_what_is_allowed(text, said):
    """A message names the place, what is wrong, and what to write instead."""
    found = mistakes(text)
    if "not YAML" in said[0]:
        assert found[0].startswith("1:")
        assert "not YAML" in found[0]
    else:
        assert found == said


def test_a_file_becomes_a_fleet():
    """What is written is what is run; what is not written has the documented defaults."""
    file = read_fleet(
        "name: n\nitems: [a]\nworkflow: W\ntask-queue: q\nmax-parallel: 3\nfailure-threshold: 5%"
    )
    input = compile_fleet(file, ITEMS, requester="carol")
    assert isinstance(input, FleetInput)
    assert (input.work.workflow, input.work.task_queue, input.work.input) == ("W", "q", "${{ item }}")
    assert (input.max_parallel, input.failure_threshold, input.chunk_size) == (3, 0.05, 100)
    assert input.work.timeout == timedelta(hours=4)
    assert input.digest == compile_fleet(file, ITEMS, requester="alice").digest
    assert input.digest != compile_fleet(file, ListedItems(items=("b",))).digest


def test_an_organisation_with_a_tier_runs_on_its_queues():
    """The tier of the file decides, and `review` is the workflow that reviews a repository."""
    file = read_fleet(
        "name: n\nitems: {organization: acme, match: 's-*'}\nreview: {use-model: false}\ntier: pro"
    )
    items = source_of(file)
    assert items == OrganizationItems(organization="acme", match="s-*")
    input = compile_fleet(file, items)
    assert isinstance(input, OrganizationInput)
    assert (input.tier, input.tier_queue) == (Tier.PRO, "perdure-review-{tier}")
    assert input.work.workflow == "RepositoryAnalysisWorkflow"
    assert input.work.input == {"repository": "${{ item }}", "policy": {"use_model": False, "publish": False}}


def test_items_may_come_from_an_activity():
    """A source of one's own is asked for pages."""
    file = read_fleet("name: n\nitems: {activity: list_all, task-queue: q, with: {a: 1}}\nworkflow: W")
    assert source_of(file) == PagedItems(activity="list_all", task_queue="q", arguments={"a": 1})


def test_a_pipeline_is_carried_whole():
    """Its worker needs no file."""
    pipeline = read_pipeline("name: p\ninputs: {repo: {type: string}}\nsteps: {a: {wait: 1s}}")
    file = read_fleet('name: n\nitems: [a]\npipeline: p.yaml\ninput: {repo: "${{ item }}"}')
    work = compile_fleet(file, ITEMS, pipeline=(pipeline, {})).work
    assert work.pipeline.file["name"] == "p"
    assert work.input == {"repo": "${{ item }}"}

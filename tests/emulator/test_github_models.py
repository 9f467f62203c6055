"""Every endpoint's answers parse as the models generated from GitHub's own API description."""

import warnings

import httpx
import pytest

from emulator.pull_models import use_pulls
from emulator.workflow_texts import REPOSITORY
from perdure.emulator import OCTOCAT, GitHubEmulator, Team, Webhook
from perdure.emulator.api import PARTS

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from githubkit import AppAuthStrategy, GitHub

OWNER, NAME = REPOSITORY.split("/")
WITHOUT_MODEL = {"POST /graphql"}


@pytest.fixture
async def busy(root, app):
    """An emulator that has something to show at every endpoint."""
    team = Team(organization="octo-org", slug="core", members=("octocat",))
    settings = {
        "apps": (app,),
        "tokens": {"person": OCTOCAT.login},
        "teams": (team,),
        "variables": {REPOSITORY: {"COLOUR": "blue"}},
        # A port that nobody listens on: deliveries fail, and are recorded.
        "webhook": Webhook(url="http://127.0.0.1:9/hook", secret="s"),
    }
    async with GitHubEmulator(root, **settings) as emulator:
        yield emulator


@pytest.fixture
def kit(busy):
    def make(auth):
        transport = httpx.ASGITransport(app=busy.app)
        options = {"http_cache": False, "auto_retry": False, "async_transport": transport}
        return GitHub(auth, base_url="http://localhost", **options)

    return make


async def parsed(answer, status=200):
    """Await an answer and parse it as the model that the generated client expects."""
    found = await answer
    assert found.status_code == status
    has_model = "application/json" in found.headers.get("content-type", "") and found.text != "{}"
    return found.parsed_data if has_model else None


async def test_every_endpoint_answers_as_githubs_models_say(busy, kit, app, private_key):
    """Each endpoint is called through the generated client, and none is left out."""
    person = kit("person")
    run = await _dispatch(busy, person)
    await _read_runs(person, run)
    await _read_jobs(person, run)
    await _read_artifacts(person, run)
    await _read_repository(person)
    await _read_people_and_variables(person)
    await _use_app(kit(AppAuthStrategy(str(app.id), private_key)), kit, busy)
    await use_pulls(person, busy.root, parsed)
    await _change_runs(busy, person, run)

    registered = {f"{one.method} {one.path}" for part in PARTS for one in part.endpoints}
    assert registered - set(busy.requests.counts) == WITHOUT_MODEL


async def _dispatch(busy, person):
    actions = person.rest.actions
    await parsed(actions.async_list_repo_workflows(OWNER, NAME))
    await parsed(actions.async_get_workflow(OWNER, NAME, "echo.yml"))
    await parsed(actions.async_disable_workflow(OWNER, NAME, "echo.yml"), 204)
    await parsed(actions.async_enable_workflow(OWNER, NAME, "echo.yml"), 204)
    dispatch = actions.async_create_workflow_dispatch(
        OWNER, NAME, "echo.yml", ref="main", inputs={"message": "hi"}
    )
    details = await parsed(dispatch)
    await busy.idle()
    return details.workflow_run_id


async def _read_runs(person, run):
    actions = person.rest.actions
    listed = await parsed(actions.async_list_workflow_runs_for_repo(OWNER, NAME))
    assert [one.id for one in listed.workflow_runs] == [run]
    await parsed(actions.async_list_workflow_runs(OWNER, NAME, "echo.yml"))
    found = await parsed(actions.async_get_workflow_run(OWNER, NAME, run))
    assert found.conclusion == "success"
    await parsed(actions.async_get_workflow_run_attempt(OWNER, NAME, run, 1))
    await parsed(actions.async_get_workflow_run_usage(OWNER, NAME, run))
    await parsed(actions.async_get_pending_deployments_for_run(OWNER, NAME, run))
    await parsed(actions.async_get_reviews_for_run(OWNER, NAME, run))


async def _read_jobs(person, run):
    actions, checks = person.rest.actions, person.rest.checks
    listed = await parsed(actions.async_list_jobs_for_workflow_run(OWNER, NAME, run))
    await parsed(actions.async_list_jobs_for_workflow_run_attempt(OWNER, NAME, run, 1))
    job = (await parsed(actions.async_get_job_for_workflow_run(OWNER, NAME, listed.jobs[0].id))).id
    await parsed(actions.async_download_job_logs_for_workflow_run(OWNER, NAME, job))
    await parsed(actions.async_download_workflow_run_logs(OWNER, NAME, run))
    await parsed(actions.async_download_workflow_run_attempt_logs(OWNER, NAME, run, 1))
    await parsed(checks.async_get(OWNER, NAME, job))
    said = await parsed(checks.async_list_annotations(OWNER, NAME, job))
    assert [one.message for one in said] == ["hi"]


async def _read_artifacts(person, run):
    actions = person.rest.actions
    listed = await parsed(actions.async_list_workflow_run_artifacts(OWNER, NAME, run))
    artifact = listed.artifacts[0].id
    assert (await parsed(actions.async_list_artifacts_for_repo(OWNER, NAME))).total_count == 1
    await parsed(actions.async_get_artifact(OWNER, NAME, artifact))
    await parsed(actions.async_download_artifact(OWNER, NAME, artifact, "zip"))
    await parsed(actions.async_delete_artifact(OWNER, NAME, artifact), 204)


async def _read_repository(person):
    repos, git = person.rest.repos, person.rest.git
    await parsed(repos.async_get(OWNER, NAME))
    await parsed(repos.async_list_for_authenticated_user())
    await parsed(repos.async_list_for_org(OWNER))
    await parsed(repos.async_list_for_user(OWNER))
    await parsed(repos.async_list_branches(OWNER, NAME))
    sha = (await parsed(repos.async_get_branch(OWNER, NAME, "main"))).commit.sha
    await parsed(repos.async_list_tags(OWNER, NAME))
    await parsed(repos.async_list_commits(OWNER, NAME))
    commit = await parsed(repos.async_get_commit(OWNER, NAME, "main"))
    await parsed(repos.async_get_collaborator_permission_level(OWNER, NAME, "octocat"))
    file = await parsed(repos.async_get_content(OWNER, NAME, "README.md"))
    await parsed(repos.async_get_content(OWNER, NAME, ".github/workflows"))
    await parsed(person.arequest("GET", f"/repos/{REPOSITORY}/contents"))
    await parsed(repos.async_get_readme(OWNER, NAME))
    await parsed(git.async_list_matching_refs(OWNER, NAME, "heads/ma"))
    await parsed(git.async_get_ref(OWNER, NAME, "heads/main"))
    await parsed(person.arequest("GET", f"/repos/{REPOSITORY}/git/refs/heads/main"))
    await parsed(git.async_get_commit(OWNER, NAME, sha))
    await parsed(git.async_get_tree(OWNER, NAME, commit.commit.tree.sha, recursive="1"))
    await parsed(git.async_get_blob(OWNER, NAME, file.sha))
    status = repos.async_create_commit_status(OWNER, NAME, sha, state="success", context="ci")
    await parsed(status, 201)
    await parsed(repos.async_list_commit_statuses_for_ref(OWNER, NAME, sha))
    assert (await parsed(repos.async_get_combined_status_for_ref(OWNER, NAME, sha))).state == "success"


async def _read_people_and_variables(person):
    actions, users = person.rest.actions, person.rest.users
    await parsed(users.async_get_authenticated())
    await parsed(users.async_get_by_username("octocat"))
    await parsed(users.async_get_by_id(OCTOCAT.id))
    await parsed(person.rest.teams.async_get_membership_for_user_in_org("octo-org", "core", "octocat"))
    await parsed(actions.async_create_repo_variable(OWNER, NAME, name="size", value="big"), 201)
    await parsed(actions.async_update_repo_variable(OWNER, NAME, "SIZE", value="small"), 204)
    listed = await parsed(actions.async_list_repo_variables(OWNER, NAME))
    assert {one.name: one.value for one in listed.variables} == {"COLOUR": "blue", "SIZE": "small"}
    await parsed(actions.async_get_repo_variable(OWNER, NAME, "SIZE"))
    for ask in (
        person.rest.meta.async_root,
        person.rest.meta.async_get,
        person.rest.meta.async_get_all_versions,
    ):
        await parsed(ask())
    await parsed(person.rest.rate_limit.async_get())


async def _use_app(as_app, kit, busy):
    apps = as_app.rest.apps
    await parsed(apps.async_get_authenticated())
    listed = await parsed(apps.async_list_installations())
    number = listed[0].id
    await parsed(apps.async_get_installation(number))
    await parsed(apps.async_get_repo_installation(OWNER, NAME))
    await parsed(apps.async_get_org_installation(OWNER))
    await parsed(apps.async_get_user_installation(OWNER))
    await parsed(apps.async_get_webhook_config_for_app())
    delivery = (await parsed(apps.async_list_webhook_deliveries()))[0].id
    await parsed(apps.async_get_webhook_delivery(delivery))
    await parsed(apps.async_redeliver_webhook_delivery(delivery), 202)
    await busy.idle()
    made = await parsed(apps.async_create_installation_access_token(number, repositories=[NAME]), 201)
    installed = kit(made.token)
    await parsed(installed.rest.apps.async_list_repos_accessible_to_installation())
    await _use_checks(installed)
    await parsed(installed.rest.apps.async_revoke_installation_access_token(), 204)


async def _use_checks(installed):
    checks = installed.rest.checks
    sha = (await parsed(installed.rest.repos.async_get_branch(OWNER, NAME, "main"))).commit.sha
    made = await parsed(checks.async_create(OWNER, NAME, name="review", head_sha=sha), 201)
    note = {
        "path": "README.md",
        "start_line": 1,
        "end_line": 1,
        "annotation_level": "warning",
        "message": "Say more.",
    }
    output = {"title": "t", "summary": "s", "annotations": [note]}
    changed = checks.async_update(
        OWNER, NAME, made.id, status="completed", conclusion="neutral", output=output
    )
    assert (await parsed(changed)).output.annotations_count == 1
    await parsed(checks.async_get(OWNER, NAME, made.id))
    assert len(await parsed(checks.async_list_annotations(OWNER, NAME, made.id))) == 1
    assert (await parsed(checks.async_list_for_ref(OWNER, NAME, "main"))).total_count == 2


async def _change_runs(busy, person, run):
    actions = person.rest.actions
    await parsed(actions.async_re_run_workflow(OWNER, NAME, run), 201)
    await busy.idle()
    jobs = (await parsed(actions.async_list_jobs_for_workflow_run(OWNER, NAME, run))).jobs
    await parsed(actions.async_re_run_job_for_workflow_run(OWNER, NAME, jobs[0].id), 201)
    await busy.idle()
    for number, stop in (
        (1, actions.async_cancel_workflow_run),
        (2, actions.async_force_cancel_workflow_run),
    ):
        slow = await parsed(actions.async_create_workflow_dispatch(OWNER, NAME, "slow.yml", ref="main"))
        await parsed(stop(OWNER, NAME, slow.workflow_run_id), 202)
        await busy.idle()
        assert busy.runs[number].conclusion == "cancelled"
    await parsed(actions.async_re_run_workflow_failed_jobs(OWNER, NAME, busy.runs[1].id), 201)
    await parsed(actions.async_cancel_workflow_run(OWNER, NAME, busy.runs[1].id), 202)
    await busy.idle()
    await parsed(actions.async_delete_workflow_run_logs(OWNER, NAME, run), 204)
    await parsed(actions.async_delete_workflow_run(OWNER, NAME, run), 204)

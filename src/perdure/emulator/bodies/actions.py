"""Bodies of workflows, runs, jobs and artifacts."""

import base64
import json
from datetime import datetime

from perdure.emulator.bodies.accounts import AccountBodies, Body, instant
from perdure.emulator.identifiers import node_id, number_for
from perdure.emulator.records import Artifact, Attempt, Job, Run, Step, WorkflowState
from perdure.emulator.repositories import Repository

_KEPT_RUNS = 1024


class ActionBodies(AccountBodies):
    """Workflows, runs, jobs and artifacts, with one client's URLs."""

    _rendered: dict[int, tuple[int, str]]

    def workflow(self, repository: Repository, workflow: WorkflowState, name: str, at: datetime) -> Body:
        """Return the body of a workflow file; ``at`` is when the default branch was last changed."""
        url = f"{self.links.api}/repos/{repository.full_name}/actions/workflows/{workflow.id}"
        html = f"{self.links.html}/{repository.full_name}"
        return {
            "id": workflow.id,
            "node_id": node_id("W", workflow.id),
            "name": name,
            "path": workflow.path,
            "state": workflow.state,
            "created_at": instant(at),
            "updated_at": instant(at),
            "url": url,
            "html_url": f"{html}/blob/{repository.default_branch}/{workflow.path}",
            "badge_url": f"{html}/workflows/{name}/badge.svg",
        }

    def run_text(self, run: Run) -> str:
        """Return a run's body as JSON, rendered once per change: watchers list a hundred at a time."""
        if not hasattr(self, "_rendered"):
            self._rendered = {}
        kept = self._rendered.get(run.id)
        if kept is None or kept[0] != run.version:
            if len(self._rendered) >= _KEPT_RUNS:
                self._rendered.clear()
            kept = (run.version, json.dumps(self.run(run), separators=(",", ":")))
            self._rendered[run.id] = kept
        return kept[1]

    def run(self, run: Run, attempt: Attempt | None = None) -> Body:
        """Return the body of a run, or of one attempt at it."""
        attempt = attempt or run.current
        url = f"{self.links.api}/repos/{run.repository}/actions/runs/{run.id}"
        suite = number_for("suite", str(run.id))
        earlier = f"{url}/attempts/{attempt.number - 1}" if attempt.number > 1 else None
        return {
            "id": run.id,
            "name": run.title,
            "node_id": node_id("WFR", run.id),
            "head_branch": run.head_branch,
            "head_sha": run.head_sha,
            "path": run.workflow_path,
            "display_title": run.title,
            "run_number": run.number,
            "event": "workflow_dispatch",
            "status": attempt.status,
            "conclusion": attempt.conclusion,
            "workflow_id": run.workflow_id,
            "check_suite_id": suite,
            "check_suite_node_id": node_id("CS", suite),
            "url": url,
            "html_url": f"{self.links.html}/{run.repository}/actions/runs/{run.id}",
            "pull_requests": [],
            "created_at": instant(run.created_at),
            "updated_at": instant(attempt.updated_at),
            "actor": self.account(run.actor),
            "run_attempt": attempt.number,
            "referenced_workflows": [],
            "run_started_at": instant(attempt.started_at),
            "triggering_actor": self.account(attempt.triggering_actor),
            "jobs_url": f"{url}/jobs",
            "logs_url": f"{url}/logs",
            "check_suite_url": f"{self.links.api}/repos/{run.repository}/check-suites/{suite}",
            "artifacts_url": f"{url}/artifacts",
            "cancel_url": f"{url}/cancel",
            "rerun_url": f"{url}/rerun",
            "previous_attempt_url": earlier,
            "workflow_url": f"{self.links.api}/repos/{run.repository}/actions/workflows/{run.workflow_id}",
            "head_commit": self._head_commit(run),
            "repository": self.minimal_repository(run.repository),
            "head_repository": self.minimal_repository(run.repository),
        }

    def job(self, job: Job) -> Body:
        """Return the body of a job."""
        run = self.state.runs[job.run_id]
        api = f"{self.links.api}/repos/{run.repository}"
        picked_up = job.runner_name is not None
        return {
            "id": job.id,
            "run_id": run.id,
            "workflow_name": run.workflow_name,
            "head_branch": run.head_branch,
            "run_url": f"{api}/actions/runs/{run.id}",
            "run_attempt": job.attempt,
            "node_id": node_id("CR", job.id),
            "head_sha": run.head_sha,
            "url": f"{api}/actions/jobs/{job.id}",
            "html_url": f"{self.links.html}/{run.repository}/actions/runs/{run.id}/job/{job.id}",
            "status": job.status,
            "conclusion": job.conclusion,
            "created_at": instant(job.created_at),
            "started_at": instant(job.started_at),
            "completed_at": instant(job.completed_at),
            "name": job.name,
            "steps": [_step(step) for step in job.steps],
            "check_run_url": f"{api}/check-runs/{job.id}",
            "labels": job.labels,
            "runner_id": job.runner_id,
            "runner_name": job.runner_name,
            "runner_group_id": 0 if picked_up else None,
            "runner_group_name": "GitHub Actions" if picked_up else None,
        }

    def artifact(self, artifact: Artifact) -> Body:
        """Return the body of an artifact."""
        run = self.state.runs[artifact.run_id]
        url = f"{self.links.api}/repos/{run.repository}/actions/artifacts/{artifact.id}"
        repository = number_for("repository", run.repository)
        return {
            "id": artifact.id,
            "node_id": base64.b64encode(f"08:Artifact{artifact.id}".encode()).decode(),
            "name": artifact.name,
            "size_in_bytes": artifact.size,
            "url": url,
            "archive_download_url": f"{url}/zip",
            "expired": artifact.expires_at <= self.state.now(),
            "digest": artifact.digest,
            "created_at": instant(artifact.created_at),
            "updated_at": instant(artifact.created_at),
            "expires_at": instant(artifact.expires_at),
            "workflow_run": {
                "id": run.id,
                "repository_id": repository,
                "head_repository_id": repository,
                "head_branch": run.head_branch,
                "head_sha": run.head_sha,
            },
        }

    def _head_commit(self, run: Run) -> Body | None:
        repository = self.repositories.find(*run.repository.split("/"))
        try:
            commit = repository.commit(run.head_sha) if repository else None
        except KeyError:
            commit = None
        if commit is None:
            return None
        return {
            "id": commit.sha,
            "tree_id": commit.tree,
            "message": commit.message,
            "timestamp": instant(commit.committer.at),
            "author": {"name": commit.author.name, "email": commit.author.email},
            "committer": {"name": commit.committer.name, "email": commit.committer.email},
        }


def _step(step: Step) -> Body:
    return {
        "name": step.name,
        "status": step.status,
        "conclusion": step.conclusion,
        "number": step.number,
        "started_at": instant(step.started_at),
        "completed_at": instant(step.completed_at),
    }

"""Bodies of webhook events.

https://docs.github.com/en/webhooks/webhook-events-and-payloads
"""

from perdure.emulator.auth import event_installation
from perdure.emulator.bodies.accounts import Body
from perdure.emulator.bodies.actions import ActionBodies
from perdure.emulator.bodies.pulls import PullBodies
from perdure.emulator.identifiers import node_id
from perdure.emulator.pull_records import PullRequest
from perdure.emulator.records import Job, Run


class EventBodies(ActionBodies, PullBodies):
    """What webhooks carry."""

    def dispatch_event(self, run: Run) -> Body:
        """Return a ``workflow_dispatch`` payload: it has the inputs and no run id."""
        return {
            "inputs": dict(run.inputs),
            "ref": run.ref,
            "workflow": run.workflow_path,
            **self._common(run),
        }

    def run_event(self, action: str, run: Run) -> Body:
        """Return a ``workflow_run`` payload."""
        return {
            "action": action,
            "workflow_run": self.run(run),
            "workflow": self._workflow(run),
            **self._common(run),
        }

    def job_event(self, action: str, run: Run, job: Job) -> Body:
        """Return a ``workflow_job`` payload."""
        return {"action": action, "workflow_job": self.job(job), **self._common(run)}

    def pull_event(self, action: str, pull: PullRequest, sender: str, *, before: str | None = None) -> Body:
        """Return a ``pull_request`` payload; ``before`` is where a branch that moved stood."""
        body: Body = {"action": action, "number": pull.number, "pull_request": self.pull(pull)}
        if before is not None:
            body |= {"before": before, "after": pull.head_sha}
        return {**body, **self._about(pull.repository, sender)}

    def _workflow(self, run: Run) -> Body | None:
        repository = self.repositories.find(*run.repository.split("/"))
        if repository is None:
            return None
        workflow = self.state.workflow(run.repository, run.workflow_path)
        return self.workflow(repository, workflow, run.workflow_name, run.created_at)

    def _common(self, run: Run) -> Body:
        return self._about(run.repository, run.current.triggering_actor)

    def _about(self, name: str, sender: str) -> Body:
        repository = self.repositories.find(*name.split("/"))
        body = self.full_repository(repository) if repository else self.minimal_repository(name)
        common: Body = {"repository": body, "sender": self.account(sender)}
        owner = name.split("/")[0]
        if self._account_type(owner) == "Organization":
            common["organization"] = self.organization(owner)
        installed = event_installation(self.settings, owner)
        if installed is not None:
            common["installation"] = {"id": installed.id, "node_id": node_id("I", installed.id)}
        return common

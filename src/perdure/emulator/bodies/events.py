"""Bodies of webhook events.

https://docs.github.com/en/webhooks/webhook-events-and-payloads
"""

from perdure.emulator.auth import event_installation
from perdure.emulator.bodies.accounts import Body
from perdure.emulator.bodies.actions import ActionBodies
from perdure.emulator.identifiers import node_id
from perdure.emulator.records import Job, Run


class EventBodies(ActionBodies):
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

    def _workflow(self, run: Run) -> Body | None:
        repository = self.repositories.find(*run.repository.split("/"))
        if repository is None:
            return None
        workflow = self.state.workflow(run.repository, run.workflow_path)
        return self.workflow(repository, workflow, run.workflow_name, run.created_at)

    def _common(self, run: Run) -> Body:
        repository = self.repositories.find(*run.repository.split("/"))
        body = self.full_repository(repository) if repository else self.minimal_repository(run.repository)
        common: Body = {"repository": body, "sender": self.account(run.current.triggering_actor)}
        owner = run.repository.split("/")[0]
        if self._account_type(owner) == "Organization":
            common["organization"] = self.organization(owner)
        installed = event_installation(self.settings, owner)
        if installed is not None:
            common["installation"] = {"id": installed.id, "node_id": node_id("I", installed.id)}
        return common

"""What an execution is told about its run."""

from pathlib import Path

from perdure.emulator.execution import JobResult, RunRequest
from perdure.emulator.identifiers import number_for
from perdure.emulator.records import Run
from perdure.emulator.repositories import Repository
from perdure.emulator.settings import EmulatorSettings
from perdure.emulator.state import State


class RunRequests:
    """Makes requests of records."""

    def __init__(self, settings: EmulatorSettings, state: State) -> None:
        self._settings = settings
        self._state = state
        self.folder = state.folder / "work"
        self.html_url = "http://github.localhost"
        self.api_url = "http://api.github.localhost"

    def make(self, run: Run, repository: Repository, text: str) -> RunRequest:
        """Describe the latest attempt of a run."""
        only = run.current.only_jobs
        kept = [job for job in self._state.jobs_of(run.id, run.current.number) if job.is_kept]
        return RunRequest(
            run_id=run.id,
            run_number=run.number,
            run_attempt=run.current.number,
            repository=run.repository,
            workflow_path=run.workflow_path,
            workflow_text=text,
            repository_dir=repository.folder,
            head_sha=run.head_sha,
            ref=run.ref,
            event=self._event(run, repository),
            inputs=run.inputs,
            actor=run.actor,
            actor_id=self._account(run.actor),
            triggering_actor=run.current.triggering_actor,
            server_url=self.html_url,
            api_url=self.api_url,
            variables=self._variables(run.repository),
            work_dir=self.work_dir(run),
            only_jobs=None if only is None else frozenset(only),
            earlier_jobs={
                job.key: JobResult(result=job.conclusion or "", outputs=job.outputs) for job in kept
            },
            repository_id=repository.id,
            owner_id=self._account(repository.owner),
        )

    def work_dir(self, run: Run) -> Path:
        """Return the scratch folder of the latest attempt."""
        return self.folder / f"{run.id}-{run.current.number}"

    def _event(self, run: Run, repository: Repository) -> dict[str, object]:
        """Return what of the event's payload workflow files read; the whole one goes to webhooks."""
        owner = {"login": repository.owner, "id": self._account(repository.owner)}
        return {
            "inputs": dict(run.inputs),
            "ref": run.ref,
            "workflow": run.workflow_path,
            "repository": {
                "id": repository.id,
                "name": repository.name,
                "full_name": repository.full_name,
                "owner": owner,
                "private": True,
                "default_branch": repository.default_branch,
                "html_url": f"{self.html_url}/{repository.full_name}",
            },
            "sender": {"login": run.actor, "id": self._account(run.actor)},
        }

    def _account(self, login: str) -> int:
        known = (user.id for user in self._settings.users if user.login == login)
        return next(known, number_for("user", login))

    def _variables(self, repository: str) -> dict[str, str]:
        found = dict(self._settings.variables.get(repository, {}))
        known = self._state.variables.values()
        return found | {one.name: one.value for one in known if one.repository == repository}

"""The workflow type ``RunGitHubAction``: an action, for clients in any language."""

from temporalio import workflow
from temporalio.exceptions import ApplicationError

from perdure.workflows.building_blocks import run_action

with workflow.unsafe.imports_passed_through():
    from pydantic import ValidationError

    from perdure.activities.failures import application_error
    from perdure.errors import InvalidInputError
    from perdure.model.run_github_action import RunGitHubActionInput, RunGitHubActionResult


@workflow.defn(name="RunGitHubAction")
class RunGitHubActionWorkflow:
    """Runs one action as a child and returns what a client of any language can read.

    Ends with the action, and fails with its error: the failure's type is the error's name, for instance
    ``GitHubActionConclusionError``. Cancelling it cancels the run at GitHub.
    """

    @workflow.run
    async def run(self, input: RunGitHubActionInput) -> RunGitHubActionResult:
        """Run the action to its end."""
        inputs: dict[str, str] = {}
        for pair in input.Inputs:
            if pair.Key in inputs:
                raise application_error(InvalidInputError(f"the input {pair.Key!r} is given twice"))
            inputs[pair.Key] = pair.Value
        try:
            result = await run_action(
                f"{input.Org}/{input.Repo}",
                input.WorkflowFile,
                ref=input.Ref or None,
                inputs=inputs,
                # This workflow's own queue is one of Perdure's: a tier's work stays in the tier.
                task_queue=workflow.info().task_queue,
            )
        except ValidationError as invalid:
            first = invalid.errors()[0]
            msg = f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
            raise application_error(InvalidInputError(msg)) from invalid
        except ApplicationError as failure:
            # The child's own failure, whole: other languages read its type and details.
            raise failure from None
        return RunGitHubActionResult(Status=result.status, Conclusion=result.conclusion, URL=result.html_url)

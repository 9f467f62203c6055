"""The workflow type ``RunGitHubAction``: an action, for clients in any language."""

from temporalio import workflow
from temporalio.exceptions import ApplicationError

from perdure.workflows.building_blocks import first_complaint, run_action

with workflow.unsafe.imports_passed_through():
    from pydantic import JsonValue, ValidationError

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
    async def run(self, input: JsonValue = None) -> RunGitHubActionResult:
        """Run the action to its end.

        The input is :class:`~perdure.model.run_github_action.RunGitHubActionInput` as JSON: it is read here.
        """
        try:
            wanted = RunGitHubActionInput.model_validate(input)
            inputs = _inputs_of(wanted)
            result = await run_action(
                f"{wanted.Org}/{wanted.Repo}",
                wanted.WorkflowFile,
                ref=wanted.Ref or None,
                inputs=inputs,
                # This workflow's own queue is one of Perdure's: a tier's work stays in the tier.
                task_queue=workflow.info().task_queue,
            )
        except ValidationError as invalid:
            complaint = first_complaint(invalid, nowhere="the argument")
            raise application_error(InvalidInputError(complaint)) from invalid
        except ApplicationError as failure:
            # The child's own failure, whole: other languages read its type and details.
            raise failure from None
        return RunGitHubActionResult(Status=result.status, Conclusion=result.conclusion, URL=result.html_url)


def _inputs_of(wanted: RunGitHubActionInput) -> dict[str, str]:
    inputs: dict[str, str] = {}
    for pair in wanted.Inputs or ():
        if pair.Key in inputs:
            raise application_error(InvalidInputError(f"the input {pair.Key!r} is given twice"))
        inputs[pair.Key] = pair.Value
    return inputs

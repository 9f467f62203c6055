"""A workflow of your own with a step that is a GitHub Action."""

from temporalio import workflow

from perdure.workflow import run_action


@workflow.defn
class Greet:
    """Has an Action say hello, and returns what it said."""

    @workflow.run
    async def run(self, name: str) -> str:
        """Run the Action once, whatever happens to this worker meanwhile."""
        inputs = {"wait_time": "5", "message": f"Hello {name}"}
        result = await run_action("acme/wait-then-echo", "wait-and-echo.yaml", ref="main", inputs=inputs)
        return f"{result.conclusion}: {result.outputs['message']} ({result.html_url})"

"""What can be wrong before a run starts, and inside an expression.

* WorkflowFileError      the file cannot be used: the run ends as ``startup_failure``
* DispatchRefusedError   the dispatch is answered 422
* ExpressionError        an expression cannot be read or evaluated
"""


class WorkflowFileError(Exception):
    """The workflow file cannot be used; the message is worded as GitHub words it."""


class DispatchRefusedError(Exception):
    """GitHub would refuse this dispatch with 422; the message is the text of its answer."""


class ExpressionError(Exception):
    """An expression cannot be read or evaluated; the message is worded as GitHub words it."""

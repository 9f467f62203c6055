"""The pipeline file: reading with positions, schema, expressions, graph, plan digest, decisions. Pure.

:func:`read_pipeline` reads and checks a file's text, :func:`compile_pipeline` makes of it and of inputs what
runs, and :class:`Sequencer` decides what runs when. Expressions are evaluated by :func:`evaluate` and
:func:`render`; :func:`action_input` makes of a step what is dispatched.
"""

from perdure.model.notifications import NotifyOn
from perdure.pipeline.compiling import CompiledPipeline, CompiledStep, StepJob, compile_pipeline
from perdure.pipeline.deciding import Sequencer
from perdure.pipeline.digest import canonical_json, plan_digest
from perdure.pipeline.first_file import first_file
from perdure.pipeline.inputs import InputSpec, InputType, OutputType, check_inputs
from perdure.pipeline.json_schema import pipeline_schema
from perdure.pipeline.mermaid import mermaid
from perdure.pipeline.outcomes import Compensation, Conclusion, JobResult, Moves, SequencerState
from perdure.pipeline.policies import Concurrency, ConcurrencyPolicy, Retry, Timeout
from perdure.pipeline.reading import read_pipeline
from perdure.pipeline.resolving import action_input, typed_outputs
from perdure.pipeline.schema import Mark, Notification, PipelineFile, Schedule
from perdure.pipeline.steps import (
    ActionCall,
    ActionStep,
    Approval,
    ApprovalStep,
    OnTimeout,
    PipelineStep,
    RunStep,
    Step,
    WaitStep,
)
from perdure.pipeline.templates import evaluate, render, render_text

__all__ = [
    "ActionCall",
    "ActionStep",
    "Approval",
    "ApprovalStep",
    "Compensation",
    "CompiledPipeline",
    "CompiledStep",
    "Conclusion",
    "Concurrency",
    "ConcurrencyPolicy",
    "InputSpec",
    "InputType",
    "JobResult",
    "Mark",
    "Moves",
    "Notification",
    "NotifyOn",
    "OnTimeout",
    "OutputType",
    "PipelineFile",
    "PipelineStep",
    "Retry",
    "RunStep",
    "Schedule",
    "Sequencer",
    "SequencerState",
    "Step",
    "StepJob",
    "Timeout",
    "WaitStep",
    "action_input",
    "canonical_json",
    "check_inputs",
    "compile_pipeline",
    "evaluate",
    "first_file",
    "mermaid",
    "pipeline_schema",
    "plan_digest",
    "read_pipeline",
    "render",
    "render_text",
    "typed_outputs",
]

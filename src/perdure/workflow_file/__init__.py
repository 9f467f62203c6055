"""The doctor of workflow files: finds what is unsafe in them, and mends it by splicing text.

Pure: what is read and written elsewhere comes and goes as text.
"""

from perdure.workflow_file.findings import Level, Rule, WorkflowFinding
from perdure.workflow_file.mending import Mended, mend
from perdure.workflow_file.rule_table import DoctorRules
from perdure.workflow_file.rule_text import read_rules

__all__ = ["DoctorRules", "Level", "Mended", "Rule", "WorkflowFinding", "mend", "read_rules"]

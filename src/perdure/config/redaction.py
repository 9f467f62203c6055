"""Logs without secrets.

A message of a library, or a traceback, may hold a request's header or a workflow's input. So whatever is
logged loses every secret that this process has resolved, everything that looks like one, and e-mail
addresses, when it is formatted: nothing comes after that.
"""

import logging
import re
from typing import Final

from perdure.config.secret_references import known_values

_HIDDEN: Final = "[secret]"
_PATTERNS: Final = (
    (
        re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.S),
        _HIDDEN,
    ),
    (re.compile(r"\bgh[pousr]_[A-Za-z0-9_.-]+|\bgithub_pat_\w+|\bpdk1_[\w=-]+|\bsk-[\w-]{16,}"), _HIDDEN),
    (re.compile(r"\beyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?"), _HIDDEN),
    (
        re.compile(r"(?i)\b(authorization|x-api-key)(\W{1,6})(?:bearer |basic |token )?[^\s'\",]{8,}"),
        rf"\1\2{_HIDDEN}",
    ),
)
_ADDRESS: Final = re.compile(r"\b[\w.+-]+@[\w-]+(?:\.[\w-]+)*\.[A-Za-z]{2,}\b")


def without_secrets(text: str) -> str:
    """Return the text without what is a secret or looks like one."""
    for value in known_values():
        text = text.replace(value, _HIDDEN)
    for pattern, instead in _PATTERNS:
        text = pattern.sub(instead, text)
    return text


def redacted(text: str) -> str:
    """Return the text without secrets and e-mail addresses."""
    return _ADDRESS.sub("[e-mail address]", without_secrets(text))


class RedactingFormatter(logging.Formatter):
    """Formats a record with its traceback, and takes out what is secret."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as text."""
        return redacted(super().format(record))


def log_without_secrets(level: int = logging.WARNING) -> None:
    """Have this process log to stderr, redacted. Handlers that are there already are kept, redacted too."""
    formatter = RedactingFormatter("%(asctime)s %(levelname)s %(name)s: %(message)s")
    root = logging.getLogger()
    if not root.handlers:
        root.addHandler(logging.StreamHandler())
        root.setLevel(level)
    for handler in root.handlers:
        handler.setFormatter(formatter)

"""How a pipeline's moments read: as a chat message, as a check run, as a commit status."""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

from perdure.model.notifications import Message, News, NotifyOn, ToldApproval, ToldJob

_MAX_SECTION: Final = 2_900
"""Slack takes 3,000 characters in a section:
https://docs.slack.dev/reference/block-kit/blocks/section-block
"""

_MAX_REASON: Final = 600
_MAX_TITLE: Final = 200
_JOBS_IN_MESSAGE: Final = 10
_SIGNS: Final = {
    "success": "✓",
    "failure": "✗",
    "cancelled": "⊘",
    "running": "▶",
    "waiting": "·",
    "skipped": "-",
}
_SAID: Final = {
    NotifyOn.START: "started",
    NotifyOn.SUCCESS: "succeeded",
    NotifyOn.FAILURE: "failed",
    NotifyOn.CANCELLED: "was cancelled",
}
_ASKED: Final = {"waiting": "waits for", "reminder": "still waits for", "escalated": "now also waits for"}
_LEFT: Final = "May go on at GitHub"
_STATES: Final = {
    NotifyOn.START: "pending",
    NotifyOn.WAITING: "pending",
    NotifyOn.SUCCESS: "success",
    NotifyOn.FAILURE: "failure",
    NotifyOn.CANCELLED: "error",
}


def message_of(news: News) -> Message:
    """Return the message for a Slack-compatible webhook."""
    line = headline(news)
    sections = [f"*{_slack(news.pipeline)}* {_slack(line.removeprefix(news.pipeline).lstrip())}"]
    if news.reason:
        sections.append(f">{_slack(_shortened(_one_line(news.reason), _MAX_REASON))}")
    if news.approval is not None:
        sections += _asking(news.approval)
    elif news.moment in {NotifyOn.FAILURE, NotifyOn.CANCELLED}:
        sections += _job_lists(news)
    if news.left_running:
        sections.append("\n".join([f"{_LEFT}:", *(_slack(left) for left in news.left_running)]))
    sections.append(f"`{_slack(news.workflow_id)}`")
    return Message(
        text=line,
        sections=tuple(_shortened(section, _MAX_SECTION) for section in sections),
        about=news.workflow_id,
    )


def headline(news: News) -> str:
    """Return the moment in one line."""
    if news.approval is not None:
        return f"{news.pipeline} {_waited_for(news.approval)}"
    who = f", started by {news.requester}" if news.requester and news.moment is not NotifyOn.START else ""
    by = f" by {news.requester}" if news.requester and news.moment is NotifyOn.START else ""
    took = f" after {_took(news.at - news.started_at)}" if news.moment.is_end else ""
    return f"{news.pipeline} {_SAID.get(news.moment, 'goes on')}{by}{took}{who}"


def check_title(news: News) -> str:
    """Return a check run's title."""
    if news.approval is not None:
        return _shortened(f"{_waited_for(news.approval)}, since {_clock(news.at)}", _MAX_TITLE)
    return _shortened(headline(news).removeprefix(news.pipeline).strip(), _MAX_TITLE)


def check_summary(news: News) -> str:
    """Return a check run's summary: Markdown, with each job and its page."""
    parts = [f"Pipeline **{_plain(news.pipeline)}**, `{news.workflow_id}`, begun {_clock(news.started_at)}."]
    if news.reason:
        parts.append(f"> {_plain(_shortened(_one_line(news.reason), _MAX_REASON))}")
    if news.approval is not None:
        asked = news.approval.message.splitlines()[:20]
        # Two spaces at its end keep a line a line.
        parts += ["  \n".join(f"> {_plain(line)}" for line in asked)] if asked else []
        parts.append(
            f"Decide before {_clock(news.approval.deadline)}: `{_command('approve', news.approval)}`"
        )
    if news.jobs:
        parts.append("\n".join(_table(news.jobs, news.jobs_left_out)))
    if news.undone:
        parts.append("Undone:\n\n" + "\n".join(_table(news.undone, 0)))
    if news.left_running:
        parts.append("\n".join([f"{_LEFT}:\n", *(f"- {left}" for left in news.left_running)]))
    if news.digest:
        parts.append(f"Plan `{news.digest}`")
    return "\n\n".join(parts)


def status_of(news: News) -> tuple[str, str]:
    """Return a commit status's state and description."""
    return _STATES[news.moment], check_title(news)


def payload_of(message: Message, url: str | None) -> dict[str, object]:
    """Return the JSON that Slack takes, and those who are compatible with it.

    Args:
        message: What is told.
        url: Where to read more.
    """
    # A chat that knows blocks shows nothing of the text beside them.
    sections = [*(message.sections or (_slack(message.text),))]
    if url:
        sections.append(f"<{url}|Open it in Temporal>")
    return {
        "text": _slack(message.text),
        "blocks": [
            {"type": "section", "text": {"type": "mrkdwn", "text": section or " "}} for section in sections
        ],
    }


def _asking(approval: ToldApproval) -> Iterator[str]:
    if approval.message:
        yield "\n".join(f">{_slack(line)}" for line in approval.message[:_MAX_SECTION].splitlines())
    yield (
        f"Decide before {_clock(approval.deadline)}:\n"
        f"`{_slack(_command('approve', approval))}`\n`{_slack(_command('reject', approval))}`"
    )


def _command(verb: str, approval: ToldApproval) -> str:
    return f"perdure approval {verb} {approval.approval_id}"


def _waited_for(approval: ToldApproval) -> str:
    who = ", ".join(approval.may_decide[:10]) or "anybody"
    more = len(approval.may_decide) - 10
    others = f" and {more} more" if more > 0 else ""
    count = f"{approval.missing} of " if approval.missing > 1 or len(approval.may_decide) > 1 else ""
    return f"{_ASKED.get(approval.kind, 'waits for')} {count}{who}{others}"


def _job_lists(news: News) -> Iterator[str]:
    bad = [job for job in news.jobs if job.state in {"failure", "cancelled"}]
    if bad:
        yield "\n".join(_slack_job(job) for job in bad[:_JOBS_IN_MESSAGE])
    if news.undone:
        yield "Undone:\n" + "\n".join(_slack_job(job) for job in news.undone[:_JOBS_IN_MESSAGE])


def _slack_job(job: ToldJob) -> str:
    name = f"<{job.html_url}|{_slack(job.key)}>" if _is_web(job.html_url) else _slack(job.key)
    why = f": {_slack(_shortened(_one_line(job.reason), 150))}" if job.reason else ""
    return f"{_SIGNS.get(job.state, '·')} {name} {job.state}{why}"


def _table(jobs: Sequence[ToldJob], left_out: int) -> Iterator[str]:
    yield "| | Step | Took | |"
    yield "|---|---|---|---|"
    for job in jobs:
        name = f"[{_plain(job.key)}]({job.html_url})" if _is_web(job.html_url) else _plain(job.key)
        took = _took(timedelta(seconds=job.seconds)) if job.seconds is not None else ""
        why = _plain(_shortened(_one_line(job.reason), 150))
        yield f"| {_SIGNS.get(job.state, '·')} {job.state} | {name} | {took} | {why} |"
    if left_out:
        yield f"| | and {left_out} more | | |"


def _slack(text: str) -> str:
    """Return text that Slack shows as it is: no link, no mention of everybody in a channel.

    https://docs.slack.dev/messaging/formatting-message-text#escaping
    """
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _plain(text: str) -> str:
    """Return text that Markdown shows as it is."""
    return re.sub(r"([\\`*_\[\]<>|~#])", r"\\\1", text)


def _is_web(url: str) -> bool:
    return re.fullmatch(r"https?://[^\s<>|()\[\]]+", url) is not None


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _shortened(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _clock(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"


def _took(duration: timedelta) -> str:
    seconds = max(0, int(duration.total_seconds()))
    days, hours, minutes = seconds // 86_400, seconds % 86_400 // 3600, seconds % 3600 // 60
    if days:
        return f"{days}d {hours}h"
    if hours:
        return f"{hours}h {minutes}m"
    return f"{minutes}m {seconds % 60}s" if minutes else f"{seconds}s"

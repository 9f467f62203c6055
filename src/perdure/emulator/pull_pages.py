"""The page of a pull request: what it changes, and what is said about it."""

from html import escape

from perdure.emulator.page_parts import icon, markdown, shown_time
from perdure.emulator.pull_records import PullRequest, Review
from perdure.emulator.services import Services

_STATES = {
    "APPROVED": "approved",
    "CHANGES_REQUESTED": "asked for changes",
    "COMMENTED": "reviewed",
    "PENDING": "is reviewing",
}


def pull_list(services: Services, name: str) -> str:
    """Return a repository's pull requests, newest first; nothing where there are none."""
    found = [pull for pull in services.state.pulls.values() if pull.repository == name]
    rows = "".join(
        f'<li><a href="/{escape(name)}/pull/{pull.number}">{escape(pull.title)}</a>'
        f"<span>#{pull.number}</span><span>{pull.state}</span><span>{escape(pull.head_ref)}</span></li>"
        for pull in reversed(found)
    )
    return f"<h2>Pull requests</h2><ul class=rows>{rows}</ul>" if rows else ""


def pull_page(services: Services, pull: PullRequest) -> str:
    """Return the page of one."""
    repository = escape(pull.repository)
    head = pull.head_ref if not pull.is_from_fork else f"{pull.head_repository}:{pull.head_ref}"
    parts = [
        f'<p class=path><a href="/{repository}/actions">{repository}</a></p>',
        f"<h1>{escape(pull.title)} <small>#{pull.number}</small></h1>",
        f"<p class=facts><b>{pull.state}</b><span>{escape(head)} into {escape(pull.base_ref)}</span>"
        f"<span>at <code>{pull.head_sha[:10]}</code></span><span>by {escape(pull.author)}</span>"
        f"<span>{shown_time(pull.created_at)}</span></p>",
        markdown(pull.body or ""),
        _checks(services, pull),
        *_talk(services, pull),
        "<h2>Files</h2>",
    ]
    parts += [
        f"<details><summary>{escape(file.path)}<span>+{file.additions} -{file.deletions}</span></summary>"
        f"<pre>{escape(file.patch or file.status)}</pre></details>"
        for file in services.pulls.files(pull)
    ]
    return "".join(parts)


def _checks(services: Services, pull: PullRequest) -> str:
    place = (pull.repository, pull.head_sha)
    found = [
        f"<section><h3>{icon(check.status, check.conclusion)}{escape(check.name)}"
        f"<span>{escape(check.title or check.status)}</span></h3></section>"
        for check in services.state.check_runs.values()
        if (check.repository, check.head_sha) == place
    ]
    latest = {
        status.context: status
        for status in services.state.statuses.values()
        if (status.repository, status.sha) == place
    }
    found += [
        f"<section><h3>{icon(status.state, None)}{escape(status.context)}"
        f"<span>{escape(status.description or status.state)}</span></h3></section>"
        for status in latest.values()
    ]
    return f"<h2>Checks</h2>{''.join(found)}" if found else ""


def _talk(services: Services, pull: PullRequest) -> list[str]:
    said = [
        (review.submitted_at, _review(services, review))
        for review in services.state.reviews.values()
        if review.pull_id == pull.id and review.submitted_at is not None
    ]
    said += [
        (
            comment.created_at,
            f'<section id="issuecomment-{comment.id}"><h3>{escape(comment.author)}'
            f"<span>{shown_time(comment.created_at)}</span></h3>"
            f"<div class=said>{markdown(comment.body)}</div></section>",
        )
        for comment in services.state.issue_comments.values()
        if (comment.repository, comment.number) == (pull.repository, pull.number)
    ]
    ordered = [html for _, html in sorted(said, key=lambda each: each[0])]
    return ["<h2>Conversation</h2>", *ordered] if ordered else []


def _review(services: Services, review: Review) -> str:
    comments = "".join(
        f'<div id="discussion_r{one.id}"><pre>{escape(one.path)}\n{escape(one.diff_hunk)}</pre>'
        f"<div class=said>{markdown(one.body)}</div></div>"
        for one in services.state.review_comments.values()
        if one.review_id == review.id
    )
    return (
        f'<section id="pullrequestreview-{review.id}"><h3>{escape(review.author)} {_STATES[review.state]}'
        f" <code>{review.commit_id[:10]}</code></h3>{markdown(review.body)}{comments}</section>"
    )

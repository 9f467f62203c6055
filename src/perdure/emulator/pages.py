"""What ``html_url`` opens: plain pages of runs, jobs, steps, logs and pull requests, without a script.

Everything that comes from outside is escaped, and the content security policy allows nothing but the style
sheet, so that log lines are shown as text whatever they hold.
"""

import re
from html import escape

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from perdure.emulator.page_parts import icon, shown_time, span_of
from perdure.emulator.page_style import STYLE
from perdure.emulator.pull_pages import pull_list, pull_page
from perdure.emulator.records import Job, Run, Step
from perdure.emulator.services import Services

_POLICY = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
_STYLE_PATH = "/_assets/style.css"
_REFRESH = 2
_MOST_RUNS = 100
_MOST_LOG_CHARACTERS = 512 * 1024
_TIMESTAMP = re.compile(r"^(\d{4}-\d\d-\d\dT(\d\d:\d\d:\d\d)\.\d+Z) ", re.MULTILINE)
# Colours and other control sequences, which a page cannot show.
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f]")
_COMMAND = re.compile(r"##\[(\w+)\]")
_COMMANDS = {
    "group": "▸ ",
    "error": "Error: ",
    "warning": "Warning: ",
    "notice": "Notice: ",
    "debug": "Debug: ",
}
_REPOSITORY = re.compile(r"/([^/_][^/]*)/([^/]+)(?:/actions)?/?")
_RUN = re.compile(r"/([^/]+)/([^/]+)/actions/runs/(\d+)(?:/attempts/(\d+))?")
_PULL = re.compile(r"/([^/]+)/([^/]+)/pull/(\d+)(?:/files)?")
_JOB = re.compile(r"/([^/]+)/([^/]+)/actions/runs/(\d+)/job/(\d+)")


def serve_page(services: Services, request: Request, path: str) -> Response | None:
    """Return the page at a path, None where there is none."""
    if path == _STYLE_PATH:
        return Response(STYLE, media_type="text/css", headers={"cache-control": "max-age=60"})
    if path == "/":
        return _page("Repositories", _repositories(services))
    if match := _JOB.fullmatch(path):
        return _job_page(services, int(match[3]), int(match[4]), f"{match[1]}/{match[2]}")
    if match := _RUN.fullmatch(path):
        return _run_page(
            services, int(match[3]), f"{match[1]}/{match[2]}", int(match[4]) if match[4] else None
        )
    if match := _PULL.fullmatch(path):
        return _pull_page(services, match[1], match[2], int(match[3]))
    match = _REPOSITORY.fullmatch(path)
    repository = services.repositories.find(match[1], match[2]) if match else None
    return _repository_page(services, repository.full_name) if repository else None


def _page(title: str, body: str, *, refreshes: bool = False) -> Response:
    refresh = f'<meta http-equiv="refresh" content="{_REFRESH}">' if refreshes else ""
    html = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>{refresh}'
        f'<meta name="viewport" content="width=device-width">'
        f'<link rel="stylesheet" href="{_STYLE_PATH}"></head>'
        f'<body><header><a href="/">GitHub, emulated by Perdure</a></header><main>{body}</main></body></html>'
    )
    headers = {
        "content-security-policy": _POLICY,
        "x-content-type-options": "nosniff",
        "cache-control": "no-store",
    }
    return HTMLResponse(html, headers=headers)


def _repositories(services: Services) -> str:
    rows = [
        f'<li><a href="/{escape(one.full_name)}/actions">{escape(one.full_name)}</a>'
        f"<span>{len(services.state.runs_of(one.full_name))} runs</span></li>"
        for one in services.repositories.all()
    ]
    empty = f"<p>There is no git repository below {escape(str(services.repositories.root))}.</p>"
    return f"<h1>Repositories</h1><ul class=rows>{''.join(rows)}</ul>{'' if rows else empty}"


def _repository_page(services: Services, name: str) -> Response:
    runs = services.state.runs_of(name)[:_MOST_RUNS]
    rows = "".join(
        f'<li>{icon(run.status, run.conclusion)}<a href="{_run_path(run)}">{escape(run.title)}</a>'
        f"<span>{escape(run.workflow_name)} #{run.number}</span><span>{escape(run.head_branch)}</span>"
        f"<span>{shown_time(run.created_at)}</span></li>"
        for run in runs
    )
    body = (
        f"<h1>{escape(name)}</h1>{pull_list(services, name)}<h2>Runs</h2><ul class=rows>{rows}</ul>"
        f"{'' if runs else '<p>None yet.</p>'}"
    )
    return _page(name, body, refreshes=any(not run.is_over for run in runs))


def _pull_page(services: Services, owner: str, name: str, number: int) -> Response | None:
    repository = services.repositories.find(owner, name)
    pull = services.pulls.find(repository, number) if repository else None
    return _page(f"{pull.title} · {pull.repository}", pull_page(services, pull)) if pull else None


def _run_page(services: Services, number: int, name: str, attempt: int | None) -> Response | None:
    run = services.state.runs.get(number)
    if run is None or run.repository != name or (attempt or 1) > len(run.attempts):
        return None
    shown = run.attempts[attempt - 1] if attempt else run.current
    jobs = services.state.jobs_of(run.id, shown.number)
    state = shown.conclusion or shown.status
    head = (
        f'<p class=path><a href="/{escape(name)}/actions">{escape(name)}</a> / '
        f"{escape(run.workflow_path)}</p>"
        f"<h1>{icon(shown.status, shown.conclusion)}{escape(run.title)} <small>#{run.number}</small></h1>"
        f"<p class=facts><b>{escape(state)}</b>"
        f"<span>{escape(run.head_branch)} at <code>{run.head_sha[:7]}</code></span>"
        f"<span>by {escape(shown.triggering_actor)}</span><span>{shown_time(shown.started_at)}</span>"
        f"<span>{span_of(shown.started_at, shown.updated_at)}</span>{_attempts(run, shown.number)}</p>"
    )
    inputs = "".join(f"<dt>{escape(key)}</dt><dd>{escape(value)}</dd>" for key, value in run.inputs.items())
    parts = [head, f"<h2>Inputs</h2><dl>{inputs}</dl>" if inputs else "", "<h2>Jobs</h2>"]
    parts += [_job_summary(run, job) for job in jobs] or ["<p>None.</p>"]
    artifacts = services.state.artifacts_of(run.id)
    if artifacts:
        rows = (f"<li><b>{escape(one.name)}</b><span>{one.size} bytes</span></li>" for one in artifacts)
        parts.append(f"<h2>Artifacts</h2><ul class=rows>{''.join(rows)}</ul>")
    return _page(f"{run.title} · {name}", "".join(parts), refreshes=not run.is_over)


def _job_page(services: Services, number: int, job_id: int, name: str) -> Response | None:
    run, job = services.state.runs.get(number), services.state.jobs.get(job_id)
    if run is None or job is None or job.run_id != number or run.repository != name:
        return None
    logs = services.logs.steps(job)
    parts = [
        f'<p class=path><a href="/{escape(name)}/actions">{escape(name)}</a> / '
        f'<a href="{_run_path(run)}">{escape(run.title)}</a></p>',
        f"<h1>{icon(job.status, job.conclusion)}{escape(job.name)}</h1>",
    ]
    parts += [f"<p class=said>{escape(one.level)}: {escape(one.message)}</p>" for one in job.annotations]
    parts += [_step_details(step, logs.get(step.number, "")) for step in job.steps]
    if not job.steps:
        parts.append("<p>No step has run.</p>")
    parts += [f"<h2>Summary</h2><pre>{escape(text)}</pre>" for text in job.summaries.values()]
    return _page(f"{job.name} · {run.title}", "".join(parts), refreshes=job.status != "completed")


def _job_summary(run: Run, job: Job) -> str:
    steps = "".join(
        f"<li>{icon(step.status, step.conclusion)}{escape(step.name)}"
        f"<span>{span_of(step.started_at, step.completed_at)}</span></li>"
        for step in job.steps
    )
    said = "".join(f"<p class=said>{escape(one.level)}: {escape(one.message)}</p>" for one in job.annotations)
    return (
        f"<section><h3>{icon(job.status, job.conclusion)}"
        f'<a href="{_run_path(run)}/job/{job.id}">{escape(job.name)}</a>'
        f"<span>{escape(job.runner_name or 'no runner')}</span></h3>"
        f"<ol class=steps>{steps}</ol>{said}</section>"
    )


def _step_details(step: Step, log: str) -> str:
    is_open = " open" if step.status == "in_progress" or step.conclusion == "failure" else ""
    text = _TIMESTAMP.sub(lambda match: f"{match[2]} ", log[-_MOST_LOG_CHARACTERS:])
    text = _COMMAND.sub(lambda match: _COMMANDS.get(match[1], ""), _CONTROL.sub("", text))
    return (
        f"<details{is_open}><summary>{icon(step.status, step.conclusion)}{escape(step.name)}"
        f"<span>{span_of(step.started_at, step.completed_at)}</span></summary>"
        f"<pre>{escape(text)}</pre></details>"
    )


def _attempts(run: Run, shown: int) -> str:
    if len(run.attempts) == 1:
        return ""
    links = [
        f"<b>{one.number}</b>"
        if one.number == shown
        else f'<a href="{_run_path(run)}/attempts/{one.number}">{one.number}</a>'
        for one in run.attempts
    ]
    return f"<span>attempt {' '.join(links)}</span>"


def _run_path(run: Run) -> str:
    return f"/{escape(run.repository)}/actions/runs/{run.id}"

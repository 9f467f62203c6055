"""Bodies of Apps, installations, check runs, statuses and webhook deliveries."""

import json
from datetime import datetime

from perdure.emulator.bodies.accounts import AccountBodies, Body, instant
from perdure.emulator.identifiers import node_id, number_for
from perdure.emulator.records import CheckRun, CommitStatus, Delivery
from perdure.emulator.settings import App, Installation

_CREATED = "2026-01-01T00:00:00Z"
_EVENTS = ["workflow_dispatch", "workflow_job", "workflow_run"]


class AppBodies(AccountBodies):
    """Apps and what they make, with one client's URLs."""

    def app(self, app: App) -> Body:
        """Return the body of an App."""
        return {
            "id": app.id,
            "client_id": app.client_id,
            "slug": app.slug,
            "node_id": node_id("A", app.id),
            "owner": self.account(app.owner),
            "name": app.name or app.slug,
            "description": "",
            "external_url": self.links.html,
            "html_url": f"{self.links.html}/apps/{app.slug}",
            "created_at": _CREATED,
            "updated_at": _CREATED,
            "permissions": dict(app.permissions),
            "events": _EVENTS,
            "installations_count": len(app.installations),
        }

    def installation(self, app: App, installation: Installation, suspended_at: datetime | None) -> Body:
        """Return the body of an installation."""
        account = self.account(installation.account)
        granted = app.permissions if installation.permissions is None else installation.permissions
        return {
            "id": installation.id,
            "client_id": app.client_id,
            "account": account,
            "repository_selection": "all" if installation.repositories is None else "selected",
            "access_tokens_url": f"{self.links.api}/app/installations/{installation.id}/access_tokens",
            "repositories_url": f"{self.links.api}/installation/repositories",
            "html_url": f"{self.links.html}/settings/installations/{installation.id}",
            "app_id": app.id,
            "app_slug": app.slug,
            "target_id": account["id"],
            "target_type": account["type"],
            "permissions": dict(granted),
            "events": _EVENTS,
            "created_at": _CREATED,
            "updated_at": _CREATED,
            "single_file_name": None,
            "has_multiple_single_files": False,
            "single_file_paths": [],
            "suspended_at": instant(suspended_at),
            "suspended_by": self.account(app.owner) if suspended_at else None,
        }

    def check_run(self, check: CheckRun) -> Body:
        """Return the body of a check run that an App made."""
        app = next((app for app in self.settings.apps if app.id == check.app_id), None)
        url = f"{self.links.api}/repos/{check.repository}/check-runs/{check.id}"
        html = f"{self.links.html}/{check.repository}/runs/{check.id}"
        return {
            "id": check.id,
            "head_sha": check.head_sha,
            "node_id": node_id("CR", check.id),
            "external_id": check.external_id,
            "url": url,
            "html_url": html,
            "details_url": check.details_url or html,
            "status": check.status,
            "conclusion": check.conclusion,
            "started_at": instant(check.started_at),
            "completed_at": instant(check.completed_at),
            "output": {
                "title": check.title,
                "summary": check.summary,
                "text": check.text,
                "annotations_count": len(check.annotations),
                "annotations_url": f"{url}/annotations",
            },
            "name": check.name,
            "check_suite": {"id": number_for("suite", f"{check.repository}/{check.head_sha}/{check.app_id}")},
            "app": self.app(app) if app else None,
            "pull_requests": [],
        }

    def status(self, status: CommitStatus) -> Body:
        """Return the body of a commit status."""
        creator = self.account(status.creator)
        return {
            "url": f"{self.links.api}/repos/{status.repository}/statuses/{status.sha}",
            "avatar_url": creator["avatar_url"],
            "id": status.id,
            "node_id": node_id("SC", status.id),
            "state": status.state,
            "description": status.description,
            "target_url": status.target_url,
            "context": status.context,
            "created_at": instant(status.created_at),
            "updated_at": instant(status.created_at),
            "creator": creator,
        }

    def delivery(self, delivery: Delivery) -> Body:
        """Return a webhook delivery as lists show it."""
        return {
            "id": delivery.id,
            "guid": delivery.guid,
            "delivered_at": instant(delivery.delivered_at),
            "redelivery": delivery.redelivery,
            "duration": delivery.duration,
            "status": delivery.status,
            "status_code": delivery.status_code,
            "event": delivery.event,
            "action": delivery.action,
            "installation_id": delivery.installation_id,
            "repository_id": delivery.repository_id,
            "throttled_at": None,
        }

    def full_delivery(self, delivery: Delivery) -> Body:
        """Return a webhook delivery with what was sent and what came back."""
        return {
            **self.delivery(delivery),
            "url": delivery.url,
            "request": {"headers": delivery.headers, "payload": json.loads(delivery.payload)},
            "response": {"headers": {}, "payload": delivery.response},
        }

"""The endpoints of the emulated API, one module per part of GitHub's documentation."""

from perdure.emulator.api import (
    apps,
    artifacts,
    checks,
    contents,
    graphql,
    hooks,
    jobs,
    meta,
    repositories,
    runs,
    users,
    variables,
    workflows,
)

PARTS = (
    runs.routes,
    jobs.routes,
    workflows.routes,
    artifacts.routes,
    apps.routes,
    checks.routes,
    contents.routes,
    repositories.routes,
    variables.routes,
    users.routes,
    hooks.routes,
    meta.routes,
    graphql.routes,
)

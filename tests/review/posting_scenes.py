"""A pull request at an emulated GitHub, the App's client, and reports about it."""

from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx2
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from temporalio.testing import ActivityEnvironment

from perdure.activities.fixing import FixActivities
from perdure.activities.publishing import PublishingActivities
from perdure.activities.store import ContentStore
from perdure.config import GitHubSettings
from perdure.emulator import (
    App,
    EmulatorSettings,
    GitHubEmulator,
    Repository,
    commit_files,
    create_repository,
)
from perdure.emulator.pull_requests import NewPull
from perdure.github import GitHubClient, open_github_client
from perdure.model.findings import Category, Confidence, Edit, Finding, Severity, Suggestion, fingerprint
from perdure.model.fixing import ApplyInput, PrepareFixesInput
from perdure.model.posting import PublishInput, SayInput
from perdure.model.pull_requests import PullRequestRef
from perdure.model.review import FileOutcome, FileState, ReviewReport, ReviewTarget, Verdict

REPOSITORY = "acme/shop"
BRANCH = "feature"
BEFORE = {"src/shop.py": "".join(f"line_{number} = {number}\n" for number in range(1, 31))}
AFTER = {
    "src/shop.py": BEFORE["src/shop.py"].replace("line_15 = 15\n", "import os\nline_15 = 0\n"),
    "src/cart.py": "import json\nimport re\n\n\ndef total():\n    return 1\n",
}
DIGEST = "d" * 32
ME = "perdure-test[bot]"
REF = PullRequestRef(repository=REPOSITORY, pull_number=1)

_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
APP = App(
    id=77,
    slug="perdure-test",
    public_key=_KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode(),
    client_id="Iv23liPerdureTest000",
)


def finding(line=15, path="src/shop.py", rule="F401", **changes):
    """Make a finding; its fingerprint comes from rule, path and message."""
    made = {
        "reviewer": "ruff",
        "rule": rule,
        "category": Category.MAINTAINABILITY,
        "severity": Severity.WARNING,
        "confidence": Confidence.HIGH,
        "path": path,
        "start_line": line,
        "end_line": line,
        "message": f"`{rule}` is unused",
        **changes,
    }
    key = fingerprint(rule, path, "", made["message"])
    return Finding(**{"fingerprint": key, **made})


def suggestion(start, end, text):
    return Suggestion(edits=(Edit(start_line=start, end_line=end, replacement=text),), is_safe=True)


def report(head_sha, *findings, **changes):
    """Make a report in which every file of the change was reviewed."""
    made = {
        "target": ReviewTarget(repository=REPOSITORY, pull_number=1),
        "head_sha": head_sha,
        "verdict": Verdict.FINDINGS if findings else Verdict.PASSED,
        "findings": findings,
        "files": tuple(FileOutcome(path=path, state=FileState.REVIEWED) for path in AFTER),
        "reviewers": ("ruff 0.17.6",),
    }
    return ReviewReport(**{**made, **changes})


@dataclass
class Scene:
    """One pull request and everything around it."""

    emulator: GitHubEmulator
    github: GitHubClient
    store: ContentStore
    head_sha: str
    head_repository: str = REPOSITORY
    ref: PullRequestRef = REF
    environment: ActivityEnvironment = field(default_factory=ActivityEnvironment)

    def __post_init__(self):
        self.publishing = PublishingActivities(self.github, self.store, look_intervals=(0.01, 0.05))
        self.fixing = FixActivities(self.github, self.store, look_intervals=(0.01, 0.05))

    def keep(self, made):
        return self.store.put(made.model_dump_json().encode())

    async def publish(self, *findings, digest=DIGEST, changes=None, **more):
        """Publish a review of the head as it was at the last push."""
        stored = self.keep(report(self.head_sha, *findings, **(changes or {})))
        asked = PublishInput(
            repository=REPOSITORY,
            pull_number=1,
            head_sha=self.head_sha,
            report=stored,
            digest=digest,
            **more,
        )
        return await self.environment.run(self.publishing.publish_review, asked)

    async def reject(self, reason, **more):
        asked = SayInput(
            repository=REPOSITORY,
            pull_number=1,
            head_sha=self.head_sha,
            digest=DIGEST,
            reason=reason,
            **more,
        )
        return await self.environment.run(self.publishing.say_rejected, asked)

    def push(self, files):
        """Commit to the branch as the author would."""
        folder = self.emulator.root / f"{self.head_repository}.git"
        self.head_sha = commit_files(Repository(self.head_repository, folder), files, branch=BRANCH)
        return self.head_sha

    async def prepare(self, *findings, chosen=None):
        """Compute the fixes of these findings at the reviewed head."""
        asked = PrepareFixesInput(
            repository=REPOSITORY,
            pull_number=1,
            head_sha=self.head_sha,
            report=self.keep(report(self.head_sha, *findings)),
            digest=DIGEST,
            chosen=tuple(one.fingerprint for one in findings) if chosen is None else chosen,
        )
        return await self.environment.run(self.fixing.prepare_fixes, asked)

    async def apply(self, prepared, **more):
        asked = ApplyInput(prepared=prepared, **more)
        return await self.environment.run(self.fixing.apply_fixes, asked)

    def file(self, path="src/shop.py"):
        """Return a file as it is on the branch now."""
        found = self.emulator.services.repositories.find(*self.head_repository.split("/"))
        return found.read(found.resolve(BRANCH).sha, path).decode()

    def commit(self):
        """Return the branch's last commit."""
        found = self.emulator.services.repositories.find(*self.head_repository.split("/"))
        return found.commit(found.resolve(BRANCH).sha)

    async def reviews(self):
        return await self.github.list_reviews(self.ref)

    async def comments(self):
        return await self.github.list_review_comments(self.ref)

    async def talk(self):
        return await self.github.list_talk(self.ref)

    @property
    def check_runs(self):
        return list(self.emulator.services.state.check_runs.values())


@asynccontextmanager
async def opened_scene(folder, *, fork=False, settings=None, **changes):
    """Open a pull request by a person, and an App's client on it."""
    repository = create_repository(folder / "root", REPOSITORY, BEFORE)
    source = create_repository(folder / "root", "guest/shop", BEFORE) if fork else repository
    head_sha = commit_files(source, AFTER, branch=BRANCH, message="Add the cart")
    key = folder / "app.pem"
    key.touch(mode=0o600)
    key.write_bytes(_KEY.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()))
    as_app = GitHubSettings(url="http://localhost", app_id=APP.id, private_key=f"file:{key}")
    emulated = EmulatorSettings(**{"apps": (APP,), "tokens": {"person": "octocat"}, **changes})
    async with GitHubEmulator(folder / "root", emulated) as emulator:
        wanted = NewPull(
            head=f"guest:{BRANCH}" if fork else BRANCH, base="main", title="Add the cart", author="octocat"
        )
        emulator.open_pull_request(REPOSITORY, wanted)
        transport = httpx2.ASGITransport(app=emulator.app)
        async with open_github_client(settings or as_app, transport=transport) as github:
            yield Scene(emulator, github, ContentStore(folder / "store"), head_sha, source.full_name)

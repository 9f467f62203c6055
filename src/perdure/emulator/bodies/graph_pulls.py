"""Pull requests as GitHub's GraphQL API shows them, as far as ``gh pr`` asks.

Every field that some command of ``gh`` asks for is there; who asked for fewer takes no notice of the others.
https://docs.github.com/en/graphql/reference/objects#pullrequest
"""

from perdure.emulator.bodies.accounts import AccountBodies, Body, instant
from perdure.emulator.diffs import commits_between
from perdure.emulator.identifiers import node_id
from perdure.emulator.pull_records import IssueComment, PullRequest, Review

_NONE = ("autoMergeRequest", "milestone", "mergedBy", "mergedAt", "mergeCommit", "potentialMergeCommit")
_EMPTY = ("labels", "assignees", "assignedActors", "projectCards", "projectItems", "reviewRequests")
_CHANGES = {"added": "ADDED", "removed": "DELETED", "renamed": "RENAMED", "copied": "COPIED"}


class GraphPullBodies(AccountBodies):
    """Pull requests for GraphQL."""

    def graph_pull(self, pull: PullRequest) -> Body:
        """Return a pull request."""
        files, repository = self.pulls.files(pull), self.pulls.repository(pull)
        shas = commits_between(repository.folder, pull.base_sha, pull.head_sha)
        reviews = [self._graph_review(one) for one in self.state.reviews.values() if one.pull_id == pull.id]
        comments = [
            self._graph_comment(one)
            for one in self.state.issue_comments.values()
            if (one.repository, one.number) == (pull.repository, pull.number)
        ]
        mergeable = {True: "MERGEABLE", False: "CONFLICTING"}[self.pulls.is_mergeable(pull)]
        owner, name = pull.head_repository.split("/")
        return {
            **dict.fromkeys(_NONE),
            **{field: connection([]) for field in _EMPTY},
            "id": node_id("PR", pull.id),
            "fullDatabaseId": str(pull.id),
            "number": pull.number,
            "url": f"{self.links.html}/{pull.repository}/pull/{pull.number}",
            "title": pull.title,
            "body": pull.body or "",
            "state": pull.state.upper(),
            "closed": pull.state == "closed",
            "isDraft": pull.is_draft,
            "isCrossRepository": pull.is_from_fork,
            "maintainerCanModify": pull.maintainer_can_modify,
            "mergeable": mergeable,
            "mergeStateStatus": "CLEAN" if mergeable == "MERGEABLE" else "DIRTY",
            "reviewDecision": "",
            "author": self._actor(pull.author),
            "baseRefName": pull.base_ref,
            "baseRefOid": pull.base_sha,
            "headRefName": pull.head_ref,
            "headRefOid": pull.head_sha,
            "headRepository": {"id": node_id("R", 1), "name": name, "nameWithOwner": pull.head_repository},
            "headRepositoryOwner": {"id": node_id("U", 1), "login": owner, "name": ""},
            "additions": sum(file.additions for file in files),
            "deletions": sum(file.deletions for file in files),
            "changedFiles": len(files),
            "files": connection(
                [
                    {
                        "path": file.path,
                        "additions": file.additions,
                        "deletions": file.deletions,
                        "changeType": _CHANGES.get(file.status, "MODIFIED"),
                    }
                    for file in files
                ]
            ),
            "commits": connection([{"commit": self._graph_commit(pull, sha)} for sha in shas]),
            "statusCheckRollup": {"nodes": [{"commit": {"statusCheckRollup": self._rollup(pull)}}]},
            "reviews": connection(reviews),
            "latestReviews": connection(reviews),
            "comments": connection(comments),
            "reactionGroups": [],
            "createdAt": instant(pull.created_at),
            "updatedAt": instant(pull.updated_at),
            "closedAt": instant(pull.closed_at),
            "closingIssuesReferences": connection([]),
        }

    def graph_pulls(self, pulls: list[PullRequest]) -> Body:
        """Return a list of them."""
        return connection([self.graph_pull(pull) for pull in pulls])

    def _graph_commit(self, pull: PullRequest, sha: str) -> Body:
        commit = self.pulls.repository(pull).commit(sha)
        headline, _, rest = commit.message.partition("\n")
        return {
            "oid": sha,
            "messageHeadline": headline,
            "messageBody": rest.strip(),
            "committedDate": instant(commit.committer.at),
            "authoredDate": instant(commit.author.at),
            "authors": {"nodes": [{"name": commit.author.name, "email": commit.author.email, "user": None}]},
        }

    def _rollup(self, pull: PullRequest) -> Body:
        place = (pull.repository, pull.head_sha)
        checks: list[Body] = [
            {
                "__typename": "CheckRun",
                "name": check.name,
                "checkSuite": {"workflowRun": None},
                "status": check.status.upper(),
                "conclusion": (check.conclusion or "").upper(),
                "startedAt": instant(check.started_at),
                "completedAt": instant(check.completed_at),
                "detailsUrl": check.details_url or "",
            }
            for check in self.state.check_runs.values()
            if (check.repository, check.head_sha) == place
        ]
        statuses = {
            status.context: status
            for status in self.state.statuses.values()
            if (status.repository, status.sha) == place
        }
        checks += [
            {
                "__typename": "StatusContext",
                "context": status.context,
                "state": status.state.upper(),
                "targetUrl": status.target_url or "",
                "createdAt": instant(status.created_at),
                "description": status.description or "",
            }
            for status in statuses.values()
        ]
        return {"contexts": connection(checks)}

    def _graph_review(self, review: Review) -> Body:
        return {
            "id": node_id("PRR", review.id),
            "author": self._actor(review.author),
            "authorAssociation": "MEMBER",
            "submittedAt": instant(review.submitted_at),
            "body": review.body,
            "state": review.state,
            "commit": {"oid": review.commit_id},
            "reactionGroups": [],
        }

    def _graph_comment(self, comment: IssueComment) -> Body:
        page = f"{self.links.html}/{comment.repository}/pull/{comment.number}"
        return {
            "id": node_id("IC", comment.id),
            "author": self._actor(comment.author),
            "authorAssociation": "MEMBER",
            "body": comment.body,
            "createdAt": instant(comment.created_at),
            "includesCreatedEdit": comment.created_at != comment.updated_at,
            "isMinimized": False,
            "minimizedReason": "",
            "reactionGroups": [],
            "url": f"{page}#issuecomment-{comment.id}",
            "viewerDidAuthor": False,
        }

    def _actor(self, login: str) -> Body:
        return {"login": login, "id": self.account(login)["node_id"], "name": ""}


def connection(nodes: list[Body]) -> Body:
    """Return a list as GraphQL has it, all on one page."""
    return {
        "nodes": nodes,
        "totalCount": len(nodes),
        "pageInfo": {"hasNextPage": False, "endCursor": ""},
    }

"""Bodies of pull requests, their files, reviews and comments.

https://docs.github.com/en/rest/pulls
"""

from urllib.parse import quote

from perdure.emulator.bodies.accounts import AccountBodies, Body, instant
from perdure.emulator.diffs import DiffFile, commits_between
from perdure.emulator.identifiers import node_id
from perdure.emulator.pull_records import IssueComment, PullRequest, Review, ReviewComment
from perdure.emulator.repositories import Repository

_NOBODY = ("active_lock_reason", "auto_merge", "merged_at", "merge_commit_sha", "milestone")
_LISTS = ("assignees", "labels", "requested_reviewers", "requested_teams")


class PullBodies(AccountBodies):
    """What people propose and say, with one client's URLs."""

    def simple_pull(self, pull: PullRequest) -> Body:
        """Return a pull request as lists show it."""
        url, html = self._pull_url(pull), self._pull_page(pull)
        issue = f"{self.links.api}/repos/{pull.repository}/issues/{pull.number}"
        statuses = f"{self.links.api}/repos/{pull.repository}/statuses/{pull.head_sha}"
        links = {
            "self": url,
            "html": html,
            "issue": issue,
            "comments": f"{issue}/comments",
            "review_comments": f"{url}/comments",
            "review_comment": f"{self.links.api}/repos/{pull.repository}/pulls/comments{{/number}}",
            "commits": f"{url}/commits",
            "statuses": statuses,
        }
        return {
            "url": url,
            "id": pull.id,
            "node_id": node_id("PR", pull.id),
            "html_url": html,
            "diff_url": f"{html}.diff",
            "patch_url": f"{html}.patch",
            **{f"{name}_url": links[name] for name in links if name not in ("self", "html")},
            "number": pull.number,
            "state": pull.state,
            "locked": False,
            "title": pull.title,
            "user": self.account(pull.author),
            "body": pull.body,
            **dict.fromkeys(_NOBODY),
            **{name: [] for name in _LISTS},
            "assignee": None,
            "created_at": instant(pull.created_at),
            "updated_at": instant(pull.updated_at),
            "closed_at": instant(pull.closed_at),
            "head": self._end(pull.head_repository, pull.head_ref, pull.head_sha),
            "base": self._end(pull.repository, pull.base_ref, pull.base_sha),
            "_links": {name: {"href": link} for name, link in links.items()},
            "author_association": self._association(pull.author, pull.repository),
            "draft": pull.is_draft,
        }

    def pull(self, pull: PullRequest) -> Body:
        """Return a pull request on its own."""
        files = self.pulls.files(pull)
        repository = self.pulls.repository(pull)
        mergeable = self.pulls.is_mergeable(pull) if pull.state == "open" else None
        about = [one for one in self.state.review_comments.values() if one.pull_id == pull.id]
        place = (pull.repository, pull.number)
        talk = [one for one in self.state.issue_comments.values() if (one.repository, one.number) == place]
        return {
            **self.simple_pull(pull),
            "merged": False,
            "mergeable": mergeable,
            "rebaseable": mergeable,
            "mergeable_state": {True: "clean", False: "dirty", None: "unknown"}[mergeable],
            "merged_by": None,
            "comments": len(talk),
            "review_comments": len(about),
            "maintainer_can_modify": pull.maintainer_can_modify,
            "commits": len(commits_between(repository.folder, pull.base_sha, pull.head_sha)),
            "additions": sum(file.additions for file in files),
            "deletions": sum(file.deletions for file in files),
            "changed_files": len(files),
        }

    def diff_file(self, repository: Repository, head: str, file: DiffFile) -> Body:
        """Return a file of a diff."""
        api, html = f"{self.links.api}/repos/{repository.full_name}", self.links.html
        page, path = f"{html}/{repository.full_name}", quote(file.path)
        body: Body = {
            "sha": file.blob_sha,
            "filename": file.path,
            "status": file.status,
            "additions": file.additions,
            "deletions": file.deletions,
            "changes": file.additions + file.deletions,
            "blob_url": f"{page}/blob/{head}/{path}",
            "raw_url": f"{page}/raw/{head}/{path}",
            "contents_url": f"{api}/contents/{path}?ref={head}",
        }
        if file.patch is not None:
            body["patch"] = file.patch
        if file.previous_path is not None:
            body["previous_filename"] = file.previous_path
        return body

    def review(self, pull: PullRequest, review: Review) -> Body:
        """Return a review. One that is not submitted has no time."""
        html = f"{self._pull_page(pull)}#pullrequestreview-{review.id}"
        body: Body = {
            "id": review.id,
            "node_id": node_id("PRR", review.id),
            "user": self.account(review.author),
            "body": review.body,
            "state": review.state,
            "html_url": html,
            "pull_request_url": self._pull_url(pull),
            "_links": {"html": {"href": html}, "pull_request": {"href": self._pull_url(pull)}},
            "commit_id": review.commit_id,
            "author_association": self._association(review.author, pull.repository),
        }
        if review.submitted_at is not None:
            body["submitted_at"] = instant(review.submitted_at)
        return body

    def review_comment(self, pull: PullRequest, comment: ReviewComment) -> Body:
        """Return a comment on the diff. Where its line is gone from the diff, it is outdated."""
        url = f"{self.links.api}/repos/{pull.repository}/pulls/comments/{comment.id}"
        html = f"{self._pull_page(pull)}#discussion_r{comment.id}"
        is_there = self._is_there(pull, comment)
        return {
            "url": url,
            "pull_request_review_id": comment.review_id,
            "id": comment.id,
            "node_id": node_id("PRRC", comment.id),
            "diff_hunk": comment.diff_hunk,
            "path": comment.path,
            "position": (comment.position or 1) if is_there else None,
            "original_position": comment.position or 1,
            "commit_id": pull.head_sha if is_there else comment.commit_id,
            "original_commit_id": comment.commit_id,
            "user": self.account(comment.author),
            "body": comment.body,
            "created_at": instant(comment.created_at),
            "updated_at": instant(comment.updated_at),
            "html_url": html,
            "pull_request_url": self._pull_url(pull),
            "author_association": self._association(comment.author, pull.repository),
            "_links": {
                "self": {"href": url},
                "html": {"href": html},
                "pull_request": {"href": self._pull_url(pull)},
            },
            "line": comment.line if is_there else None,
            "original_line": comment.line,
            "start_line": comment.start_line if is_there else None,
            "original_start_line": comment.start_line,
            "side": comment.side,
            "start_side": comment.start_side,
            "subject_type": comment.subject_type,
        }

    def issue_comment(self, comment: IssueComment) -> Body:
        """Return a comment on an issue, or on a pull request as a whole."""
        url = f"{self.links.api}/repos/{comment.repository}/issues"
        is_pull = any(
            (pull.repository, pull.number) == (comment.repository, comment.number)
            for pull in self.state.pulls.values()
        )
        page = f"{self.links.html}/{comment.repository}/{'pull' if is_pull else 'issues'}/{comment.number}"
        return {
            "id": comment.id,
            "node_id": node_id("IC", comment.id),
            "url": f"{url}/comments/{comment.id}",
            "html_url": f"{page}#issuecomment-{comment.id}",
            "issue_url": f"{url}/{comment.number}",
            "body": comment.body,
            "user": self.account(comment.author),
            "created_at": instant(comment.created_at),
            "updated_at": instant(comment.updated_at),
            "author_association": self._association(comment.author, comment.repository),
        }

    def _is_there(self, pull: PullRequest, comment: ReviewComment) -> bool:
        if comment.commit_id == pull.head_sha:
            return True
        now = {file.path: file for file in self.pulls.files(pull)}.get(comment.path)
        then = {file.path: file for file in self.pulls.files(pull, comment.commit_id)}.get(comment.path)
        return now is not None and then is not None and now.patch == then.patch

    def _end(self, full_name: str, ref: str, sha: str) -> Body:
        repository = self.repositories.find(*full_name.split("/"))
        owner = full_name.split("/")[0]
        return {
            "label": f"{owner}:{ref}",
            "ref": ref,
            "sha": sha,
            "user": self.account(owner),
            "repo": self.full_repository(repository) if repository else None,
        }

    def _association(self, login: str, full_name: str) -> str:
        person = self._users.get(login.lower())
        role = person.roles.get(full_name, person.role) if person else "none"
        return {"admin": "MEMBER", "write": "COLLABORATOR"}.get(role, "NONE")

    def _pull_url(self, pull: PullRequest) -> str:
        return f"{self.links.api}/repos/{pull.repository}/pulls/{pull.number}"

    def _pull_page(self, pull: PullRequest) -> str:
        return f"{self.links.html}/{pull.repository}/pull/{pull.number}"

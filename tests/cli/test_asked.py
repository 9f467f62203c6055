import pytest

from perdure.cli._asked import action_input, check_repository, check_workflow_file
from perdure.errors import InvalidInputError, InvalidRefError, ReservedInputKeyError, UsageError

WELL = {"repository": "acme/library", "workflow_file": "release.yml"}


def test_options_that_were_left_out_keep_their_defaults():
    """What a person did not say is decided in one place, the model."""
    asked = action_input({**WELL, "ref": None, "poll_interval": None, "inputs": {}})
    assert asked.ref is None
    assert asked.poll_interval.total_seconds() == 15


def test_a_whole_path_names_the_workflow_file_too():
    """People paste paths."""
    asked = action_input({**WELL, "workflow_file": ".github/workflows/release.yml"})
    assert asked.workflow_file == "release.yml"


@pytest.mark.parametrize(
    ("wrong", "error_type", "message", "hint"),
    [
        pytest.param({"repository": "acme"}, UsageError, "'acme' is not a repo", "OWNER/REPO", id="no-owner"),
        pytest.param(
            {"repository": "https://github.com/a/b"}, UsageError, "is not a repo", "OWNER/REPO", id="url"
        ),
        pytest.param({"repository": "a/b\n"}, UsageError, "is not a repo", "OWNER/REPO", id="line-end"),
        pytest.param({"repository": "acme/.."}, UsageError, "is not a repo", "OWNER/REPO", id="dots"),
        pytest.param({"workflow_file": "Release"}, UsageError, "'Release' is not", ".yml", id="display-name"),
        pytest.param({"workflow_file": "../a.yml"}, UsageError, "'../a.yml' is not", ".yml", id="outside"),
        pytest.param({"ref": "A" * 40}, InvalidRefError, "is a commit", "--expect-sha", id="sha-as-ref"),
        pytest.param({"ref": ""}, InvalidRefError, "cannot be a branch", "--ref main", id="empty-ref"),
        pytest.param({"ref": "a b"}, InvalidRefError, "cannot be a branch", "--ref main", id="blank-in-ref"),
        pytest.param({"expect_sha": "abc123"}, UsageError, "full commit id", "rev-parse", id="short-sha"),
        pytest.param({"key": ""}, UsageError, "cannot be an id", "1 to 200", id="empty-key"),
        pytest.param(
            {"inputs": {"dispatch_id": "x"}},
            ReservedInputKeyError,
            "dispatch_id input is a reserved input key",
            "leave dispatch_id out",
            id="reserved",
        ),
        pytest.param(
            {"inputs": {f"i{n}": "" for n in range(25)}},
            InvalidInputError,
            "25 inputs are too many",
            "one JSON input",
            id="too-many",
        ),
        pytest.param(
            {"inputs": {"text": "x" * 66_000}}, InvalidInputError, "65,535", "reference", id="too-long"
        ),
    ],
)
def test_what_cannot_be_right_is_refused_with_what_to_change(wrong, error_type, message, hint):
    """Names, refs and inputs are checked before the engine or GitHub hears of them."""
    with pytest.raises(error_type, match=message) as caught:
        action_input({**WELL, **wrong})
    assert hint in caught.value.hint


def test_names_are_checked_alike_wherever_they_are_given():
    """What one command refuses, no other takes."""
    assert check_repository("acme/library") == "acme/library"
    assert check_workflow_file(".github/workflows/release.yml") == "release.yml"
    for wrong in ("acme", "acme/..", "a/b\n", "a b/c"):
        with pytest.raises(UsageError, match="is not a repository"):
            check_repository(wrong)
    for wrong in ("Release", "a/b.yml", ""):
        with pytest.raises(UsageError, match="is not the name of an Actions workflow file"):
            check_workflow_file(wrong)

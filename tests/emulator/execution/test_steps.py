"""Steps: shells, command files, workflow commands, conditions, and what the log shows."""

import json

import pytest

from perdure.emulator.execution import ExecutionSettings


def job(steps, extra=""):
    lines = "\n".join(f"      {line}" for line in steps.strip("\n").splitlines())
    return f"on: workflow_dispatch\njobs:\n  a:\n    runs-on: x\n{extra}    steps:\n{lines}\n"


async def test_a_log_looks_like_githubs(runner):
    """A script is shown in a group with its shell and variables, then what it wrote."""
    await runner.run(job("- {run: 'echo hi\n\n        exit 2', env: {K: v}}".replace("\n\n        ", "; ")))
    seen = runner.recorder
    assert seen.log_of("a", 2) == [
        "##[group]Run echo hi; exit 2",
        "\x1b[36;1mecho hi; exit 2\x1b[0m",
        "shell: /usr/bin/bash -e {0}",
        "env:",
        "  K: v",
        "##[endgroup]",
        "hi",
        "##[error]Process completed with exit code 2.",
    ]


@pytest.mark.parametrize(
    ("shell", "script", "printed"),
    [
        ("bash", "false | true; echo unreached", []),
        ("bash", "echo ${BASH_VERSION:+bash}", ["bash"]),
        ("sh", "echo ok", ["ok"]),
        ("python", "import sys; print(sys.version_info[0])", ["3"]),
        ("cat {0}", "shown", ["shown"]),
        ("perl", "x", ["##[error]Invalid shell option."]),
    ],
)
async def test_shells(runner, shell, script, printed):
    """Each shell runs as GitHub starts it: `bash` with pipefail, others by a template."""
    await runner.run(job(f"- {{run: '{script}', shell: '{shell}'}}"))
    lines = runner.recorder.printed("a", 2)
    assert [line for line in lines if "Process completed" not in line][: len(printed)] == [
        line for line in lines if any(line.startswith(expected) for expected in printed)
    ]
    assert len([line for line in lines if "Process completed" not in line]) == len(printed)


async def test_command_files(runner):
    """Outputs, variables, path and summary reach later steps, values of several lines included."""
    conclusion = await runner.run(
        job(
            """
- id: one
  run: |
    echo "plain=a=b" >> "$GITHUB_OUTPUT"
    printf 'long<<END\\nfirst\\n\\nlast\\nEND\\n' >> "$GITHUB_OUTPUT"
    echo "VAR=from env" >> "$GITHUB_ENV"
    mkdir -p bin; printf '#!/bin/sh\\necho tool' > bin/tool; chmod +x bin/tool
    echo "$PWD/bin" >> "$GITHUB_PATH"
    echo "# Done" >> "$GITHUB_STEP_SUMMARY"
    echo "k=v" >> "$GITHUB_STATE"
- run: |
    echo "${{ steps.one.outputs.plain }}|$VAR|${{ env.VAR }}"
    echo "${{ steps.one.outputs.long }}"
    tool
"""
        )
    )
    seen = runner.recorder
    assert conclusion == "success", seen.text()
    assert seen.printed("a", 3) == ["a=b|from env|from env", "first", "", "last", "tool"]
    assert seen.summaries == ["# Done\n"]


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("echo nonsense >> $GITHUB_OUTPUT", "Invalid format 'nonsense'"),
        ("echo '=x' >> $GITHUB_OUTPUT", "Invalid format '=x'"),
        ("echo 'a<<END' >> $GITHUB_OUTPUT", "Matching delimiter not found 'END'"),
        ("echo NODE_OPTIONS=x >> $GITHUB_ENV", "Can't store NODE_OPTIONS"),
    ],
)
async def test_a_command_file_that_cannot_be_read_fails_the_step(runner, script, message):
    """What the runner cannot read fails the step and says why."""
    assert await runner.run(job(f'- run: "{script}"')) == "failure"
    assert message in runner.recorder.text()
    assert "##[error]Unable to process file command" in runner.recorder.text()


async def test_a_link_in_place_of_a_command_file_is_not_followed(runner, tmp_path):
    """A step cannot make the runner read a file that is not its own."""
    secret = tmp_path / "secret"
    secret.write_text("stolen=secret\n")
    await runner.run(
        job(
            f"- {{id: s, run: 'ln -sf {secret} $GITHUB_OUTPUT'}}\n"
            '- run: echo "[${{ steps.s.outputs.stolen }}]"'
        )
    )
    assert runner.recorder.printed("a", 3) == ["[]"]


async def test_commands_annotate_group_and_mask(runner):
    """Commands become annotations, groups and masks; between stop-commands they are text."""
    await runner.run(
        job(
            """
- run: |
    echo "::notice file=a.py,line=3,title=T%2C::note%0Amore"
    echo "::warning::careful"
    echo "::error::bad"
    echo "::debug::hidden"
    echo "::group::G"
    echo "::endgroup::"
    echo "::add-mask::s3cret"
    echo "the s3cret is s3cret"
    echo "::stop-commands::token"
    echo "::error::only text"
    echo "::token::"
    echo "::notice::again"
"""
        )
    )
    seen = runner.recorder
    assert [(level, message) for _, level, message, _ in seen.annotations] == [
        ("notice", "note\nmore"),
        ("warning", "careful"),
        ("failure", "bad"),
        ("notice", "again"),
    ]
    assert seen.annotations[0][3] == {"file": "a.py", "line": "3", "title": "T,"}
    printed = seen.printed("a", 2)
    assert "the *** is ***" in printed
    assert "::error::only text" in printed
    assert "##[group]G" in printed
    assert "hidden" not in "".join(printed)


async def test_a_masked_secret_is_no_output(runner):
    """A job's output that holds a secret is left out, and said so."""
    await runner.run(
        job(
            "- {id: s, run: 'echo ::add-mask::hush; echo v=hush >> $GITHUB_OUTPUT'}",
            extra='    outputs: {v: "${{ steps.s.outputs.v }}", w: ok}\n',
        )
    )
    assert runner.recorder.outputs["a"] == {"w": "ok"}
    assert "Skip output 'v' since it may contain secret." in runner.recorder.annotations[0][2]


async def test_set_output_still_works_with_a_warning(runner):
    """The deprecated command is obeyed, as at GitHub, and warned about once."""
    await runner.run(
        job(
            "- {id: s, run: 'echo ::set-output name=v::1; echo ::set-output name=w::2'}\n"
            "- run: echo ${{ steps.s.outputs.w }}"
        )
    )
    assert runner.recorder.printed("a", 3) == ["2"]
    assert len(runner.recorder.annotations) == 1


async def test_set_env_is_refused(runner):
    """The disabled commands fail the step, as at GitHub."""
    assert await runner.run(job("- run: echo '::set-env name=A::b'")) == "failure"
    assert "The `set-env` command is disabled" in runner.recorder.text()


async def test_continue_on_error_keeps_the_outcome(runner):
    """A forgiven step has the outcome failure and the conclusion success."""
    conclusion = await runner.run(
        job(
            "- {id: s, continue-on-error: true, run: exit 1}\n"
            "- run: echo ${{ steps.s.outcome }} ${{ steps.s.conclusion }} ${{ job.status }}"
        )
    )
    assert conclusion == "success"
    assert runner.recorder.printed("a", 3) == ["failure success success"]


async def test_a_step_over_its_time_fails(runner):
    """A step's time-out is a failure, which later steps may ask for."""
    conclusion = await runner.run(
        job("- {name: Slow, timeout-minutes: 0.003, run: sleep 30}\n- {if: failure(), run: echo after}")
    )
    seen = runner.recorder
    assert conclusion == "failure"
    assert seen.log_of("a", 2)[-1] == "##[error]The action 'Slow' has timed out after 0.003 minutes."
    assert seen.step_ends["a"][3] == "success"


async def test_names_that_depend_on_steps_come_later(runner):
    """A step's name is known at pick-up unless it depends on a step before it."""
    await runner.run(
        job(
            "- {id: s, run: 'echo v=1 >> $GITHUB_OUTPUT'}\n"
            "- {name: 'Got ${{ steps.s.outputs.v }}', run: 'true'}"
        )
    )
    assert runner.recorder.step_names["a"][2] == "Got 1"


async def test_the_event_is_a_file(runner):
    """Steps read the event's payload from GITHUB_EVENT_PATH."""
    await runner.run(job("- run: cat $GITHUB_EVENT_PATH"), event={"inputs": {"a": "b"}, "n": 1})
    assert json.loads("\n".join(runner.recorder.printed("a", 2))) == {"inputs": {"a": "b"}, "n": 1}


async def test_variables_describe_the_run(runner):
    """The GITHUB_ and RUNNER_ variables are those that GitHub documents."""
    await runner.run(job("- {id: me, run: env}"))
    seen = dict(line.split("=", 1) for line in runner.recorder.printed("a", 2) if "=" in line)
    assert {key: seen[key] for key in ("CI", "GITHUB_ACTIONS", "GITHUB_ACTION", "GITHUB_JOB")} == {
        "CI": "true",
        "GITHUB_ACTIONS": "true",
        "GITHUB_ACTION": "me",
        "GITHUB_JOB": "a",
    }
    assert seen["GITHUB_REPOSITORY"] == "octo/example"
    assert seen["GITHUB_REF_NAME"] == "main"
    assert seen["GITHUB_REF_TYPE"] == "branch"
    assert seen["GITHUB_RUN_ID"] == "20000000001"
    assert seen["GITHUB_WORKFLOW_REF"] == "octo/example/.github/workflows/example.yml@refs/heads/main"
    assert seen["RUNNER_OS"] in ("Linux", "macOS")


async def test_hash_files_covers_the_workspace_only(runner):
    """hashFiles depends on contents, is empty without files, and does not leave the workspace."""
    await runner.run(
        job(
            """
- run: mkdir -p d; echo 1 > d/a.lock; ln -s /etc/hostname d/b.lock
- run: |
    echo "${{ hashFiles('**/*.lock') == hashFiles('d/a.lock') }}"
    echo "${{ hashFiles('**/*.none') == '' }}"
    echo "${{ hashFiles('../**') == '' }}"
"""
        )
    )
    assert runner.recorder.printed("a", 3) == ["true", "true", "true"]


async def test_a_condition_that_cannot_be_evaluated_fails_the_step(runner):
    """A condition that fails when evaluated fails its step with the reason."""
    assert await runner.run(job("- {if: \"fromJSON('')\", run: 'true'}")) == "failure"
    assert "##[error]The template is not valid. Error parsing fromJson" in runner.recorder.text()


async def test_a_missing_folder_fails_the_step(runner):
    """A working directory that does not exist is an error that names it."""
    assert await runner.run(job("- {run: 'true', working-directory: nowhere}")) == "failure"
    assert "nowhere'. No such file or directory" in runner.recorder.text()


async def test_a_huge_log_is_cut_off(runner):
    """A log is cut off at its limit with a line that says so, and the step goes on."""
    settings = ExecutionSettings(pick_up_delay=(0, 0), network=False, max_log_bytes=10_000)
    conclusion = await runner.run(job("- run: yes | head -c 5000000"), settings=settings)
    lines = runner.recorder.log_of("a", 2)
    assert conclusion == "success"
    assert lines[-1] == "##[warning]The log is cut off here: it is longer than 10000 bytes"
    assert sum(map(len, lines)) < 11_000


async def test_output_that_is_no_text_is_shown_anyhow(runner):
    """Bytes that are no UTF-8, carriage returns and endless lines do not stop a step."""
    script = r"printf '\377x\r\n'; head -c 200000 /dev/zero | tr '\0' x; printf '\nlast'"
    conclusion = await runner.run(job(f"- run: |\n    {script}"))
    printed = runner.recorder.printed("a", 2)
    assert conclusion == "success"
    assert printed[0] == "\ufffdx"
    assert printed[-1] == "last"
    assert max(map(len, printed)) <= 65_536


async def test_a_process_left_behind_does_not_hold_the_job(runner):
    """A background process that keeps the output open delays its step by seconds, and ends with the job."""
    conclusion = await runner.run(job("- run: (sleep 60 > /dev/null 2>&1 &) ; echo started"))
    assert conclusion == "success"

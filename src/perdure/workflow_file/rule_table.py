"""Rules that say what has an effect outside, and those that a caller adds."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Family(StrEnum):
    """What kind of effect something has."""

    RELEASE = "release"
    PUBLISH = "publish"
    PUSH = "push"
    TAG = "tag"
    DEPLOY = "deploy"
    UPLOAD = "upload"
    CLOUD = "cloud"
    REQUEST = "request"
    CHANGE = "change"
    NOTIFY = "notify"


@dataclass(frozen=True, kw_only=True)
class CommandRule:
    """A command that has an effect.

    Attributes:
        words: The program and its sub-commands.
        anywhere: Whether the last word may stand behind others, as goals of build tools do.
        harmless: Options with which it does nothing.
        needs: Options without which it does nothing.
        is_safe: Whether it may be done twice.
        safe_with: Options with which it may be done twice.
    """

    words: tuple[str, ...]
    family: Family
    anywhere: bool = False
    harmless: frozenset[str] = frozenset()
    needs: frozenset[str] = frozenset()
    is_safe: bool = True
    safe_with: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class ActionRule:
    """An action that has an effect.

    Attributes:
        uses: ``owner/name``, with a path where it has one, in small letters.
        unless: Inputs that make it do nothing, with the value that does.
        when: Inputs without which it does nothing, with the words that one of them has to hold; no words
            stand for any value that is not ``false``.
        is_safe: Whether it may be done twice.
        safe_with: Inputs that make it safe to be done twice, where they are ``true``.
        permissions: What its token needs, for a wrapper.
    """

    uses: str
    family: Family
    unless: dict[str, str] = field(default_factory=dict)
    when: dict[str, tuple[str, ...]] = field(default_factory=dict)
    is_safe: bool = True
    safe_with: frozenset[str] = frozenset()
    permissions: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class DoctorRules:
    """What the doctor goes by, beside the rules that are built in.

    Attributes:
        variable: The repository variable that guards side effects.
        commands: Commands that have an effect here.
        actions: Actions that have an effect here.
        harmless: Commands, by their first words, and actions that have none here.
        ignored: Rules that are not looked at.
        with_step: Whether a step that shows the dispatch id is wanted beside ``run-name``.
    """

    variable: str = "PERDURE_LIVE"
    commands: tuple[CommandRule, ...] = ()
    actions: tuple[ActionRule, ...] = ()
    harmless: frozenset[str] = frozenset()
    ignored: frozenset[str] = frozenset()
    with_step: bool = False

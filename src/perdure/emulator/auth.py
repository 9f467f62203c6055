"""Who asks: App JWTs, installation tokens and plain tokens, checked as GitHub checks them.

Installation tokens carry all that they allow, signed with a key from the state file, so that they outlive a
restart and look like GitHub's own since April 2026: some 520 characters, ``ghs_<app id>_<jwt>``.
https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app
"""

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import jwt
from jwt.types import Options

from perdure.emulator.identifiers import number_for
from perdure.emulator.settings import App, EmulatorSettings, Installation, User

LEVELS = {"none": 0, "read": 1, "write": 2, "admin": 3}
TOKEN_LENGTH = 520
_TIMES_UNCHECKED: Options = {"verify_exp": False, "verify_iat": False, "verify_nbf": False}
_MAX_JWT_LIFETIME = timedelta(minutes=10)
_CLOCK_SKEW = timedelta(seconds=5)


class AuthenticationError(Exception):
    """A 401, with GitHub's text."""


class SuspendedError(Exception):
    """The installation is suspended: a 403."""


@dataclass(frozen=True)
class UserIdentity:
    """A person, by a plain token."""

    user: User

    @property
    def key(self) -> str:
        """What limits and ETags belong to."""
        return f"user:{self.user.id}"

    def reaches(self, repository: str) -> bool:
        """Whether the repository exists for this person."""
        return self.role(repository) != "none"

    def role(self, repository: str) -> str:
        """Return the person's role in a repository."""
        return self.user.roles.get(repository, self.user.role)

    def allows(self, permission: str, repository: str | None) -> bool:
        """Whether a repository's permission such as ``actions=write`` is covered."""
        level = permission.partition("=")[2]
        return repository is None or LEVELS[self.role(repository)] >= LEVELS[level]


@dataclass(frozen=True)
class AppIdentity:
    """An App, by its JWT."""

    app: App

    @property
    def key(self) -> str:
        """What limits and ETags belong to."""
        return f"app:{self.app.id}"

    def reaches(self, repository: str) -> bool:
        """Whether the repository exists for it: none does, only ``/installation`` below it."""
        return False

    def allows(self, permission: str, repository: str | None) -> bool:
        """Whether a permission is covered: a JWT covers none."""
        return False


@dataclass(frozen=True)
class InstallationIdentity:
    """An installation of an App, by a token limited to repositories and permissions."""

    app: App
    installation: Installation
    token_id: str
    repositories: tuple[str, ...] | None
    permissions: Mapping[str, str]

    @property
    def key(self) -> str:
        """What limits belong to."""
        return f"installation:{self.installation.id}"

    def reaches(self, repository: str) -> bool:
        """Whether the repository exists for this token."""
        granted = repository.split("/")[0].lower() == self.installation.account.lower()
        for names in (self.installation.repositories, self.repositories):
            granted = granted and (names is None or repository.lower() in [name.lower() for name in names])
        return granted

    def allows(self, permission: str, repository: str | None) -> bool:
        """Whether a permission such as ``actions=write`` is covered."""
        name, _, level = permission.partition("=")
        granted = self.permissions.get(name, "read" if name == "metadata" else "none")
        return LEVELS[granted] >= LEVELS[level]


Identity = UserIdentity | AppIdentity | InstallationIdentity


def app_installations(app: App, accounts: Iterable[str]) -> list[Installation]:
    """Return an App's installations: those configured, else one per account."""
    if app.installations:
        return list(app.installations)
    return [
        Installation(id=number_for("user", f"{app.id}/{account}"), account=account) for account in accounts
    ]


def event_installation(settings: EmulatorSettings, account: str) -> Installation | None:
    """Return the installation on whose behalf an account's events are sent: the first App's."""
    found = app_installations(settings.apps[0], (account,)) if settings.apps else []
    return next((one for one in found if one.account.lower() == account.lower()), None)


class Authentication:
    """Accounts, Apps and tokens of one emulator."""

    def __init__(self, settings: EmulatorSettings, secret: str) -> None:
        self._settings = settings
        self._secret = secret
        self._apps = {key: app for app in settings.apps for key in (str(app.id), app.client_id)}
        self.revoked: set[str] = set()
        self.suspended: dict[int, datetime] = {}
        """Installations and since when they are suspended."""
        self._expired_until = 0.0

    def identify(self, authorization: str) -> Identity:
        """Return who sent this ``Authorization`` header.

        Raises:
            AuthenticationError: The credentials are wrong, expired or revoked.
            SuspendedError: The installation is suspended.
        """
        scheme, _, credentials = authorization.partition(" ")
        if scheme.lower() == "basic":
            raise AuthenticationError("Bad credentials")
        token = credentials.strip()
        # Without Apps there are no installation tokens, and an open emulator takes whatever looks like one.
        if token.startswith("ghs_") and self._apps and token not in self._settings.tokens:
            return self._by_installation_token(token)
        if token.count(".") == 2 and token.startswith("ey"):
            return AppIdentity(self._by_jwt(token))
        return UserIdentity(self._by_token(token))

    def granted(self, app: App, installation: Installation) -> Mapping[str, str]:
        """Return the permissions that an installation has."""
        return app.permissions if installation.permissions is None else installation.permissions

    def mint(
        self,
        app: App,
        installation: Installation,
        *,
        repositories: tuple[str, ...] | None,
        permissions: Mapping[str, str],
    ) -> tuple[str, datetime]:
        """Make an installation token and say when it expires."""
        expires_at = (self._settings.clock() + self._settings.token_lifetime).replace(microsecond=0)
        claims: dict[str, object] = {
            "jti": secrets.token_hex(8),
            "app": app.id,
            "ins": installation.id,
            "acc": installation.account,
            "iat": self._settings.clock().timestamp(),
            "exp": int(expires_at.timestamp()),
            "rep": repositories,
            "per": dict(permissions),
        }
        token = self._encode(app, claims)
        # Base64 turns three bytes into four characters.
        missing = (TOKEN_LENGTH - len(token)) * 3 // 4 - len(',"pad":""')
        if missing > 0:
            token = self._encode(app, {**claims, "pad": secrets.token_urlsafe(missing)[:missing]})
        return token, expires_at

    def expire_tokens(self) -> None:
        """Let every installation token that exists expire now."""
        self._expired_until = self._settings.clock().timestamp()

    def revoke(self, identity: InstallationIdentity) -> None:
        """Take a token back."""
        self.revoked.add(identity.token_id)

    def user(self, login: str) -> User | None:
        """Find a person by login."""
        return next((user for user in self._settings.users if user.login.lower() == login.lower()), None)

    def _encode(self, app: App, claims: dict[str, object]) -> str:
        return f"ghs_{app.id}_{jwt.encode(claims, self._secret, algorithm='HS256')}"

    def _by_token(self, token: str) -> User:
        login = self._settings.tokens.get(token)
        if login is None and self._settings.is_open and token:
            return self._settings.users[0]
        user = self.user(login) if login else None
        if user is None:
            raise AuthenticationError("Bad credentials")
        return user

    def _by_installation_token(self, token: str) -> InstallationIdentity:
        try:
            # The emulator's own clock decides on the expiry: tests turn it forward.
            claims = jwt.decode(
                token.split("_", 2)[2], self._secret, algorithms=["HS256"], options=_TIMES_UNCHECKED
            )
        except (jwt.PyJWTError, IndexError):
            raise AuthenticationError("Bad credentials") from None
        app = self._apps.get(str(claims["app"]))
        is_over = claims["exp"] <= self._settings.clock().timestamp() or claims["iat"] <= self._expired_until
        if app is None or is_over or claims["jti"] in self.revoked:
            raise AuthenticationError("Bad credentials")
        found = [one for one in app.installations if one.id == claims["ins"]]
        if app.installations and not found:
            raise AuthenticationError("Bad credentials")
        if claims["ins"] in self.suspended:
            raise SuspendedError
        return InstallationIdentity(
            app=app,
            installation=found[0] if found else Installation(id=claims["ins"], account=claims["acc"]),
            token_id=claims["jti"],
            repositories=None if claims["rep"] is None else tuple(claims["rep"]),
            permissions=claims["per"],
        )

    def _by_jwt(self, token: str) -> App:
        try:
            issuer = str(jwt.decode(token, options={"verify_signature": False}).get("iss", ""))
            app = self._apps[issuer]
            claims = jwt.decode(token, app.public_key, algorithms=["RS256"], options=_TIMES_UNCHECKED)
        except KeyError:
            raise AuthenticationError("Integration not found") from None
        except jwt.PyJWTError:
            raise AuthenticationError("A JSON web token could not be decoded") from None
        self._check_times(claims)
        return app

    def _check_times(self, claims: Mapping[str, object]) -> None:
        now = self._settings.clock()
        issued, expires = _instant(claims.get("iat")), _instant(claims.get("exp"))
        if expires is None:
            raise AuthenticationError("Missing 'expiration time' ('exp') claim")
        if issued is not None and issued > now + _CLOCK_SKEW:
            raise AuthenticationError(
                "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was"
                " issued"
            )
        if expires <= now:
            raise AuthenticationError(
                "'Expiration time' claim ('exp') must be a numeric value representing the future time at"
                " which the assertion expires"
            )
        if expires > now + _MAX_JWT_LIFETIME + _CLOCK_SKEW:
            raise AuthenticationError("'Expiration time' claim ('exp') is too far in the future")


def _instant(value: object) -> datetime | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return datetime.fromtimestamp(value, UTC)

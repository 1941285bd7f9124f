"""The configuration: one TOML file, with ``SAGE_MAIL_*`` variables above it.

A variable names its key with ``__`` between levels (``SAGE_MAIL_DATABASE__URL``); lists such as
``SAGE_MAIL_ACCOUNTS`` are JSON. Unknown keys are errors, because a misspelt key that is silently
ignored would run with a default that nobody chose. Relative paths start at the file's directory.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal

import platformdirs
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    Field,
    PrivateAttr,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from sage_mail.delivery.events import EventType, matches
from sage_mail.delivery.expressions import Expression
from sage_mail.delivery.filters import Announced, Conditions
from sage_mail.delivery.notifications.settings import NotificationSettings
from sage_mail.delivery.schedule import MAX_ATTEMPTS
from sage_mail.errors import ConfigError
from sage_mail.secrets import SecretSource
from sage_mail.settings_problems import describe, misspelt_variables, nearest
from sage_mail.settings_types import (
    TABLE,
    Categories,
    Distinct,
    FilePath,
    KeyringEntry,
    Name,
    Origin,
    Seconds,
    WebAddress,
    at_most_one,
    base_directory,
    known_categories,
)

__all__ = [
    "AccountSettings",
    "AttachmentSettings",
    "ClassificationSettings",
    "DatabaseSettings",
    "FeedSettings",
    "HttpSettings",
    "LogSettings",
    "ReportSettings",
    "RoutingSettings",
    "Settings",
    "WebhookSettings",
    "WordSettings",
    "default_config_path",
    "load_settings",
]

# The folders of the guide's routing; personal and general mail stays where it is.
_FOLDERS = {
    "support": "INBOX/Support",
    "sales": "INBOX/Sales",
    "marketing": "INBOX/Marketing",
    "spam": "INBOX/Spam",
    "newsletter": "INBOX/Newsletter",
    "urgent": "INBOX/Urgent",
}
# 16 characters out of 64 are 96 bits; a word that a person thinks up is seldom that long.
_SHORTEST_TOKEN = _SHORTEST_SECRET = 16
_PORTS = {"tls": 993, "starttls": 143, "plain": 143}


def _known_patterns(patterns: list[str]) -> list[str]:
    for pattern in patterns:
        if not any(matches([pattern], type_) for type_ in EventType):
            raise ValueError(
                f"matches no event type: {pattern!r}{nearest(pattern, EventType)}; "
                f"known are {', '.join(EventType)} and patterns such as message.*"
            )
    return patterns


def _sender_patterns(patterns: list[str]) -> list[str]:
    for pattern in patterns:
        if "@" not in pattern and "*" not in pattern:
            raise ValueError(f"is no pattern of addresses: {pattern!r}; write *@{pattern}")
    return patterns


def _expression(text: str | None) -> str | None:
    if text is not None:
        Expression(text)
    return text


def _initial(value: object) -> object:
    if value in ("none", "unseen", "all"):
        return value
    days = int(value) if isinstance(value, str) and value.isascii() and value.isdigit() else value
    if not isinstance(days, int) or isinstance(days, bool) or days < 1:
        raise ValueError('is not usable: write "none", "unseen", "all" or a number of days')
    return days


def _folders_with_defaults(folders: object) -> object:
    return {**_FOLDERS, **folders} if isinstance(folders, dict) else folders


class _Model(BaseModel):
    model_config = TABLE


class DatabaseSettings(_Model):
    """Where everything is stored. Without a URL it is the SQLite file ``<data_dir>/sage.db``."""

    # Not in repr: the URL of a PostgreSQL carries its password.
    url: str | None = Field(default=None, repr=False, min_length=1)


class AccountSettings(_Model):
    """A mailbox account: where it is, how to log in, which folders to watch."""

    name: Name
    host: str = Field(min_length=1)
    port: int | None = Field(default=None, ge=1, le=65535)
    security: Literal["tls", "starttls", "plain"] = "tls"
    username: str = Field(min_length=1, repr=False)
    auth: Literal["password", "xoauth2"] = "password"
    password: SecretStr | None = None
    password_file: FilePath | None = None
    password_env: str | None = None
    password_keyring: KeyringEntry | None = None
    token: SecretStr | None = None
    token_file: FilePath | None = None
    token_env: str | None = None
    token_keyring: KeyringEntry | None = None
    ca_file: FilePath | None = None
    folders: Annotated[Distinct, Field(min_length=1)] = ["INBOX"]
    # What of the mail that is already there at the first sight is treated as new; a number: days.
    initial: Annotated[Literal["none", "unseen", "all"] | int, BeforeValidator(_initial)] = "none"
    # Providers close accounts that open too many connections: Dovecot 10, Gmail 15.
    idle_connections: int = Field(default=4, ge=0, le=50)
    poll_interval: Seconds = 60.0
    # RFC 2177 asks for less than 29 minutes; many NATs forget a silent connection after ten.
    idle_renewal: Seconds = 540.0
    timeout: Seconds = 30.0

    @property
    def effective_port(self) -> int:
        """The port to connect to: the one given, else the usual one of the security chosen."""
        return self.port or _PORTS[self.security]

    def resolve_password(self) -> str:
        """The password, read now from where the settings say; raises `SecretUnavailable`."""
        return self._password_source().resolve()

    def resolve_token(self) -> str:
        """The access token for XOAUTH2, read now; raises `SecretUnavailable`."""
        return self._token_source().resolve()

    def _password_source(self) -> SecretSource:
        return SecretSource(
            owner=f'account "{self.name}"',
            key="password",
            value=self.password,
            file=self.password_file,
            env=self.password_env,
            keyring=self.password_keyring,
        )

    def _token_source(self) -> SecretSource:
        return SecretSource(
            owner=f'account "{self.name}"',
            key="token",
            value=self.token,
            file=self.token_file,
            env=self.token_env,
            keyring=self.token_keyring,
        )

    @model_validator(mode="after")
    def _one_secret(self) -> AccountSettings:
        wanted, other = self._password_source(), self._token_source()
        if self.auth == "xoauth2":
            wanted, other = other, wanted
        if other.given:
            raise ValueError(f'auth is "{self.auth}", which does not use {other.given[0]}')
        if not wanted.given:
            raise ValueError(f"has no {wanted.key}: set one of {wanted.choices}")
        at_most_one(wanted)
        return self


class RoutingSettings(_Model):
    """What is done with a decision. Nothing is moved or marked unless it is asked for here.

    The folders given are laid over the guide's; an empty name leaves a category where it is.
    """

    enabled: bool = False
    threshold: float = Field(default=0.7, ge=0, le=1)
    mark_seen: bool = False
    # Whether what is stored gets the keyword $SageProcessed; also where nothing is moved.
    mark_processed: bool = False
    folders: Annotated[
        dict[str, str], BeforeValidator(_folders_with_defaults), AfterValidator(known_categories)
    ] = _FOLDERS


class ClassificationSettings(_Model):
    """A trained model beside the rules. It is only recorded what it says, unless it *decides*.

    Below *threshold* it abstains; without one its own holds, with which it was trained.
    """

    # Literals first: a file of one of these names is written as "./none".
    model: Literal["none", "shipped-spam"] | FilePath = "none"
    decides: bool = False
    threshold: float | None = Field(default=None, ge=0, le=1)


class AttachmentSettings(_Model):
    """How attachments are analysed: in processes that are killed at these limits."""

    enabled: bool = True
    thumbnails: bool = True
    processes: int = Field(default=2, ge=1, le=16)
    # A stop takes less than 10 s; nothing that runs may take longer than it has.
    timeout: float = Field(default=5.0, gt=0, le=8)
    # In MiB. The interpreter and its libraries take 75 of the address space.
    memory: int = Field(default=768, ge=256, le=65536)
    max_size: int = Field(default=32, ge=1, le=1024)
    # Of one message; the others are described by name and type.
    max_count: int = Field(default=50, ge=1, le=10_000)


class WebhookSettings(_Model):
    """An endpoint: where events are posted, which, signed with what, how long and how often."""

    name: Name
    # Not in repr and never logged: many services put a token into the path or the query.
    url: WebAddress = Field(repr=False)
    # On this machine or in its network; see `sage_mail.delivery.targets`.
    allow_private: bool = False
    secret: SecretStr | None = None
    secret_file: FilePath | None = None
    secret_env: str | None = None
    secret_keyring: KeyringEntry | None = None
    format: Literal["sage", "guide"] = "sage"
    # Bodies and headers go out where they are asked for; the guide's format asks for them.
    content: bool | None = None
    filter_sensitive: bool = True
    events: Annotated[list[str], Field(min_length=1), AfterValidator(_known_patterns)] = ["*"]
    accounts: list[str] = []
    folders: list[str] = []
    categories: Categories = []
    priorities: list[Literal["high", "medium", "low"]] = []
    senders: Annotated[list[str], AfterValidator(_sender_patterns)] = []
    filter: Annotated[str | None, AfterValidator(_expression)] = None
    # The next of an account is sent only when the one before it is through, or given up.
    ordered: bool = False
    # Standard Webhooks advises 15 to 30 s.
    timeout: Seconds = 30.0
    # With the pauses of `sage_mail.delivery.schedule`: three days.
    max_attempts: int = Field(default=MAX_ATTEMPTS, ge=1, le=100)
    concurrency: int = Field(default=4, ge=1, le=100)
    rate_limit: Seconds | None = None

    _conditions: Conditions = PrivateAttr()

    @property
    def sends_content(self) -> bool:
        """Whether a new message's bodies and headers are sent."""
        return self.format == "guide" if self.content is None else self.content

    def wants(self, event: Announced) -> bool:
        """Whether the event is to be delivered to it."""
        return self._conditions.met_by(event)

    def resolve_secrets(self) -> tuple[str, ...]:
        """The signing secrets, read now: the newest and, during a rotation, the one before it.

        Empty where none is set (nothing is signed then).
        """
        source = self.secret_source()
        secrets = source.resolve_all() if source.given else ()
        # The newest alone, so that a short one can be changed like any other.
        if secrets and len(secrets[0].removeprefix("whsec_")) < _SHORTEST_SECRET:
            raise ConfigError(
                f"{source.owner} has a secret of fewer than {_SHORTEST_SECRET} characters, which "
                "can be guessed; nothing was signed or sent; change it, for instance by "
                f"`sage-mail webhooks rotate {self.name}`"
            )
        return secrets

    def secret_source(self) -> SecretSource:
        """Where the secret comes from."""
        return SecretSource(
            owner=f'webhook "{self.name}"',
            key="secret",
            value=self.secret,
            file=self.secret_file,
            env=self.secret_env,
            keyring=self.secret_keyring,
        )

    def model_post_init(self, _context: Any, /) -> None:
        """Make of the lists what events are held against."""
        self._conditions = Conditions(
            events=self.events,
            accounts=self.accounts,
            folders=self.folders,
            categories=self.categories,
            priorities=self.priorities,
            senders=self.senders,
            expression=None if self.filter is None else Expression(self.filter),
        )

    @model_validator(mode="after")
    def _one_secret(self) -> WebhookSettings:
        at_most_one(self.secret_source())
        return self


class WordSettings(_Model):
    """The user's own word lists, which are added to those of the package."""

    extra: list[FilePath] = []

    def read(self) -> dict[str, str]:
        """The text of each list by its path; raises `ConfigError` for one that cannot be read."""
        return {str(path): _read_text(path) for path in self.extra}


class HttpSettings(_Model):
    """Where the service answers HTTP: its health and metrics, and the live feed."""

    enabled: bool = True
    host: str = Field(default="127.0.0.1", min_length=1)
    port: int = Field(default=8766, ge=0, le=65535)


class FeedSettings(_Model):
    """The live feed: who may follow it. Without a token there is none."""

    token: SecretStr | None = None
    token_file: FilePath | None = None
    token_env: str | None = None
    token_keyring: KeyringEntry | None = None
    # Web pages from elsewhere that may follow it; a page of the service itself always may.
    origins: list[Origin] = []
    # Many proxies cut a connection that has been silent for 30 or 60 s.
    heartbeat: float = Field(default=15.0, ge=0.1, le=300)

    @property
    def enabled(self) -> bool:
        """True if the settings name a token."""
        return bool(self._token_source().given)

    def resolve_token(self) -> str:
        """The token, read now from where the settings say; raises `ConfigError`."""
        token = self._token_source().resolve()
        if len(token) < _SHORTEST_TOKEN:
            raise ConfigError(
                f"the token of the feed is shorter than {_SHORTEST_TOKEN} characters; "
                "make one with: python -c 'import secrets; print(secrets.token_urlsafe(32))'"
            )
        return token

    def _token_source(self) -> SecretSource:
        return SecretSource(
            owner="feed",
            key="token",
            value=self.token,
            file=self.token_file,
            env=self.token_env,
            keyring=self.token_keyring,
        )

    @model_validator(mode="after")
    def _one_token(self) -> FeedSettings:
        at_most_one(self._token_source())
        return self


class LogSettings(_Model):
    """How much is logged, in which shape, and into which file beside the standard output."""

    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    format: Literal["json", "console"] = "json"
    file: FilePath | None = None


class ReportSettings(_Model):
    """How often it is told how things go (in seconds, 0 for the end alone), and into which folder.

    It is always told in the log.
    """

    interval: float = Field(default=3600.0, ge=0, allow_inf_nan=False)
    folder: FilePath | None = None


class Settings(BaseSettings):
    """The whole configuration; `load_settings` makes it from the file and the environment."""

    model_config = SettingsConfigDict(
        env_prefix="SAGE_MAIL_",
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        validate_default=True,
    )

    database: DatabaseSettings = DatabaseSettings()
    data_dir: FilePath = Field(default_factory=lambda: platformdirs.user_data_path("sage-mail"))
    accounts: list[AccountSettings] = []
    routing: RoutingSettings = RoutingSettings()
    classification: ClassificationSettings = ClassificationSettings()
    attachments: AttachmentSettings = AttachmentSettings()
    webhooks: list[WebhookSettings] = []
    notifications: list[NotificationSettings] = []
    words: WordSettings = WordSettings()
    http: HttpSettings = HttpSettings()
    feed: FeedSettings = FeedSettings()
    log: LogSettings = LogSettings()
    report: ReportSettings = ReportSettings()
    # How long work in progress may take to finish after SIGTERM; the whole stop takes under 10 s.
    shutdown_timeout: float = Field(default=8.0, gt=0, le=8.5)

    _source: Path | None = PrivateAttr(default=None)

    @property
    def source(self) -> Path | None:
        """The file that was read; None where everything came from defaults and the environment."""
        return self._source

    @property
    def database_url(self) -> str:
        """The URL of the database, ``<data_dir>/sage.db`` on SQLite where none is set."""
        return self.database.url or f"sqlite:///{self.data_dir.absolute() / 'sage.db'}"

    @property
    def subscribers(self) -> list[WebhookSettings | NotificationSettings]:
        """All that hear of events by way of the outbox."""
        return [*self.webhooks, *self.notifications]

    @property
    def blob_dir(self) -> Path:
        """The directory of the blob store."""
        return self.data_dir / "blobs"

    @model_validator(mode="after")
    def _unique_names(self) -> Settings:
        for kind, names in (
            ("accounts", [account.name for account in self.accounts]),
            # They share the outbox, where names tell them apart.
            ("webhooks and notifications", [each.name for each in self.subscribers]),
        ):
            doubled = sorted({name for name in names if names.count(name) > 1})
            if doubled:
                raise ValueError(f'{kind}: the name "{doubled[0]}" is used twice; rename one')
        return self

    @model_validator(mode="after")
    def _known_accounts(self) -> Settings:
        names = [account.name for account in self.accounts]
        for webhook in self.subscribers:
            kind = "webhooks" if isinstance(webhook, WebhookSettings) else "notifications"
            for pattern in webhook.accounts:
                if not any(matches([pattern], name) for name in names):
                    raise ValueError(
                        f'{kind} ("{webhook.name}").accounts: no account is called '
                        f"{pattern!r}{nearest(pattern, names)}"
                    )
        return self

    @model_validator(mode="after")
    def _feed_needs_http(self) -> Settings:
        if self.feed.enabled and not self.http.enabled:
            raise ValueError("feed: is on while http.enabled is false; switch one of them")
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment above what is passed, which is what the file says."""
        return env_settings, init_settings


def default_config_path() -> Path | None:
    """The file that is used when none is named: ``sage-mail.toml`` here, else the user's own."""
    user = Path("~/.config/sage-mail/config.toml").expanduser()
    return next((path for path in (Path("sage-mail.toml"), user) if path.is_file()), None)


def load_settings(path: Path | None = None) -> Settings:
    """The settings of the file (by default `default_config_path`) and the environment.

    Without a file the environment and the defaults alone make them.

    Raises:
        ConfigError: with one line for each problem, which names the file, the key and the remedy.
    """
    source = path if path is not None else default_config_path()
    raw = _read(source) if source is not None else {}
    base = base_directory.set(source.absolute().parent if source is not None else None)
    try:
        settings = Settings(**raw)
    except ValidationError as error:
        raise ConfigError(describe(error, raw, source, Settings)) from error
    except SettingsError as error:
        cause = f": {error.__cause__}" if isinstance(error.__cause__, ValueError) else ""
        raise ConfigError(f"environment: {error}{cause}; lists and tables are JSON") from error
    finally:
        base_directory.reset(base)
    problems = misspelt_variables(os.environ, Settings, spared=_secret_variables(settings))
    if problems:
        raise ConfigError("\n".join(problems))
    settings._source = source  # noqa: SLF001 - the one maker of the object
    return settings


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(_read_text(path))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not TOML: {error}") from error


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise ConfigError(f"{path} does not exist; create it or name another file") from error
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8 text; save it as UTF-8") from error


def _secret_variables(settings: Settings) -> Iterable[str]:
    for account in settings.accounts:
        yield from (name for name in (account.password_env, account.token_env) if name)
    yield from (webhook.secret_env for webhook in settings.webhooks if webhook.secret_env)
    yield from (each.url_env for each in settings.notifications if each.url_env)
    if settings.feed.token_env:
        yield settings.feed.token_env

"""The configuration: what it understands, what it refuses, and in which words."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.errors import KeyringError

from sage_mail.errors import ConfigError, SecretUnavailable
from sage_mail.settings import Settings, default_config_path, load_settings

_ACCOUNT = '[[accounts]]\nname = "work"\nhost = "mail.example"\nusername = "ada@example.org"\n'
_WEBHOOK = '[[webhooks]]\nname = "crm"\nurl = "https://crm.example/hook?key=t0ken"\n'


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in os.environ:
        if name.startswith("SAGE_MAIL_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "sage-mail.toml"


def _load(file: Path, text: str) -> Settings:
    file.write_text(text, encoding="utf-8")
    return load_settings(file)


def _problem(file: Path, text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        _load(file, text)
    return str(caught.value)


def test_defaults_do_no_harm(file: Path) -> None:
    """An account with the least that it needs: TLS, INBOX, no old mail, nothing moved or marked."""
    settings = _load(file, _ACCOUNT + 'password = "hunter2"\n')
    (account,) = settings.accounts
    assert (account.security, account.effective_port) == ("tls", 993)
    assert (account.folders, account.initial) == (["INBOX"], "none")
    assert not settings.routing.enabled
    assert not settings.routing.mark_seen
    assert settings.routing.folders["support"] == "INBOX/Support"
    assert settings.database_url == f"sqlite:///{settings.data_dir.absolute()}/sage.db"
    assert settings.blob_dir == settings.data_dir / "blobs"
    assert settings.source == file


def test_the_environment_lies_above_the_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable replaces the key of the file that it names, and leaves the key's neighbours."""
    monkeypatch.setenv("SAGE_MAIL_ROUTING__THRESHOLD", "0.9")
    settings = _load(file, "[routing]\nenabled = true\nthreshold = 0.5\n")
    assert (settings.routing.enabled, settings.routing.threshold) == (True, 0.9)


def test_the_environment_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a file the environment makes everything, lists as JSON."""
    monkeypatch.setenv("SAGE_MAIL_DATABASE__URL", "postgresql://u:pw@db/sage")
    monkeypatch.setenv(
        "SAGE_MAIL_ACCOUNTS", '[{"name":"a","host":"h","username":"u","password_env":"P"}]'
    )
    settings = load_settings()
    assert settings.database_url == "postgresql://u:pw@db/sage"
    assert settings.accounts[0].name == "a"
    assert settings.source is None


def test_where_the_file_is_looked_for(tmp_path: Path) -> None:
    """The working directory comes before the user's own configuration."""
    assert default_config_path() is None
    user = tmp_path / "home/.config/sage-mail/config.toml"
    user.parent.mkdir(parents=True)
    user.write_text("")
    assert default_config_path() == user
    (tmp_path / "sage-mail.toml").write_text("")
    assert default_config_path() == Path("sage-mail.toml")


def test_relative_paths_start_at_the_file(tmp_path: Path) -> None:
    """A relative path means the same wherever the program was started."""
    file = tmp_path / "etc/sage.toml"
    file.parent.mkdir()
    text = f'data_dir = "var"\n{_ACCOUNT}password_file = "secret"\n'
    settings = _load(file, text)
    assert settings.data_dir == file.parent / "var"
    assert settings.accounts[0].password_file == file.parent / "secret"
    settings = _load(file, 'data_dir = "~/sage"')
    assert settings.data_dir == tmp_path / "home/sage"


@pytest.mark.parametrize(
    ("value", "initial"), [('"all"', "all"), ('"unseen"', "unseen"), ("30", 30), ('"7"', 7)]
)
def test_initial(file: Path, value: str, initial: object) -> None:
    """The first sight is a word or a number of days."""
    settings = _load(file, f'{_ACCOUNT}password = "x"\ninitial = {value}\n')
    assert settings.accounts[0].initial == initial


def test_routing_folders_lie_over_the_defaults(file: Path) -> None:
    """One folder can be renamed or switched off without naming the others."""
    folders = _load(file, '[routing.folders]\nsupport = "Help"\nspam = ""\n').routing.folders
    assert folders["support"] == "Help"
    assert "spam" not in folders
    assert folders["urgent"] == "INBOX/Urgent"


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (_ACCOUNT + 'passwrod = "hunter2"\n', ['accounts[0] ("work").passwrod', "'password'"]),
        (_ACCOUNT, ['accounts[0] ("work") has no password', "password_env, password_file"]),
        ('[[accounts]]\nhost = "h"\n', ["accounts[0].name is missing", "username is missing"]),
        ('[databse]\nurl = "x"\n', ["databse is not a setting, did you mean 'database'?"]),
        ("[log]\nwidth = 3\n", ["log.width is not a setting; known are level, format"]),
        ("[routing]\nthreshold = 1.5\n", ["routing.threshold", "less than or equal to 1"]),
        ('[routing.folders]\nsuport = "x"\n', ["routing.folders", "'suport'", "'support'"]),
        ("[attachments]\ntimeout = 9\n", ["attachments.timeout", "less than or equal to 8"]),
        ("[attachments]\nmemory = 10\n", ["attachments.memory", "greater than or equal to 256"]),
        ("accounts = 3\n", ["accounts must be a list"]),
        (f'{_ACCOUNT}password = "hunter2"\nport = 0\n', ['("work").port', "greater"]),
        (f'{_ACCOUNT}password = "hunter2"\nfolders = ["A", "A"]\n', ['("work").folders', "twice"]),
        (f'{_ACCOUNT}password = "hunter2"\ninitial = "unsen"\n', ['write "none", "unseen"']),
        (f'{_ACCOUNT}password = "hunter2"\ninitial = true\n', ['write "none", "unseen"']),
        (f'{_ACCOUNT}password = "hunter2"\npassword_env = "P"\n', ["both password and password_e"]),
        (f'{_ACCOUNT}password_keyring = "hunter2"\n', ["password_keyring", "service/user"]),
        (f'{_ACCOUNT}auth = "xoauth2"\n', ["has no token: set one of token_env"]),
        (f'{_ACCOUNT}auth = "xoauth2"\npassword = "hunter2"\n', ["does not use password"]),
        (f'{_ACCOUNT}password = "hunter2"\n' * 2, ['the name "work" is used twice']),
        (f"{_WEBHOOK}{_WEBHOOK}", ['the name "crm" is used twice']),
        (f"{_WEBHOOK}events = ['message.nwe']\n", ['("crm").events', "'message.new'"]),
        (f'{_WEBHOOK}secret = "hunter2"\nsecret_env = "S"\n', ["keep one of them"]),
        ('[[webhooks]]\nname = "w"\nurl = "ftp://hunter2/x"\n', ["write https://host/path"]),
        ('[[webhooks]]\nname = "w"\nurl = "http://[hunter2/"\n', ["write https://host/path"]),
        ('password = = "hunter2"', ["is not TOML", "line 1"]),
    ],
)
def test_problems_name_file_key_and_remedy(file: Path, text: str, parts: list[str]) -> None:
    """Each problem says which file and key it is about and what to do, and quotes no value."""
    problem = _problem(file, text)
    assert problem.startswith(str(file))
    for part in parts:
        assert part in problem
    assert "hunter2" not in problem


def test_all_problems_are_named_at_once(file: Path) -> None:
    """Two mistakes are two lines, so that one start is enough to learn of both."""
    problem = _problem(file, "[routing]\nenabld = true\n[log]\nlevl = 'INFO'\n")
    assert len(problem.splitlines()) == 2


def test_a_missing_file(tmp_path: Path) -> None:
    """A named file that is not there is an error, not an empty configuration."""
    with pytest.raises(ConfigError, match="does not exist"):
        load_settings(tmp_path / "none.toml")


def test_a_file_that_is_not_text(file: Path) -> None:
    """A file in another encoding is refused with the remedy."""
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="save it as UTF-8"):
        load_settings(file)


def test_a_directory_in_place_of_the_file(tmp_path: Path) -> None:
    """What cannot be read says why."""
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        load_settings(tmp_path)


@pytest.mark.parametrize(
    ("variable", "value", "part"),
    [
        ("SAGE_MAIL_DATABSE__URL", "x", "did you mean SAGE_MAIL_DATABASE__URL?"),
        ("SAGE_MAIL_DATABASE__ULR", "x", "SAGE_MAIL_DATABASE__ULR: database.ulr is not a setting"),
        ("SAGE_MAIL_SHUTDOWN_TIMEOUT", "soon", "SAGE_MAIL_SHUTDOWN_TIMEOUT: shutdown_timeout"),
        ("SAGE_MAIL_ACCOUNTS", "[{", "lists and tables are JSON"),
        ("SAGE_MAIL_ACCOUNTS__0__PASSWORD", "hunter2", "it is written as JSON"),
    ],
)
def test_problems_of_the_environment_name_the_variable(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, part: str
) -> None:
    """A variable that is misspelt or holds nonsense is named, its value is not shown."""
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigError) as caught:
        load_settings()
    assert part in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_variables_that_are_no_settings(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A secret's own variable may have our prefix, and strangers with it are left alone."""
    monkeypatch.setenv("SAGE_MAIL_ACCOUNT", "hunter2")
    monkeypatch.setenv("SAGE_MAIL_CRASH_AT", "never")
    monkeypatch.setenv("SAGE_MAIL_ELSEWHERE", "1")
    settings = _load(file, _ACCOUNT + 'password_env = "SAGE_MAIL_ACCOUNT"\n')
    assert settings.accounts[0].resolve_password() == "hunter2"


def test_nothing_secret_is_shown(file: Path) -> None:
    """Neither repr nor str of the whole shows a password, an endpoint's address or a user."""
    text = (
        f'{_ACCOUNT}password = "hunter2"\n{_WEBHOOK}secret = "hunter3"\n'
        '[database]\nurl = "postgresql://u:hunter4@db/x"\n'
    )
    shown = repr(_load(file, text)) + str(_load(file, text))
    for hidden in ("hunter", "t0ken", "ada@"):
        assert hidden not in shown


def test_password_from_a_file(file: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The first line of the file counts; one that others can read is warned about."""
    account = _load(file, _ACCOUNT + 'password_file = "pw"\n').accounts[0]
    secret = tmp_path / "pw"
    secret.write_text("hunter2\r\nmore\n")
    secret.chmod(0o600)
    assert account.resolve_password() == "hunter2"
    assert not caplog.records
    secret.chmod(0o644)
    assert account.resolve_password() == "hunter2"
    assert "secret_file_readable_by_others" in caplog.text
    assert "hunter2" not in caplog.text


@pytest.mark.parametrize(
    ("content", "part"),
    [(None, "No such file"), (b"\nhunter2\n", "empty first line"), (b"\xff", "not UTF-8")],
)
def test_password_file_that_does_not_serve(
    file: Path, tmp_path: Path, content: bytes | None, part: str
) -> None:
    """A file that is missing, empty or binary is an error that names it."""
    account = _load(file, _ACCOUNT + 'password_file = "pw"\n').accounts[0]
    if content is not None:
        (tmp_path / "pw").write_bytes(content)
    with pytest.raises(SecretUnavailable, match=part) as caught:
        account.resolve_password()
    assert 'account "work"' in str(caught.value)


def test_password_from_the_environment(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable is read when it is needed, and named where it is missing."""
    account = _load(file, _ACCOUNT + 'password_env = "WORK_PASSWORD"\n').accounts[0]
    with pytest.raises(SecretUnavailable, match="export WORK_PASSWORD"):
        account.resolve_password()
    monkeypatch.setenv("WORK_PASSWORD", "hunter2")
    assert account.resolve_password() == "hunter2"


class _Ring(KeyringBackend):
    """A keyring in memory, as the keyring package lets one be written."""

    priority = 1

    locked = False

    def get_password(self, service: str, username: str) -> str | None:
        if self.locked:
            raise KeyringError("locked")
        return "hunter2" if (service, username) == ("mail/work", "ada") else None

    def set_password(self, service: str, username: str, password: str) -> None:
        raise KeyringError

    def delete_password(self, service: str, username: str) -> None:
        raise KeyringError


@pytest.fixture
def _keyring_restored() -> Iterator[None]:
    before = keyring.get_keyring()
    yield
    keyring.set_keyring(before)


@pytest.mark.usefixtures("_keyring_restored")
def test_password_from_the_keyring(file: Path) -> None:
    """An entry is service/user; a missing entry and a locked ring name the remedy."""
    ring = _Ring()  # type: ignore[no-untyped-call]  # the package does not annotate it
    keyring.set_keyring(ring)
    account = _load(file, _ACCOUNT + 'password_keyring = "mail/work/ada"\n').accounts[0]
    assert account.resolve_password() == "hunter2"
    other = _load(file, _ACCOUNT + 'password_keyring = "mail/bob"\n').accounts[0]
    with pytest.raises(SecretUnavailable, match="keyring set mail bob"):
        other.resolve_password()
    ring.locked = True
    with pytest.raises(SecretUnavailable, match="password_env or password_file"):
        account.resolve_password()


def test_token_and_webhook_secret(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tokens and signing secrets come from the same places; no signing secret is None."""
    monkeypatch.setenv("TOKEN", "t")
    text = f'{_ACCOUNT}auth = "xoauth2"\ntoken_env = "TOKEN"\n{_WEBHOOK}secret = "{"s" * 16}"\n'
    settings = _load(file, text)
    assert settings.accounts[0].resolve_token() == "t"
    with pytest.raises(ConfigError, match="has no password: set one of password_env"):
        settings.accounts[0].resolve_password()
    assert settings.webhooks[0].resolve_secrets() == ("s" * 16,)
    assert _load(file, _WEBHOOK).webhooks[0].resolve_secrets() == ()


@pytest.mark.parametrize("secret", ["s", "s" * 15, "whsec_YQ==", "whsec_MTIzNDU2Nzg="])
def test_a_signing_secret_that_can_be_guessed(file: Path, secret: str) -> None:
    """It signs nothing, until it is the older of two."""
    (webhook,) = _load(file, f'{_WEBHOOK}secret = "{secret}"\n').webhooks
    with pytest.raises(
        ConfigError, match=r"fewer than 16 characters.*webhooks rotate crm"
    ) as caught:
        webhook.resolve_secrets()
    assert secret not in str(caught.value) or secret == "s"
    (webhook,) = _load(file, f'{_WEBHOOK}secret = """{"n" * 16}\n{secret}"""\n').webhooks
    assert webhook.resolve_secrets() == ("n" * 16, secret)


@pytest.mark.parametrize("host", ["0177.0.0.1", "xn--a", "[v1.x]", "a b", "1.2.3.256"])
def test_an_address_that_nothing_can_be_posted_to(file: Path, host: str) -> None:
    """It is refused when the settings are read, not when the first event is due."""
    with pytest.raises(ConfigError, match="is not a web address"):
        _load(file, f'[[webhooks]]\nname = "crm"\nurl = "http://{host}/"\n')


def test_an_endpoint_chooses_its_events(file: Path) -> None:
    """Lists and an expression narrow what it wants; the guide's format brings the content."""
    settings = _load(
        file,
        f'{_ACCOUNT}password = "x"\n{_WEBHOOK}accounts = ["wo*"]\nfolders = ["INBOX/*"]\n'
        'categories = ["sales"]\npriorities = ["high", "low"]\nsenders = ["*@example.org"]\n'
        'filter = "size > 100"\nordered = true\nrate_limit = 5\n',
    )
    (webhook,) = settings.webhooks
    assert (webhook.ordered, webhook.rate_limit, webhook.max_attempts) == (True, 5.0, 10)
    assert webhook.filter_sensitive
    assert not webhook.allow_private
    assert not webhook.sends_content
    (guided,) = _load(file, f'{_WEBHOOK}format = "guide"\n').webhooks
    assert guided.sends_content
    (bare,) = _load(file, f'{_WEBHOOK}format = "guide"\ncontent = false\n').webhooks
    assert not bare.sends_content


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (
            'filter = "categry == \\"a\\""',
            r'webhooks\[0\] \("crm"\).filter line 1, column 1: undeclared reference to \'categry\'',
        ),
        ('filter = "size"', r"webhooks\[0\] \(\"crm\"\).filter gives int, but must be true"),
        ('categories = ["sale"]', r"categories has an unknown category 'sale', did you mean"),
        ('priorities = ["urgent"]', r"priorities\[0\] is not usable"),
        ('senders = ["example.org"]', r"write \*@example.org"),
        ('accounts = ["hom*"]', r'webhooks \("crm"\).accounts: no account is called \'hom\*\''),
        ("rate_limit = 0", "rate_limit is not usable"),
    ],
)
def test_an_endpoints_choice_is_checked(file: Path, line: str, problem: str) -> None:
    """A mistake shows when the configuration is read, with the endpoint and the key."""
    with pytest.raises(ConfigError, match=problem):
        _load(file, f'{_ACCOUNT}password = "x"\n{_WEBHOOK}{line}\n')


def test_the_feed_is_off_without_a_token(file: Path) -> None:
    """Nothing listens by default; a token in any of its places switches the feed on."""
    assert not _load(file, "").feed.enabled
    settings = _load(
        file, '[feed]\ntoken_env = "SAGE_MAIL_FEED_TOKEN"\norigins = ["https://A.example"]'
    )
    assert settings.feed.enabled
    assert settings.feed.origins == ["https://a.example"]
    assert (settings.http.host, settings.http.port) == ("127.0.0.1", 8766)


def test_the_token_of_the_feed(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is read when it is needed, has to be long, and comes from one place."""
    settings = _load(file, '[feed]\ntoken_env = "FEED"')
    with pytest.raises(SecretUnavailable, match="FEED, which is not set"):
        settings.feed.resolve_token()
    monkeypatch.setenv("FEED", "long-enough-to-be-one")
    assert settings.feed.resolve_token() == "long-enough-to-be-one"
    monkeypatch.setenv("FEED", "short")
    with pytest.raises(ConfigError, match=r"shorter than 16 .* make one with"):
        settings.feed.resolve_token()
    assert "has both token and token_env" in _problem(file, '[feed]\ntoken = "a"\ntoken_env = "B"')


@pytest.mark.parametrize("origin", ["https://a.example/", "a.example", "*", "https://u@a.example"])
def test_an_origin_is_no_address(file: Path, origin: str) -> None:
    """What a browser never sends as an origin is refused."""
    problem = _problem(file, f'[feed]\norigins = ["{origin}"]')
    assert "https://host" in problem

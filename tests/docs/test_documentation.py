"""The documentation says what is."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from queue import Queue
from threading import Event, Thread

import pytest
from pydantic import BaseModel

from sage_imap import services
from sage_imap.services import IMAPClient
from sage_mail.delivery.events import EventType
from sage_mail.delivery.notifications import NotificationSettings
from sage_mail.metrics import Metrics
from sage_mail.settings import (
    AccountSettings,
    ClassificationSettings,
    DatabaseSettings,
    FeedSettings,
    HttpSettings,
    LogSettings,
    ReportSettings,
    RoutingSettings,
    Settings,
    WebhookSettings,
    WordSettings,
)
from sage_mail.storage import Storage
from tests.sage_mail.console.feeding import TOKEN, append, fed
from tests.support.dovecot import PASSWORD, Dovecot, needs_dovecot
from tests.support.script_server import ScriptServer

_ROOT = Path(__file__).resolve().parents[2]
_WAITING = "docs/how-to/wait-for-mail.md"
_MODELS = (
    AccountSettings,
    ClassificationSettings,
    DatabaseSettings,
    FeedSettings,
    HttpSettings,
    LogSettings,
    NotificationSettings,
    ReportSettings,
    RoutingSettings,
    Settings,
    WebhookSettings,
    WordSettings,
)
_MAIL = b"From: Ada <ada@example.org>\r\nSubject: Hello\r\n\r\nA line.\r\n"


def _page(name: str) -> str:
    return (_ROOT / name).read_text("utf-8")


def _python_blocks(page: str) -> Iterator[str]:
    yield from re.findall(r"^```python\n(.*?)^```", _page(page), re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("model", _MODELS, ids=lambda model: model.__name__)
def test_every_setting_is_described(model: type[BaseModel]) -> None:
    """Each field of each table stands in the configuration's reference."""
    page = _page("docs/reference/configuration.md")

    assert [
        name for name in model.model_fields if f"`{name}`" not in page and f"{name}]" not in page
    ] == []


def test_every_event_type_is_described() -> None:
    """Each type of event stands in the reference of events."""
    page = _page("docs/reference/events.md")

    assert [str(type_) for type_ in EventType if f"`{type_}`" not in page] == []


def test_every_metric_is_described() -> None:
    """Each metric that is ours stands in the reference of metrics, and no other does."""
    page = _page("docs/reference/metrics.md")
    families = [family.name for family in Metrics().registry.collect()]
    ours = {name for name in families if name.startswith("sage_mail_")}

    described = {
        name.removesuffix("_total") for name in re.findall(r"^\| `(sage_mail_\w+)`", page, re.M)
    }
    assert described == ours


def test_every_method_of_the_client_is_named() -> None:
    """Each public name of the library's shell stands in its reference."""
    page = _page("docs/reference/library.md")
    names = [name for name in vars(IMAPClient) if not name.startswith("_")]

    assert [name for name in (*services.__all__, *names) if f"`{name}`" not in page] == []


def test_examples_of_the_library_are_typed(tmp_path: Path) -> None:
    """The Python blocks pass mypy --strict; those of a page go on with what the first imports."""
    pages = ["README.md", "docs/tutorial/library.md", "docs/how-to/process-messages.md"]
    scripts = ["\n".join(_python_blocks(page)) for page in pages]
    scripts += _python_blocks(_WAITING)
    files = [tmp_path / f"block_{number}.py" for number in range(len(scripts))]
    for file, script in zip(files, scripts, strict=True):
        file.write_text(script, "utf-8")
    run = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--config-file=", *map(str, files)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "MYPYPATH": str(_ROOT / "src")},
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr


UNREADABLE = r"""
>> * OK [CAPABILITY IMAP4rev1 IDLE] hello
<< A1 LOGIN "ann" "pw"
>> A1 OK [CAPABILITY IMAP4rev1 IDLE] in
<< A2 SELECT "INBOX"
>> * OK [UIDVALIDITY 7] valid\r\n* OK [UIDNEXT 1] next\r\nA2 OK [READ-WRITE] done
"""
ROWS = r"""
>> * 1 FETCH (UID 1 RFC822.SIZE 9 ENVELOPE (NIL "Hello" NIL NIL NIL NIL NIL NIL NIL NIL))
>> * 2 FETCH (UID 2 RFC822.SIZE 9 ENVELOPE (NIL "x))
>> * 3 FETCH (ENVELOPE (NIL "x))
>> * 4 FETCH (UID 4 RFC822.SIZE 9 ENVELOPE NIL)
>> * 5 FETCH (UID 5 RFC822.SIZE 9 ENVELOPE (NIL "Bye" NIL NIL NIL NIL NIL NIL NIL NIL))
"""
READING = rf"""
<< A3 UID SEARCH UNSEEN
>> * SEARCH 1 2 3 4 5\r\nA3 OK done
<< A4 UID FETCH 1:5 (UID ENVELOPE RFC822.SIZE)
{ROWS}
>> A4 OK done
"""
WAITING = rf"""
<< A3 IDLE
>> + idling\r\n* 5 EXISTS
<< DONE
>> A3 OK done
<< A4 UID FETCH 1:* (UID ENVELOPE)
{ROWS}
>> A4 OK done
"""
WATCHING = rf"""
<< A3 UID FETCH 1:* (UID ENVELOPE)
{ROWS}
>> A3 OK done
"""


@pytest.mark.parametrize(
    ("page", "block", "script", "told"),
    [
        ("README.md", 0, READING, ["Hello", "Bye"]),
        (_WAITING, 0, WAITING, ["Hello", "read", "read", "read", "Bye"]),
        (_WAITING, 1, WATCHING, ["Hello", "read", "read", "read", "Bye"]),
    ],
)
def test_examples_survive_rows_that_nobody_can_read(
    page: str, block: int, script: str, told: list[str]
) -> None:
    """The loops go on behind a row that is a failure, and behind one without an envelope."""
    said: list[str] = []

    def tell(*words: object) -> None:
        if len(words) > 1:  # else it is an event
            said.append(str(words[-1]).rpartition(" ")[2])
        if "Bye" in words:
            raise SystemExit

    code = re.sub(r"^config = .*$", "config = _config", [*_python_blocks(page)][block], flags=re.M)
    with ScriptServer(UNREADABLE + script + ".. silence") as server, suppress(SystemExit):
        config = {"host": "127.0.0.1", "port": server.port, "username": "ann", "password": "pw"}
        names = {"_config": {**config, "security": "plain", "timeout": 5.0}, "print": tell}
        exec(compile(code, page, "exec"), names)
    assert said == told


@needs_dovecot
@pytest.mark.live
@pytest.mark.parametrize(
    "page", ["README.md", "docs/tutorial/library.md", "docs/how-to/process-messages.md"]
)
def test_examples_of_the_library_run(
    page: str, dovecot: Dovecot, dovecot_user: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The Python blocks run as printed, but for the server's address and credentials."""
    config = {
        "host": dovecot.host,
        "port": dovecot.port,
        "security": "plain",
        "username": dovecot_user,
        "password": PASSWORD,
    }
    with IMAPClient(config) as client:
        client.append("INBOX", _MAIL)
    names: dict[str, object] = {}
    for block in _python_blocks(page):
        code = re.sub(r"^config = .*$", "config = _config", block, flags=re.MULTILINE)
        names["_config"] = config
        exec(compile(code, page, "exec"), names)

    assert "Hello" in capsys.readouterr().out


@needs_dovecot
@pytest.mark.live
def test_examples_of_waiting_run(
    dovecot: Dovecot, dovecot_user: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """All blocks tell of the mail that comes; the second, which never ends, is ended by it.

    Enter is pressed for the third once it has told something.
    """
    config = {
        "host": dovecot.host,
        "port": dovecot.port,
        "security": "plain",
        "username": dovecot_user,
        "password": PASSWORD,
    }
    blocking, endless, stopped = (block for block in _python_blocks(_WAITING))
    endless = endless.replace("print(", "raise SystemExit(")
    endings: list[object] = []
    told: Queue[object] = Queue()
    third = {"print": told.put, "input": lambda prompt: told.get(timeout=30)}
    for block, names in ((blocking, {}), (endless, {}), (stopped, third)):
        code = re.sub(r"^config = .*$", "config = _config", block, flags=re.MULTILINE)
        over = Event()
        postman = Thread(target=_deliver, args=(config, over))
        postman.start()
        try:
            exec(compile(code, _WAITING, "exec"), {"_config": config, **names})
        except SystemExit as end:
            endings.append(end.args[-1])
        finally:
            over.set()
            postman.join(10)
    assert capsys.readouterr().out.splitlines()[1].endswith(" Hello")
    assert endings == ["Hello"]


def _deliver(config: dict[str, object], over: Event) -> None:
    """Deliver a mail every half second: the first may come before anybody waits."""
    with IMAPClient(config) as client:
        while not over.wait(0.5):
            client.append("INBOX", _MAIL)


@pytest.mark.live
async def test_examples_of_the_feed_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The Python blocks run as printed, but for address, token and the end of the iteration."""
    storage = await Storage.open(f"sqlite:///{tmp_path / 'sage.db'}", blob_dir=tmp_path / "blobs")
    async with fed(storage) as address:
        await append(storage, {"data": {"subject": "Hello", "category": "urgent"}})
        for block in _python_blocks("docs/how-to/follow-the-feed.md"):
            code = block.replace("http://127.0.0.1:8766", address)
            code = code.replace('os.environ["FEED_TOKEN"]', repr(TOKEN))
            code = code.replace("print(", "raise SystemExit(")
            with pytest.raises(SystemExit, match=r"message\.new"):
                await asyncio.to_thread(exec, compile(code, "page", "exec"), {})
    await storage.close()

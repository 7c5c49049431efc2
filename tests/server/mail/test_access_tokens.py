"""Access tokens in place of a password (XOAUTH2): got, kept, renewed, and refused with a reason."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from license_server.db.errors import InputInvalidError
from license_server.mail import mail_servers
from license_server.mail.access_tokens import AccessTokens, TokenRefusedError
from license_server.mail.errors import MailboxUnreadableError
from license_server.settings import ServerSettings
from tests.support import server, token_server
from tests.support.certificates import certificate
from tests.support.desk import Clock
from tests.support.imap import TOKEN, USER
from tests.support.mailroom import Hall, written
from tests.support.postgres import on_sqlite
from tests.support.token_server import TokenServer, granted

SCOPE = "https://outlook.office365.com/.default"


@pytest.fixture
def giving() -> Iterator[TokenServer]:
    with token_server.serving() as found:
        yield found


def settings(giving: TokenServer, folder: Path, *, refresh: bool = True) -> ServerSettings:
    (folder / "secret").write_text("a client's secret\n", "utf-8")
    (folder / "refresh").write_text("first\n", "utf-8")
    return server.settings(
        folder,
        mail_oauth_token_url=giving.url,
        mail_oauth_client_id="hostseal",
        mail_oauth_client_secret_file=folder / "secret",
        mail_oauth_refresh_token_file=folder / "refresh" if refresh else None,
        mail_oauth_scope=SCOPE,
    )


def tokens(found: ServerSettings, clock: Clock | None = None) -> AccessTokens:
    made = mail_servers.access_tokens(found, clock or Clock())
    assert made is not None
    return made


def test_a_refresh_token_gets_an_access_token_that_is_kept_until_shortly_before_its_end(
    giving: TokenServer, tmp_path: Path
) -> None:
    clock = Clock()
    made = tokens(settings(giving, tmp_path), clock)
    assert made.current() == made.current() == "ya29.token"
    assert giving.asked == [
        {
            "client_id": "hostseal",
            "grant_type": "refresh_token",
            "client_secret": "a client's secret",
            "refresh_token": "first",
            "scope": SCOPE,
        }
    ]
    clock.now += 3600 - 61
    made.current()
    assert len(giving.asked) == 1
    clock.now += 1
    giving.says = granted("another")
    assert made.current() == "another"


def test_a_mailbox_of_the_client_itself_needs_no_refresh_token(
    giving: TokenServer, tmp_path: Path
) -> None:
    assert tokens(settings(giving, tmp_path, refresh=False)).current() == "ya29.token"
    assert giving.asked[0]["grant_type"] == "client_credentials"
    assert "refresh_token" not in giving.asked[0]


def test_a_new_refresh_token_takes_the_place_of_the_former(
    giving: TokenServer, tmp_path: Path
) -> None:
    made = tokens(settings(giving, tmp_path))
    giving.says = granted("a", refresh_token="second")
    made.current()
    assert (tmp_path / "refresh").read_text("utf-8") == "second\n"
    assert (tmp_path / "refresh").stat().st_mode & 0o077 == 0
    made.forget()
    made.current()
    assert [one["refresh_token"] for one in giving.asked] == ["first", "second"]
    assert sorted(one.name for one in tmp_path.iterdir()) == ["refresh", "secret"]


def test_a_new_refresh_token_that_cannot_be_written_is_used_until_somebody_gives_another(
    giving: TokenServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = tokens(settings(giving, tmp_path))

    def full(*_: object) -> None:
        raise OSError("no space")

    with monkeypatch.context() as broken:
        broken.setattr("os.fsync", full)
        for renewed in ("second", "third"):
            giving.says = granted("a", refresh_token=renewed)
            made.forget()
            made.current()
    giving.says = granted("a")
    made.forget()
    made.current()
    (tmp_path / "refresh").write_text("given\n", "utf-8")
    made.forget()
    made.current()
    used = [one["refresh_token"] for one in giving.asked]
    assert used == ["first", "second", "third", "given"]
    assert sorted(one.name for one in tmp_path.iterdir()) == ["refresh", "secret"]


@pytest.mark.parametrize(
    ("status", "content", "told"),
    [
        (
            400,
            b'{"error": "invalid_grant", "error_description": "AADSTS700082: it has expired"}',
            "400 invalid_grant AADSTS700082: it has expired",
        ),
        (401, b'{"error": "invalid_client"}', "401 invalid_client"),
        (503, b"<html>busy</html>", "503"),
        (302, b"", "302"),
        (200, b"[]", "200"),
        (200, b'{"access_token": "two words"}', "200"),
        (200, b'{"access_token": "a\\r\\nLOGOUT"}', "200"),
        pytest.param(200, b"x" * 300_000, "too long", id="long"),
    ],
)
def test_a_token_server_that_gives_none_is_told(
    giving: TokenServer, tmp_path: Path, status: int, content: bytes, told: str
) -> None:
    giving.says = lambda _: (status, content)
    with pytest.raises(TokenRefusedError) as error:
        tokens(settings(giving, tmp_path)).current()
    assert told in str(error.value)
    assert "secret" not in str(error.value)


def test_a_token_server_that_does_not_answer_is_not_waited_for_long(
    giving: TokenServer, tmp_path: Path
) -> None:
    over = threading.Event()

    def says(_: dict[str, str]) -> tuple[int, bytes]:
        assert over.wait(60)
        return 200, b""

    giving.says = says
    made = tokens(settings(giving, tmp_path))
    quick = AccessTokens(made.grant._replace(answers_within=0.2), Clock())
    try:
        with pytest.raises(TokenRefusedError, match="timed out"):
            quick.current()
    finally:
        over.set()


def test_a_token_server_whose_answer_never_begins_is_not_waited_for_long(
    giving: TokenServer, tmp_path: Path
) -> None:
    over = threading.Event()
    giving.drips = over, 0.05
    made = tokens(settings(giving, tmp_path))
    quick = AccessTokens(made.grant._replace(answers_within=0.3), Clock())
    try:
        with pytest.raises(TokenRefusedError, match="timed out"):
            quick.current()
    finally:
        over.set()


@pytest.mark.parametrize(
    ("status", "content", "told"),
    [
        (200, b"[" * 60_000, "the token server answered 200"),
        (302, b"", "the token server answered 302"),
        (200, b'{"access_token": "\\ud800"}', "the token server answered 200"),
        (200, b" " * 300_000, "the token server: its answer is too long"),
        (
            400,
            b'{"error": "no", "error_description": "\\u001b[2J\\n\\u202egone"}',
            r"the token server answered 400 no \u001b[2J\u000a\u202egone",
        ),
    ],
    ids=["deep", "redirect", "surrogate", "long", "control characters"],
)
def test_what_a_token_server_answers_does_no_harm(
    giving: TokenServer, tmp_path: Path, status: int, content: bytes, told: str
) -> None:
    giving.says = lambda _: (status, content)
    with pytest.raises(TokenRefusedError) as refused:
        tokens(settings(giving, tmp_path)).current()
    assert str(refused.value) == told
    assert giving.encodings == ["identity"]


def test_a_token_server_is_verified(tmp_path: Path) -> None:
    context, authority = certificate(tmp_path)
    with token_server.serving(context) as giving:
        found = settings(giving, tmp_path)
        with pytest.raises(TokenRefusedError, match="CERTIFICATE_VERIFY_FAILED"):
            tokens(found).current()
        assert giving.asked == []
        verified = found.model_copy(update={"mail_ca_file": Path(authority)})
        assert tokens(verified).current() == "ya29.token"


@pytest.mark.parametrize(
    "url",
    ["http://login.example/token", "login.example", "ftp://a.example", "https://", "http://["],
)
def test_secrets_are_sent_over_https_only(giving: TokenServer, tmp_path: Path, url: str) -> None:
    found = settings(giving, tmp_path).model_copy(update={"mail_oauth_token_url": url})
    with pytest.raises(InputInvalidError, match="https://"):
        tokens(found)


@on_sqlite
def test_a_mailbox_is_read_with_a_token_and_one_that_ended_early_is_renewed(
    hall: Hall, giving: TokenServer, tmp_path: Path
) -> None:
    here = {
        name: value
        for name, value in settings(giving, tmp_path)
        if name.startswith("mail_oauth") and value is not None
    }
    named = {"imap_password_file": None, "imap_user": USER}
    box = mail_servers.mailbox(hall.settings.model_copy(update=here | named), hall.desk.clock)
    assert box is not None
    box = box._replace(place=hall.box.place)
    given = iter(["ended", TOKEN])
    giving.says = lambda _: (200, json.dumps({"access_token": next(given)}).encode())
    hall.there.put(written("x"))
    with pytest.raises(MailboxUnreadableError, match="AUTHENTICATE failed"):
        hall.fetch(box)
    assert hall.fetch(box).mails == 1
    giving.says = lambda _: (400, b'{"error": "invalid_grant"}')
    assert hall.fetch(box).mails == 0  # the token is kept
    assert len(giving.asked) == 2

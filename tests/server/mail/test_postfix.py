"""What a real Postfix takes, and what it says of what it does not take."""

import email
import email.policy
from collections.abc import Iterator
from pathlib import Path

import pytest

from license_core.verify import open_license
from license_server.mail import incoming, mail_servers, outgoing, relay
from license_server.mail.incoming import Own
from license_server.mail.outbox_store import Mail
from license_server.mail.relay import Relay
from tests.support import postfix, server
from tests.support.api import issue
from tests.support.desk import Desk
from tests.support.postfix import Postfix
from tests.support.postgres import on_sqlite

SENDER = "Vendor <support@vendor.example>"


@pytest.fixture(scope="session")
def taking() -> Iterator[Postfix]:
    with postfix.running() as running:
        yield running


def mail(body: str, recipient: str = "li@customer.example") -> Mail:
    id_ = outgoing.new_id(bytes(16), SENDER)
    kept = ("waiting", 0, 0, None, None, None)
    named = (recipient, "李雷", "许可证 HS-2026-KCY3ZBEK", body, id_, "<1@customer.example>", False)
    return Mail(1, 0, "command", "HS-2026-KCY3ZBEK", "darwin", *named, *kept)


def server_at(taking: Postfix) -> Relay:
    settings = server.settings(Path("unused"), smtp_host="127.0.0.1", smtp_port=taking.port)
    told = settings.model_copy(update={"smtp_tls": "none", "mail_from": SENDER})
    made = mail_servers.relay(told, lambda: 0)
    assert made is not None
    return made


@on_sqlite
def test_a_licence_that_went_through_postfix_verifies(desk: Desk, taking: Postfix) -> None:
    number = issue(desk).json()["id"]
    file = desk.client.get(f"/api/v1/licenses/{number}/license.dat", headers=desk.bearer).content
    text = f"您好，\n\n.\n{'long ' * 400}\n{file.decode('utf-8')}\n"
    content = outgoing.write(mail(text), SENDER, file, desk.clock.now)
    outcome = relay.send(
        server_at(taking), outgoing.address_of(SENDER), "li@customer.example", content, lambda: True
    )
    assert outcome is not None
    assert (outcome.state, outcome.answer[:16]) == ("sent", "250 2.0.0 Ok: qu")
    (received,) = taking.received(1)
    read = email.message_from_bytes(received, policy=email.policy.default)
    (attached,) = read.iter_attachments()
    roots = server.roots(desk.settings.data)
    assert open_license(attached.get_content(), roots=roots).license.jti == number
    body = read.get_body().get_content()  # type: ignore[union-attr]
    assert open_license(body.encode("utf-8"), roots=roots).license.jti == number
    again = incoming.read(received, Own("vendor.example"))
    assert (again.kind, again.hosts, again.licenses) == ("own", (), (number,))


def test_postfix_refuses_an_unknown_recipient_for_good(taking: Postfix) -> None:
    unknown = "nobody@customer.example"
    content = outgoing.write(mail("x", unknown), SENDER, None, 0)
    outcome = relay.send(
        server_at(taking), "support@vendor.example", unknown, content, lambda: True
    )
    assert outcome is not None
    assert outcome.state == "failed"
    assert outcome.answer.startswith("550 5.1.1")

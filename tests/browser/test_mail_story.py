"""From the operator's mail to the licence that runs: by a real Postfix, Dovecot and Chromium."""

import email
import email.policy
import json
import shutil
import smtplib
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from pathlib import Path
from typing import NamedTuple

import pytest
from playwright.sync_api import Browser, Page, expect

from license_server.actor import COMMAND
from license_server.catalog import customers, products
from license_server.operations import data_folder
from tests.support import chromium as desk
from tests.support import dovecot, postfix, server
from tests.support.cli import World
from tests.support.imap import PASSWORD, USER
from tests.support.postfix import Postfix
from tests.support.server import Running

OPERATOR, SUPPORT = "li@customer.example", "support@vendor.example"
pytestmark = pytest.mark.timeout(180)
_PATIENCE = 60_000
"""Milliseconds: a busy machine is no fault of a page."""


class Vendor(NamedTuple):
    """A vendor whose mail is at work."""

    running: Running
    post: Postfix


@contextmanager
def at_work(folder: Path) -> Iterator[Vendor]:
    """A server between a mailbox that Postfix delivers into, and Postfix."""
    data, password = folder / "server", folder / "password"
    made = server.make(data)
    database = data_folder.open_database(made)
    now = int(time.time())
    members = {"name": "Nordlicht", "contact_email": OPERATOR, "language": "zh"}
    database.write(lambda c: customers.add(c, members, COMMAND, now))
    defaults = {"days": 365, "limits": {"gpus": 4}}
    database.write(
        lambda c: products.add(c, {"name": "darwin", "defaults": defaults}, COMMAND, now)
    )
    database.close()
    password.write_text(f"{PASSWORD}\n", "utf-8")
    password.chmod(0o600)
    with (
        dovecot.running() as mailbox,
        postfix.running(folder / "postfix", mailbox.mailbox, "nobody") as post,
        server.serving(
            data,
            LICENSE_SERVER_IMAP_HOST="127.0.0.1",
            LICENSE_SERVER_IMAP_PORT=str(mailbox.port),
            LICENSE_SERVER_IMAP_TLS="none",
            LICENSE_SERVER_IMAP_USER=USER,
            LICENSE_SERVER_IMAP_PASSWORD_FILE=str(password),
            LICENSE_SERVER_IMAP_SECONDS="3600",  # what is not announced is not seen in time
            LICENSE_SERVER_SMTP_HOST="127.0.0.1",
            LICENSE_SERVER_SMTP_PORT=str(post.port),
            LICENSE_SERVER_SMTP_TLS="none",
            LICENSE_SERVER_MAIL_FROM=f"Vendor <{SUPPORT}>",
        ) as (url, process),
    ):
        roots = made.root_pub_pem
        yield Vendor(Running(url, "", data, roots, server.EMAIL, server.PASSWORD, process), post)


def send(post: Postfix, body: str, **fields: str) -> str:
    """A mail of the operator; its id."""
    mail = EmailMessage()
    mail["From"], mail["To"] = f"李雷 <{OPERATOR}>", SUPPORT
    mail["Message-ID"] = id_ = f"<{time.time_ns()}@customer.example>"
    for name, value in fields.items():
        mail[name.replace("_", "-")] = value
    mail.set_content(body)
    with smtplib.SMTP("127.0.0.1", post.port) as smtp:
        smtp.send_message(mail)
    return id_


def test_an_operators_mail_becomes_a_licence_that_verifies_where_it_came_from(
    tmp_path: Path, chromium: Browser
) -> None:
    with at_work(tmp_path) as (running, post):
        world = World(tmp_path / "world", int(time.time()))
        shutil.copy(running.root_pub_pem, world.keys / "root.pub.pem")
        line = world.run("get_host_key").out
        _, hostname = json.loads(line)
        asked = send(post, f"您好，请发许可证：\n\n{line}\n谢谢", Subject="申请许可证")
        page = chromium.new_context(base_url=running.url).new_page()
        page.set_default_timeout(_PATIENCE)
        desk.sign_in(page, running)
        _issue(page, hostname)
        page.get_by_role("button", name=f"Reply to {OPERATOR}").click()
        expect(page.locator("h1")).to_contain_text("Mail 1")
        (received,) = post.received(1)
        reply = email.message_from_bytes(received, policy=email.policy.default)
        assert reply["In-Reply-To"] == asked
        assert reply["Subject"] == "Re: 申请许可证"
        (attached,) = reply.iter_attachments()
        file = world.write(attached.get_content())
        assert world.run("install", file).exit_code == 0
        verified = world.json("verify")
        assert (verified.exit_code, verified.json()["ok"]) == (0, True)
        # The request is closed: what the operator answers is seen, beside it.
        send(post, "它能用，谢谢！", Subject="Re: 申请许可证", In_Reply_To=str(reply["Message-ID"]))
        _appears(page, "/requests", "no host")
        page.get_by_role("link", name="no host").click()
        expect(page.locator("#conversation")).to_contain_text("它能用")
        expect(page.locator("#conversation")).to_contain_text("Request 1")


def _appears(page: Page, path: str, text: str) -> None:
    """Look again until *text* is there, as a person does."""
    end = time.monotonic() + 60
    page.goto(path)
    while not page.locator("main").get_by_text(text).count():
        assert time.monotonic() < end, page.locator("main").inner_text()
        page.reload()


def _issue(page: Page, hostname: str) -> None:
    """Issue what the first request of the queue asks for."""
    _appears(page, "/", hostname)
    page.get_by_role("link", name=hostname).click()
    expect(page.get_by_label("Customer", exact=True)).to_have_value("Nordlicht")
    page.get_by_role("button", name="Issue licence").click()

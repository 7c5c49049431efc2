"""Four ways from a container to its licence, through Chromium, and back into the container.

By mail (a real Postfix and Dovecot), by the customer portal, by QR codes, and by telephone.
"""

import email
import email.policy
import json
import re
import shutil
import smtplib
import time
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import NamedTuple

import pytest
from playwright.sync_api import Browser, Page, expect

from license_server.actor import COMMAND
from license_server.catalog import customers, products
from license_server.operations import data_folder
from tests.support import chromium as desk
from tests.support import dovecot, postfix, qr_reader, server
from tests.support.certificates import certificate
from tests.support.chromium import new_context
from tests.support.cli import Done
from tests.support.containers.engine import Container, Engine
from tests.support.containers.stories import HOME, Stage, client
from tests.support.imap import PASSWORD, USER
from tests.support.postfix import Postfix
from tests.support.server import Running
from tests.support.waiting import until
from tests.support.way_out import Front, tls

OPERATOR, SUPPORT = "li@customer.example", "support@vendor.example"
CUSTOMER, HOST = "Nordlicht", "vendor.example"
pytestmark = [pytest.mark.xdist_group("docker"), pytest.mark.timeout(300)]


class Vendor(NamedTuple):
    """A vendor whose mail is at work."""

    running: Running
    post: Postfix


@pytest.fixture(scope="module")
def vendor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Vendor]:
    """A server between a mailbox that Postfix delivers into, and Postfix."""
    folder = tmp_path_factory.mktemp("vendor")
    data, password = folder / "server", folder / "password"
    made = server.make(data)
    database = data_folder.open_database(made)
    now = int(time.time())
    members = {"name": CUSTOMER, "contact_email": OPERATOR, "language": "zh"}
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
        postfix.running(mailbox.mailbox, "nobody") as post,
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


@pytest.fixture
def page(vendor: Vendor, chromium: Browser) -> Iterator[Page]:
    """The desk, before somebody who is signed in."""
    context = new_context(chromium, base_url=vendor.running.url)
    made = context.new_page()
    desk.detect_codes(made)
    desk.sign_in(made, vendor.running)
    yield made
    context.close()


class Operator(NamedTuple):
    """A container that has the product, and whose operator has its folder."""

    container: Container
    folder: Path

    def run(self, *words: str, stdin: str | None = None) -> Done:
        """A command of the client that goes well there."""
        done = client(self.container, *words, stdin=stdin)
        assert done.exit_code == 0, done.err
        return done

    def put(self, content: bytes, name: str) -> str:
        """A file in the product's folder, as the container sees it."""
        (self.folder / name).write_bytes(content)
        return f"{HOME}/{name}"

    def verifies(self) -> None:
        """The licence holds there; in another container it does not."""
        assert self.run("--json", "verify").json()["ok"]
        other = Stage(self.container.engine, self.folder).run("another", hostname="another")
        assert client(other, "verify").exit_code != 0


@pytest.fixture
def operator(
    engine: Engine, vendor: Vendor, tmp_path: Path, request: pytest.FixtureRequest
) -> Operator:
    """Each on a host of its own name: the vendor takes the same one for a host made anew."""
    folder = tmp_path / "darwin"
    for name in ("conf", "keys"):
        (folder / name).mkdir(parents=True)
    shutil.copy(vendor.running.root_pub_pem, folder / "keys" / "root.pub.pem")
    known = ["--add-host", f"{HOST}:host-gateway"]
    name = request.node.name.replace("test_by_", "gpu-").replace("_", "-")
    return Operator(Stage(engine, folder).run(hostname=name, options=known), folder)


def hostname(line: str) -> str:
    return str(json.loads(line)[1])


def appears(page: Page, path: str, text: str) -> None:
    """Look again until *text* is there, as a person does."""
    main = page.locator("main")
    until(lambda: page.goto(path) and main.get_by_text(text).count(), main.inner_text)


def issue_first(page: Page, name: str) -> None:
    """Issue what the request of the queue asks for that names this host."""
    appears(page, "/", name)
    page.get_by_role("link", name=name).click()
    expect(page.get_by_label("Customer", exact=True)).to_have_value(CUSTOMER)
    page.get_by_role("button", name="Issue licence").click()
    page.get_by_text("Issued.").first.wait_for()


def issue_by_form(page: Page) -> None:
    """Issue what the form for a licence says."""
    page.get_by_label("Customer").fill(CUSTOMER)
    page.get_by_label("Product").fill("darwin")
    page.get_by_role("button", name="Preview").click()
    page.get_by_role("button", name="Issue licence").click()
    page.get_by_text("Issued.").first.wait_for()


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


def test_by_mail(vendor: Vendor, page: Page, operator: Operator) -> None:
    line = operator.run("get_host_key").out
    asked = send(vendor.post, f"您好，请发许可证：\n\n{line}\n谢谢", Subject="申请许可证")
    issue_first(page, hostname(line))
    page.get_by_role("button", name=f"Reply to {OPERATOR}").click()
    expect(page.locator("h1")).to_contain_text("Mail 1")
    (received,) = vendor.post.received(1)
    reply = email.message_from_bytes(received, policy=email.policy.default)
    assert reply["In-Reply-To"] == asked
    assert reply["Subject"] == "Re: 申请许可证"
    (attached,) = reply.iter_attachments()
    operator.run("install", operator.put(attached.get_content(), "mailed.dat"))
    operator.verifies()
    # The request is closed: what the operator answers is seen, beside it.
    answer = {"Subject": "Re: 申请许可证", "In_Reply_To": str(reply["Message-ID"])}
    send(vendor.post, "它能用，谢谢！", **answer)
    appears(page, "/requests", "no host")
    page.get_by_role("link", name="no host").click()
    expect(page.locator("#conversation")).to_contain_text("它能用")
    expect(page.locator("#conversation")).to_contain_text("Request 1")


def test_by_the_customer_portal(
    vendor: Vendor, page: Page, operator: Operator, tmp_path: Path
) -> None:
    page.goto("/customers")
    page.get_by_role("link", name=CUSTOMER).first.click()
    page.get_by_role("link", name="Customer portal").click()
    page.get_by_role("button", name="Make link").click()
    link = page.locator("#portal-link").inner_text()
    context, authority = certificate(tmp_path, HOST)
    trusted = operator.put(Path(authority).read_bytes(), "authority.pem")
    front = Front(vendor.running.url)
    with tls(front, context, operator.container.engine.listening(), HOST) as url:
        invited = operator.put(link.replace(vendor.running.url, url).encode(), "link")
        by_link = ("--token-file", invited, "--ca", trusted)
        asked = operator.run("--json", "request", "--submit", f"{url}/portal", *by_link).json()
        issue_first(page, hostname(operator.run("get_host_key").out))
        operator.run("install", asked["url"], *by_link)
    operator.verifies()


def test_by_qr_codes(page: Page, operator: Operator, tmp_path: Path) -> None:
    shown = operator.run("get_host_key", "--qr").out
    photo = tmp_path / "photo.png"
    photo.write_bytes(qr_reader.png(qr_reader.of_terminal(shown)))
    page.goto("/licenses/new")
    page.get_by_label("Read a picture of one").set_input_files(photo)
    line = operator.run("get_host_key").out.strip()
    expect(page.locator("#host")).to_have_value(line)
    issue_by_form(page)
    page.get_by_role("link", name="As QR codes").click()
    codes = page.locator("main svg").all()
    assert len(codes) == 2
    texts = [text for code in codes for text in qr_reader.read(code.screenshot(), ".png")]
    operator.run("install", "-", stdin="\n".join(texts))
    operator.verifies()


def test_by_telephone(page: Page, operator: Operator) -> None:
    key, name = json.loads(operator.run("get_host_key").out)
    read_out = operator.run("get_host_key", "--phone").out.splitlines()
    groups = " ".join(read_out[:3]).split()
    misheard = [*groups[:4], groups[4][1::-1] + groups[4][2:], *groups[5:]]
    if misheard == groups:  # two digits that are the same
        misheard[4] = f"{(int(groups[4]) + 1) % 10**6:06}"
    page.goto("/licenses/new")
    host = page.get_by_label("Operator's request")
    host.fill(f"{' '.join(misheard)}\n{name}")
    page.get_by_text(re.compile("group 5")).first.wait_for()
    host.fill(f"{' '.join(groups)}\n{name}")
    page.get_by_text(key).first.wait_for()
    issue_by_form(page)
    with page.expect_download() as download:
        page.get_by_role("link", name="Download license.dat").first.click()
    file = Path(download.value.path()).read_bytes()
    operator.run("install", operator.put(file, "downloaded.dat"))
    operator.verifies()

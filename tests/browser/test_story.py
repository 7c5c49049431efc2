"""A support engineer's first week, as people see it: one story, played in many ways.

With a script and without, in English and Chinese, on a wide screen and a narrow one, with a mouse
and by keyboard alone, and with all that is harder at once.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import NamedTuple

import pyotp
import pytest
from playwright.sync_api import Browser, Locator, Page, ViewportSize, expect

from license_core.problems import PROBLEMS
from license_server.access import accounts, invitations
from license_server.actor import COMMAND
from license_server.catalog import products
from license_server.operations import data_folder
from license_server.web.reader import catalogue
from tests.support import hosts, judge, large_ledger, server
from tests.support.chromium import new_context
from tests.support.cli import World
from tests.support.hands import Keyboard, Mouse
from tests.support.server import PASSWORD, Running

pytestmark = [pytest.mark.xdist_group("story"), pytest.mark.timeout(600)]
LICENSES, LICENSES_TORTURE = 5_000, 100_000
"""So many others have, among which ours is found again."""
PRODUCT, GUARDED = "darwin", "guarded"
CUSTOMER = "Nordlicht 北光影业"
UNDOING = (
    "A revoked licence cannot be renewed, rehosted or changed. A revocation made "
    "by mistake is undone with a new licence."
)
LEARN = "Hosts learn of it from the next revocation list."
REASON = "合同 4711: the IP is another one"
STEP = 30
"""Seconds for which a one-time code is the present one."""
WRONG_HOST = PROBLEMS["WrongHostError"].exit_code


class Way(NamedTuple):
    """How somebody works."""

    script: bool = True
    language: str = "en"
    size: ViewportSize = judge.WIDE
    hand: type[Mouse] = Mouse
    axe: bool = False
    """Whether axe-core looks too: once for each language."""


WAYS = {
    "plain": Way(axe=True),
    "no-javascript": Way(script=False),
    "chinese": Way(language="zh", axe=True),
    "narrow": Way(size=judge.NARROW),
    "keyboard": Way(hand=Keyboard),
    "all-at-once": Way(False, "zh", judge.NARROW, Keyboard),
}
SHORT = ("all-at-once",)
"""The ways of every run of the tests; the others differ from the first in one thing alone."""


class Desk:
    """The desk as somebody has it before them, who works in a *way*."""

    def __init__(self, page: Page, way: Way, email: str) -> None:
        self.page, self.way, self.email = page, way, email
        self.hand = way.hand(page)
        self.main = page.locator("main")
        self.say = catalogue(way.language).gettext
        self.wrong = judge.listen(page)
        self.judged: judge.Kinds = {}

    # What they see

    def see(self, *texts: str) -> None:
        """These texts are on the page, in their language, and nothing is wrong with it."""
        for text in texts:
            expect(self.main).to_contain_text(self.say(text), use_inner_text=True)
        found = judge.glance(self.page, self.way.language) + self.wrong
        assert not found, f"{self.page.url}: {found}"

    def judge(self) -> None:
        """Nothing is wrong for axe-core either: for pages that no link leads to."""
        if not self.way.axe:
            return
        found = judge.without_colours(self.page) + judge.of_colours(self.page, self.judged)
        assert not found, f"{self.page.url}: {found}"

    # What they do

    def button(self, name: str, **values: str) -> None:
        """Press a button that leads on."""
        self.hand.follow(self._called("button", name, values))

    def link(self, name: str, **values: str) -> None:
        """Follow a link of the page."""
        self.hand.follow(self._called("link", name, values))

    def proposal(self, id_: str) -> None:
        """Open a proposal of the list."""
        self.hand.follow(self.main.locator(f'a[href="/proposals/{id_}"]'))

    def room(self, name: str) -> None:
        """Go somewhere by the menu."""
        self.aside("link", self.say(name))

    def aside(self, role: str, name: str) -> None:
        """Use what stands beside each page; on a narrow screen it may have to be opened."""
        found = self.page.locator("header").get_by_role(role, name=name, exact=True)  # type: ignore[arg-type]
        menu = self.page.locator("header summary")
        if menu.is_visible() and not found.is_visible():
            self.hand.press(menu)
        self.hand.follow(found)

    def write(self, label: str, text: str) -> None:
        """Fill in a field."""
        self.hand.write(self.field(label), text)

    def field(self, label: str) -> Locator:
        """The field that is called so."""
        return self.main.get_by_label(self.say(label), exact=True)

    def download(self) -> bytes:
        """The file that the page offers."""
        with self.page.expect_download() as found:
            self.hand.press(self._called("link", "Download license.dat", {}))
        assert found.value.suggested_filename == "license.dat"
        return Path(found.value.path()).read_bytes()

    def _called(self, role: str, name: str, values: dict[str, str]) -> Locator:
        called = self.say(name) % values if values else self.say(name)
        return self.main.get_by_role(role, name=called, exact=True)  # type: ignore[arg-type]


class Vendor(NamedTuple):
    """A server of a vendor with many licences, and a browser."""

    running: Running
    browser: Browser

    @contextmanager
    def desk(self, way: Way, email: str) -> Iterator[Desk]:
        """A browser of its own, before somebody with this address."""
        context = new_context(
            self.browser,
            base_url=self.running.url,
            java_script_enabled=way.script,
            viewport=way.size,
            locale={"en": "en-GB", "zh": "zh-CN"}[way.language],
            timezone_id="Asia/Shanghai",
            reduced_motion="reduce",
        )
        yield Desk(context.new_page(), way, email)
        context.close()

    def new_people(self, name: str) -> tuple[str, str, str]:
        """The address of an engineer and the secret of their invitation; that of an approver."""
        now = int(time.time())
        engineer, approver = f"{name}@example.com", f"{name}-approver@example.com"
        opened = data_folder.open_database(server.settings(self.running.data))
        opened.write(lambda c: accounts.add(c, approver, PASSWORD, "approver", COMMAND, now))
        secret, _ = opened.write(
            lambda c: invitations.invite(c, engineer, "issuer", COMMAND, now, os.urandom)
        )
        opened.close()
        return engineer, secret, approver


@pytest.fixture(scope="module")
def vendor(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, chromium: Browser
) -> Iterator[Vendor]:
    """A vendor who has issued so many licences."""
    folder = tmp_path_factory.mktemp("story")
    made = server.make(folder / "server")
    opened = data_folder.open_database(made)
    large_ledger.fill(opened.engine, request.param, seed=1)
    for rules in ({"name": PRODUCT}, {"name": GUARDED, "needs_approval": True}):
        opened.write(lambda c, rules=rules: products.add(c, rules, COMMAND, 1))  # type: ignore[misc]
    opened.close()
    with server.serving(made.data) as (url, process):
        roots = made.root_pub_pem
        running = Running(url, "", made.data, roots, server.EMAIL, PASSWORD, process)
        yield Vendor(running, chromium)


@pytest.fixture
def operator(tmp_path: Path, vendor: Vendor, request: pytest.FixtureRequest) -> World:
    """An operator whose product trusts the vendor, on a host that no other test has."""
    world = World(tmp_path / "operator")
    pem = vendor.running.root_pub_pem.read_text("ascii")
    (world.keys / "root.pub.pem").write_text(pem, "ascii")
    hosts.container(world.host, hostname=_hostname(request.node.callspec.params["name"]))
    return world


def _hostname(way: str) -> str:
    return f"gpu-{way}"


@pytest.mark.parametrize(
    ("name", "vendor"),
    [
        *((name, LICENSES) for name in SHORT),
        *(pytest.param(name, LICENSES_TORTURE, marks=pytest.mark.torture) for name in WAYS),
    ],
    indirect=["vendor"],
)
def test_support_engineer_completes_the_first_week(
    vendor: Vendor, operator: World, name: str
) -> None:
    way, customer = WAYS[name], f"{CUSTOMER} {name}"
    engineer, invitation, approver = vendor.new_people(name)
    with vendor.desk(way, engineer) as desk:
        come_in(desk, invitation)
        issue(desk, operator, customer)
        install(desk, operator)
        renew(desk)
        install(desk, operator)
        hosts.container(operator.host, hostname=_hostname(name), ip="172.17.0.9")
        assert operator.spawn("verify").returncode == WRONG_HOST
        rehost(desk, operator)
        install(desk, operator)
        number = revoke(desk)
        find(desk, number, customer)
        propose(desk, operator, customer)
        proposal = desk.page.url.partition("?")[0].rpartition("/")[2]
        with vendor.desk(way, approver) as second:
            approve(second, proposal, customer)
        see_what_was_decided(desk, proposal, approver)


def come_in(desk: Desk, invitation: str) -> None:
    """Choose a password, set up codes, and sign in with both."""
    desk.page.goto(f"/invitation?secret={invitation}")
    desk.see("Welcome", desk.email)
    desk.write("Password", PASSWORD)
    desk.write("Repeat the password", PASSWORD)
    desk.button("Set password")
    sign_in(desk)
    desk.see("Requests")
    desk.aside("link", desk.email)
    desk.see("Your account")
    codes = desk.main.locator("section", has_text=desk.say("Set up one-time codes"))
    desk.hand.write(codes.get_by_label(desk.say("Current password")), PASSWORD)
    desk.button("Set up one-time codes")
    desk.see("Set up one-time codes", "Code the authenticator shows now")
    desk.judge()
    secret = desk.field("Secret").inner_text().replace(" ", "")
    now = int(time.time())
    desk.write("Code the authenticator shows now", pyotp.TOTP(secret).at(now))
    desk.button("Turn on one-time codes")
    desk.see("Recovery codes")
    desk.judge()
    desk.link("I have saved them")
    desk.see("You enter a one-time code each time you sign in.")
    desk.aside("button", desk.say("Sign out"))
    sign_in(desk)
    label = "One-time code or recovery code"
    desk.see("One-time code")
    desk.write(label, pyotp.TOTP(secret).at(now + STEP))  # each is taken once: the next one
    desk.button("Sign in")
    desk.see("Requests")


def sign_in(desk: Desk) -> None:
    """The password's half."""
    if not desk.page.url.startswith("http"):
        desk.page.goto("/")
    desk.see("Sign in")
    desk.write("Email address", desk.email)
    desk.write("Password", PASSWORD)
    desk.button("Sign in")


def mangled(line: str) -> str:
    """The operator's line as a mail program and a word processor leave it."""
    key, name = line[2:42], line.rpartition(', "')[2].rstrip('"]\n')
    return f"Hello,\n> “[”{key[:20].upper()}\n> {key[20:]}” ， “{name}”]。\n\nKind regards\n"


def paste_and_fill(desk: Desk, operator: World, label: str) -> str:
    """Paste what the operator sent; the key that is in it."""
    line = operator.spawn("get_host_key").stdout.decode()
    desk.hand.paste(desk.field(label), mangled(line))
    return line[2:42]


def order(desk: Desk, operator: World, customer: str, product: str) -> None:
    """From the operator's line to what would be signed."""
    desk.room("Issue a licence")
    desk.see("Paste what the operator sent. You review the licence before it is issued.")
    key = paste_and_fill(desk, operator, "Operator's request")
    if desk.way.script:  # at once, beside it
        desk.see("Request details", key, "It has no valid licence.")
        desk.judge()
    desk.write("Customer", customer)
    desk.write("Product", product)
    desk.write("Limits", "gpus=4")
    desk.button("Preview")
    desk.see("Check the licence below. Nothing is issued yet.")
    desk.see(key, customer, product, "gpus 4", "exact: hostname, IP address, machine and container")


def issue(desk: Desk, operator: World, customer: str) -> None:
    order(desk, operator, customer, PRODUCT)
    desk.judge()
    desk.button("Issue licence")
    desk.see("Issued. Now send it", customer)
    desk.judge()


def install(desk: Desk, operator: World) -> None:
    """What the page offers is sent to the operator, who installs it; then the product may start."""
    path = operator.write(desk.download())
    for command in (["install", path], ["verify"]):
        done = operator.spawn(*command)
        assert done.returncode == 0, done.stderr.decode()


def renew(desk: Desk) -> None:
    former = number_of(desk)
    desk.link("Renew")
    desk.see("Current licence")
    desk.hand.write(
        desk.main.get_by_role("spinbutton", name=desk.say("Number of days"), exact=True), "90"
    )
    desk.write("Reason (optional)", REASON)
    desk.button("Preview")
    desk.see("Field", "Expires", REASON)
    desk.judge()
    desk.button("Renew %(number)s", number=former)
    desk.see("Issued. Now send it", "Renewed", REASON, former)
    assert number_of(desk) != former


def rehost(desk: Desk, operator: World) -> None:
    former = number_of(desk)
    desk.link("Rehost")
    key = paste_and_fill(desk, operator, "Request from the new host")
    desk.write("Reason", REASON)
    desk.button("Preview")
    desk.see("Field", "Host key", key, REASON)
    desk.judge()
    desk.button("Rehost %(number)s", number=former)
    desk.see("Issued. Now send it", "Rehosted", key)
    assert number_of(desk) != former


def revoke(desk: Desk) -> str:
    number = number_of(desk)
    desk.link("Revoke")
    desk.see(UNDOING, "Current licence")
    desk.write("Reason", REASON)
    desk.button("Revoke %(number)s", number=number)
    desk.see(LEARN, "revoked", REASON)
    return number


def find(desk: Desk, number: str, customer: str) -> None:
    """By what a caller knows, and by its state."""
    desk.room("Licences")
    desk.see("Licences", "Older")
    state = desk.main.locator("#state")  # the columns have one of this name too
    # With a script a filter acts at once; without, the button does.
    with desk.page.expect_navigation() if desk.way.script else nullcontext():
        desk.hand.choose(state, desk.say("revoked"))
    desk.write("Search", customer.split()[1][:2] + " " + customer.split()[2])
    desk.button("Search")
    desk.see(number, customer)
    expect(desk.main.locator("tbody tr")).to_have_count(1)
    desk.link(number)
    desk.see(customer, "revoked")


def propose(desk: Desk, operator: World, customer: str) -> None:
    order(desk, operator, customer, GUARDED)
    desk.button("Submit proposal")
    desk.see("Proposal submitted.", customer, "Withdraw")
    desk.judge()


def approve(second: Desk, proposal: str, customer: str) -> None:
    second.page.goto("/")
    sign_in(second)
    second.see("Requests")
    second.room("Proposals")
    second.see(customer)
    second.proposal(proposal)
    second.see("Licence to be issued", customer, GUARDED)
    second.button("Approve and issue")
    second.see("Issued. Now send it", customer)


def see_what_was_decided(desk: Desk, proposal: str, approver: str) -> None:
    desk.room("Proposals")
    desk.link("Approved")
    desk.proposal(proposal)
    desk.see("Decision", "approved", approver)


def number_of(desk: Desk) -> str:
    """The number of the licence whose page this is."""
    return desk.main.locator("h1").inner_text().split()[0]

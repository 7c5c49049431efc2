"""A vendor after a year of work: every state there is, and hostile names.

For looking at pages, and for tests of pages. What is done, is done by the services, at instants
that lie as far back as they say, so that states that time makes (ended, in grace) are real.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from license_core.request import LicenseRequest
from license_server.access import (
    accounts,
    invitations,
    tokens,
)
from license_server.access.tokens import Grant
from license_server.actor import COMMAND
from license_server.catalog import customers, products
from license_server.catalog.terms import DAY
from license_server.db.reply_store import Reply
from license_server.licenses import issuing, notes
from license_server.licenses.proposals import refuse
from tests.support import server
from tests.support.ledger import APPROVER, ISSUER, Ledger, finished, line, open_ledger
from tests.support.server import Running

YEAR = 365 * DAY
LONG = "Würde" * 40
"""200 characters without a space."""
MARKUP = "<script>alert(\"1\")</script><b>bold</b> & 'quoted'"
RIGHT_TO_LEFT = "شركة النور للبرمجيات (ACME)"
CHINESE = "上海云渲科技有限公司"
FORMULA = '=HYPERLINK("http://127.0.0.1/","click")'
MARKS = "\u202eevil\u202c \u200fmarks\u2066 \x1b[2J"
"""Direction and control characters, for the fields that take any text."""
CUSTOMERS = ("ACME", CHINESE, LONG, MARKUP, RIGHT_TO_LEFT, FORMULA)
LONG_PRODUCT = "p" * 64
APPROVED = "guarded"
"""The product whose licences a second person approves."""
PASSWORD = "a password of somebody"
"""Of everybody but the administrator."""
MANY = 60
"""So many licences more, so that every list has a second page."""


class Furnished(NamedTuple):
    """The names and numbers that a test can look for."""

    valid: str
    ends_soon: str
    in_grace: str
    ended: str
    perpetual: str
    suspended: str
    revoked: str
    replaced: str
    renewed: str
    rehosted: str
    """Moved three times, with an act of every kind in its life."""
    anchored: str
    waiting: int
    """A proposal."""
    invitation: str
    """The secret of an invitation that holds."""


def furnish(ledger: Ledger, now: int) -> Furnished:
    """Fill the *ledger* of a vendor who began a year before the instant *now*."""
    _set_up(ledger, now - YEAR)
    old = _at(ledger, now - YEAR + DAY)
    rehosted = _moved_about(old)
    ended = old.issue(20, customer=LONG, days=200, product="old-product")
    in_grace = old.issue(21, customer=CHINESE, days=358, grace_days=30, notify_days=30)
    ends_soon = old.issue(22, customer=MARKUP, days=375, notify_days=30)
    replaced = old.issue(23, customer=RIGHT_TO_LEFT, days=200)
    for number in range(MANY):
        day = now - YEAR + (2 + 5 * number) * DAY
        made = _at(ledger, day)
        made.issue(
            100 + number,
            customer=CUSTOMERS[number % len(CUSTOMERS)],
            product=("darwin", "studio", LONG_PRODUCT)[number % 3],
            days=30 + 11 * number,
        )
    recent = _at(ledger, now - 30 * DAY)
    renewed = recent.act("renew", replaced, days=365)
    suspended = recent.issue(24, customer=FORMULA, days=365)
    recent.end("suspend", suspended, MARKUP)
    revoked = recent.issue(25, customer=CHINESE, days=365)
    recent.end("revoke", revoked, LONG)
    present = _at(ledger, now)
    valid = present.issue(
        26,
        customer=CHINESE,
        days=365,
        edition="enterprise",
        features=[f"feature-{n}" for n in range(12)] + ["f" * 64],
        limits={"gpus": 4, "l" * 64: 2**53 - 1},
        maintenance_until="2036-12-31",
        notify_days=30,
        grace_days=14,
    )
    perpetual = present.issue(27, customer=LONG, product=LONG_PRODUCT, days=None, perpetual=True)
    anchored = present.issue(_request(), customer=CHINESE, match="anchored")
    found = _people(present)
    waiting = _proposed(present)
    with ledger.site.database.reading() as connection:
        stored = issuing.find(connection, valid)
    ledger.site.database.write(
        lambda c: notes.add(c, stored, {"note": f"{MARKUP} {MARKUP}"}, ISSUER, now)
    )
    present.checkpoint()
    return Furnished(
        valid=valid,
        ends_soon=ends_soon,
        in_grace=in_grace,
        ended=ended,
        perpetual=perpetual,
        suspended=suspended,
        revoked=revoked,
        replaced=replaced,
        renewed=renewed,
        rehosted=rehosted,
        anchored=anchored,
        waiting=waiting,
        invitation=found,
    )


@contextmanager
def furnished_server(folder: Path, now: int) -> Iterator[tuple[Running, Furnished]]:
    """A server process with all that, its data in *folder*/server; *now* is the real instant."""
    made = server.make(folder / "server", now=now - YEAR)
    ledger = open_ledger(made)
    furnished = furnish(ledger, now)
    token = server.new_token(ledger.site.database, "test", now)
    ledger.site.database.close()
    with server.serving(made.data) as (url, process):
        yield (
            Running(
                url,
                token,
                made.data,
                made.root_pub_pem,
                server.EMAIL,
                server.PASSWORD,
                process,
            ),
            furnished,
        )


def _at(ledger: Ledger, instant: int) -> Ledger:
    return ledger._replace(site=ledger.site._replace(clock=lambda: instant))


def _set_up(ledger: Ledger, now: int) -> None:
    write = ledger.site.database.write
    made: tuple[dict[str, Any], ...] = (
        {"name": "darwin", "rehosts": 5, "longest_days": 3650},
        {"name": "studio", "defaults": {"days": 365, "edition": "pro", "notify_days": 30}},
        {"name": APPROVED, "needs_approval": True},
        {"name": LONG_PRODUCT, "defaults": {"features": [f"feature-{n}" for n in range(20)]}},
        {"name": "old-product", "rehosts": 0},
    )
    for members in made:
        write(lambda c, members=members: products.add(c, members, COMMAND, now))  # type: ignore[misc]
    for name in CUSTOMERS:
        members = {
            "name": name,
            "contact_name": name,
            "contact_email": f"{'long.' * 20}address@example.com",
            "language": "zh" if name == CHINESE else "en",
            "notes": f"{MARKUP}\n{MARKS}\n{LONG * 10}",
        }
        write(lambda c, members=members: customers.add(c, members, ISSUER, now))  # type: ignore[misc]
    write(lambda c: customers.add(c, {"name": "Nothing yet"}, ISSUER, now))


def _moved_about(ledger: Ledger) -> str:
    """A licence rehosted, changed, suspended, reinstated and renewed."""
    number = ledger.issue(1, customer="ACME", days=365)
    number = ledger.act("rehost", number, host=line(2), reason="a new machine")
    number = ledger.act("rehost", number, host=line(3), reason=MARKUP)
    number = ledger.act("change", number, features=["export"], limits={"gpus": 8})
    ledger.end("suspend", number, "not paid")
    number = ledger.act("reinstate", number, reason="已付款")
    number = ledger.act("renew", number, days=365)
    return ledger.act("rehost", number, host=line(4), reason=LONG)


def _request() -> str:
    """An operator's request with host tags, surrounded by hostile text."""
    tags = dict.fromkeys(("hostname", "ip", "machine_id", "container_id"), "0123456789abcdef")
    request = LicenseRequest(f"{40:040x}", "studio2_gpu", "hk1", tags, gpus=4)
    return f"{MARKS} {MARKUP}\n{request.to_text()}\n你好"


def _proposed(ledger: Ledger) -> int:
    """Proposals: one approved, one refused, several waiting; the id of a waiting one."""
    site, now = ledger.site, ledger.site.clock()
    approved, refused, *waiting = (
        int(ledger.issue(50 + n, product=APPROVED, customer=name, reason=reason))
        for n, (name, reason) in enumerate(
            [("ACME", "urgent"), ("ACME", None), (LONG, LONG), (MARKUP, MARKUP), (CHINESE, "急")]
        )
    )
    finished(site.approve(approved, APPROVER, "fine", now, lambda _: Reply(201, None, b"{}")))
    site.database.write(lambda c: refuse(c, refused, APPROVER, MARKUP, now))
    return waiting[0]


def _people(ledger: Ledger) -> str:
    """Users, invitations and API tokens; the secret of an invitation."""
    site, now = ledger.site, ledger.site.clock()
    write = site.database.write
    for role in ("issuer", "approver", "auditor", "reader"):
        write(lambda c, r=role: accounts.add(c, f"{r}@example.com", PASSWORD, r, COMMAND, now))  # type: ignore[misc]
    long = f"{'long.' * 30}address@example.com"
    gone = write(lambda c: accounts.add(c, long, PASSWORD, "reader", COMMAND, now))
    write(lambda c: accounts.end(c, gone, COMMAND, now))
    grants = {
        "ci": Grant(frozenset({"licenses:read"}), frozenset({"darwin", LONG_PRODUCT}), now + YEAR),
        "t" * 100: tokens.PROGRAM,
        MARKUP: tokens.PROGRAM,
        "gone": tokens.PROGRAM,
    }
    for name, grant in grants.items():
        server.new_token(site.database, name, now, grant)
    write(lambda c: tokens.revoke_token(c, "gone", COMMAND, now))
    secret, _ = write(
        lambda c: invitations.invite(c, "new@example.com", "issuer", COMMAND, now, site.random)
    )
    write(lambda c: invitations.invite(c, f"x{long}", "reader", COMMAND, now, site.random))
    return secret

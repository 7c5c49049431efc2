"""A server that dies during a request: repeated with its key, the work is done once."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support import server
from tests.support.ledger import open_ledger
from tests.support.postgres import new_database
from tests.support.promises import (
    ALL,
    PATH,
    Request,
    bearing,
    kept_reply_to,
    newest_checkpoint,
    stored_licences,
)
from tests.support.server import LINE

ORDER = {"customer": "ACME", "product": "darwin", "days": 30, "host": LINE}


def _points(*tables: str) -> tuple[str, ...]:
    """Before and after each statement that writes one of *tables*, and the commit."""
    written = (*tables, "audit_events", "idempotency_keys", "commit")
    return tuple(f"{when} {table}" for table in written for when in ("before", "after"))


ISSUE_POINTS = ("planned", "drawn", *_points("customers", "customer_words", "licenses"))
PLAIN_POINTS = ACT_POINTS = ("planned", "drawn", *_points("licenses"))
END_POINTS = _points("licenses")
NOTE_POINTS = _points()
CUSTOMER_POINTS = _points("customers", "customer_words")
PRODUCT_POINTS = _points("products")
PROPOSAL_POINTS = _points("proposals")
APPROVAL_POINTS = ("planned", "drawn", *_points("licenses", "proposals"))


class Failing:
    """A vendor whose server ends at a point, and is started again."""

    def __init__(self, folder: Path, url: str | None) -> None:
        self._ledger = open_ledger(server.make(folder / "server", url))
        self.database, self.data = self._ledger.site.database, self._ledger.settings.data
        self._url, self._point = url, folder / "point"
        self.token = server.new_token(self.database, "test", grant=ALL)
        self.other = server.new_token(self.database, "other", grant=ALL)

    def at(self, points: tuple[str, ...], prepare: Callable[[str, httpx.Client], Request]) -> None:
        """At each of *points* the server ends amid a request; asked again, it was done once."""
        self._point.write_text("", "ascii")
        cut: Request | None = None
        before: bytes | None = None
        exported: list[str] = []
        for point in (*points, ""):
            with (
                server.serving(
                    self.data, self._url, "tests.support.failing", FAILING_AT=str(self._point)
                ) as (url, process),
                bearing(url, self.token) as client,
            ):
                if cut is not None:
                    first = cut.send(client)
                    assert first.status_code in (200, 201, 202), first.text
                    assert before in (None, first.content)
                    assert cut.send(client).content == first.content
                    stored_licences(self.database, self.data)
                    assert self._ledger.faults(*exported) == []
                    exported = newest_checkpoint(self.database)
                if not point:
                    break
                cut = prepare(point, client)
                self._point.write_text(point, "ascii")
                with pytest.raises(httpx.HTTPError):
                    cut.send(client)
                assert process.wait(60) == 70
                self._point.write_text("", "ascii")
                before = kept_reply_to(self.database, cut)
                assert (before is not None) == (point == "after commit"), point


@pytest.fixture
def failing(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Failing]:
    made = Failing(tmp_path, None if request.param == "sqlite" else new_database())
    yield made
    made.database.close()


both = pytest.mark.parametrize("failing", ["sqlite", "postgresql"], indirect=True)


def _new_issue(point: str, client: httpx.Client) -> Request:
    return Request(point, PATH, ORDER | {"customer": f"New {point}"})


def _plain_issue(point: str, client: httpx.Client) -> Request:
    """An order for a customer and a product that are there (licenses/together.py)."""
    client.post(PATH, json=ORDER).raise_for_status()
    return Request(f"plain {point}", PATH, ORDER)


def _on_a_licence(
    act: str, members: dict[str, Any], first: dict[str, Any] | None
) -> Callable[[str, httpx.Client], Request]:
    """*act* on a licence that was issued, and after the act that *first* has, if any."""

    def prepare(point: str, client: httpx.Client) -> Request:
        number = client.post(PATH, json=ORDER).json()["id"]
        if first is not None:
            client.post(f"{PATH}/{number}/suspend", json=first).raise_for_status()
        return Request(f"{act} {point}", f"{PATH}/{number}/{act}", members)

    return prepare


def _adding(what: str) -> Callable[[str, httpx.Client], Request]:
    """Add a customer or a product."""
    return lambda point, _: Request(
        f"add {point}", f"/api/v1/{what}", {"name": point.replace(" ", "-")}
    )


@both
def test_interrupted_issue_happens_exactly_once(failing: Failing) -> None:
    failing.at(("drawn", "after licenses", "before commit", "after commit"), _new_issue)
    assert len(stored_licences(failing.database, failing.data)) == 4


@both
def test_interrupted_plain_issue_happens_exactly_once(failing: Failing) -> None:
    failing.at(("drawn", "after idempotency_keys", "after commit"), _plain_issue)
    assert len(stored_licences(failing.database, failing.data)) == 2 * 3


@pytest.mark.torture
@both
def test_issue_interrupted_at_any_point_happens_exactly_once(failing: Failing) -> None:
    failing.at(ISSUE_POINTS, _new_issue)
    assert len(stored_licences(failing.database, failing.data)) == len(ISSUE_POINTS)


@pytest.mark.torture
@both
def test_plain_issue_interrupted_at_any_point_happens_exactly_once(failing: Failing) -> None:
    failing.at(PLAIN_POINTS, _plain_issue)
    assert len(stored_licences(failing.database, failing.data)) == 2 * len(PLAIN_POINTS)


@pytest.mark.torture
@both
@pytest.mark.parametrize(
    ("act", "points", "members"),
    [
        ("renew", ACT_POINTS, {"days": 60}),
        ("change", ACT_POINTS, {"limits": {"gpus": 8}}),
        ("rehost", ACT_POINTS, {"reason": "moved", "host": LINE.replace("5", "6")}),
        ("reinstate", ACT_POINTS, {"reason": "paid"}),
        ("suspend", END_POINTS, {"reason": "unpaid"}),
        ("revoke", END_POINTS, {"reason": "unpaid"}),
        ("notes", NOTE_POINTS, {"note": "by telephone"}),
    ],
)
def test_action_interrupted_at_any_point_happens_exactly_once(
    failing: Failing, act: str, points: tuple[str, ...], members: dict[str, Any]
) -> None:
    first = {"reason": "unpaid"} if act == "reinstate" else None
    failing.at(points, _on_a_licence(act, members, first))


@pytest.mark.torture
@both
@pytest.mark.parametrize(
    ("what", "points"), [("customers", CUSTOMER_POINTS), ("products", PRODUCT_POINTS)]
)
def test_customer_or_product_interrupted_at_any_point_is_added_once(
    failing: Failing, what: str, points: tuple[str, ...]
) -> None:
    failing.at(points, _adding(what))


@pytest.mark.torture
@both
def test_approval_interrupted_at_any_point_happens_exactly_once(failing: Failing) -> None:
    def prepare(point: str, client: httpx.Client) -> Request:
        id_ = _propose(client, failing.other).json()["id"]
        return Request(f"approve {point}", f"/api/v1/proposals/{id_}/approve", {})

    failing.at(APPROVAL_POINTS, prepare)


@pytest.mark.torture
@both
def test_refusal_interrupted_at_any_point_happens_exactly_once(failing: Failing) -> None:
    def prepare(point: str, client: httpx.Client) -> Request:
        id_ = _propose(client, failing.other).json()["id"]
        return Request(f"refuse {point}", f"/api/v1/proposals/{id_}/refuse", {"reason": "why?"})

    failing.at(PROPOSAL_POINTS, prepare)


@pytest.mark.torture
@both
def test_proposal_interrupted_at_any_point_is_made_exactly_once(failing: Failing) -> None:
    def prepare(point: str, client: httpx.Client) -> Request:
        _propose(client, failing.other)
        return Request(f"propose {point}", PATH, ORDER | {"product": "guarded"})

    failing.at(("planned", *PROPOSAL_POINTS), prepare)


def _propose(client: httpx.Client, token: str) -> httpx.Response:
    """Have somebody else propose a licence of a product that needs approval."""
    product = {"name": "guarded", "needs_approval": True}
    other = {"Authorization": f"Bearer {token}"}
    client.post("/api/v1/products", json=product, headers=other)  # it may be there already
    proposed = client.post(PATH, json=ORDER | {"product": "guarded"}, headers=other)
    assert proposed.status_code == 202, proposed.text
    return proposed

"""Issuing signs, checks and stores together, or not at all."""

from types import ModuleType
from typing import Any
from unittest.mock import patch

import pytest
import sqlalchemy

from license_server.audit import audit_store
from license_server.catalog import catalog_store, standing_store
from license_server.db import reply_store
from license_server.licenses import issuing, license_store
from tests.support.desk import Desk
from tests.support.server import LINE

ORDER = {"customer": "ACME", "product": "darwin", "days": 30, "host": LINE}


@pytest.mark.parametrize(
    ("module", "broken"),
    [
        (license_store, "add"),
        (standing_store, "standing"),
        (catalog_store, "set_alike"),
        (audit_store, "add_events"),
        (reply_store, "keep_reply"),
        (reply_store, "kept_reply"),
    ],
)
def test_failure_between_signing_and_storing_leaves_nothing(
    desk: Desk, module: ModuleType, broken: str
) -> None:
    """Boulder's claim: no file that nobody knows of, no row without its file."""
    tables = ("licenses", "audit_events", "customers", "products")
    before = [desk.count(table) for table in tables]
    key = f"k{desk.clock.now}"
    headers = desk.bearer | {"Idempotency-Key": key}
    new = ORDER | {"customer": f"New {desk.clock.now}"}
    failure = sqlalchemy.exc.OperationalError("insert", {}, Exception("the disk is gone"))
    with patch.object(module, broken, side_effect=failure):
        reply = desk.client.post("/api/v1/licenses", json=new, headers=headers)
    assert (reply.status_code, reply.json()["type"]) == (503, "/problems/database-unavailable")
    assert "disk" not in reply.text
    assert [desk.count(table) for table in tables] == before
    assert desk.site.database.read(lambda c: reply_store.kept_reply(c, "token:test", key)) is None
    again = desk.client.post("/api/v1/licenses", json=new, headers=headers)
    assert again.status_code == 201


def test_invalid_signature_is_never_stored(desk: Desk) -> None:
    class Broken:
        public_key = desk.site.issuer.signer.public_key

        def sign(self, message: bytes) -> bytes:
            return bytes(64 + 0 * len(message))

    before = desk.count("licenses")
    site = desk.site._replace(issuer=desk.site.issuer._replace(signer=Broken()))
    with patch.object(desk.client.app.state.server, "site", site):  # type: ignore[attr-defined]
        reply = desk.client.post("/api/v1/licenses", json=ORDER, headers=desk.bearer)
    assert (reply.status_code, reply.json()["type"]) == (500, "/problems/internal-error")
    assert desk.count("licenses") == before


def test_taken_licence_number_is_drawn_again(desk: Desk) -> None:
    first = desk.client.post("/api/v1/licenses", json=ORDER, headers=desk.bearer).json()["id"]
    real = issuing.new_number
    numbers = iter([first, first])

    def new_number(now: int, random_: Any) -> str:
        return next(numbers, None) or real(now, random_)

    with patch.object(issuing, "new_number", new_number):
        reply = desk.client.post("/api/v1/licenses", json=ORDER, headers=desk.bearer)
    assert reply.status_code == 201
    assert reply.json()["id"] != first

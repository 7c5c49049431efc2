"""A plain importer, to compare ``import licenses`` with: it signs, stores, and checks nothing.

``python -m tests.bench.plain_import URL FILE orm|core``: each line of a sheet of bulk.make_sheet
becomes a signed licence and an event, with indexes by what people look for, 500 in a transaction.
"""

import base64
import csv
import json
import secrets
import sys
import time
from itertools import islice
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Engine, ForeignKey, create_engine, event, insert, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

BATCH = 500
_KEY = Ed25519PrivateKey.generate()


class _Base(DeclarativeBase):
    pass


class Party(_Base):
    """A customer or a product."""

    __tablename__ = "parties"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)


class License(_Base):
    """A licence, with a token that was signed."""

    __tablename__ = "licenses"
    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(unique=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey(Party.id), index=True)
    product_id: Mapped[int] = mapped_column(ForeignKey(Party.id), index=True)
    host_key: Mapped[str] = mapped_column(index=True)
    host_name: Mapped[str] = mapped_column(index=True)
    issued_at: Mapped[int] = mapped_column(index=True)
    expires_at: Mapped[int] = mapped_column(index=True)
    token: Mapped[str]


class Event(_Base):
    """What was done, and by whom."""

    __tablename__ = "events"
    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[int] = mapped_column(index=True)
    actor: Mapped[str] = mapped_column(index=True)
    action: Mapped[str]
    subject: Mapped[str] = mapped_column(index=True)
    details: Mapped[str]


def main(url: str, file: str, way: str) -> None:
    """Import the lines of a sheet."""
    engine = _engine(url)
    _Base.metadata.create_all(engine)
    now, ids = int(time.time()), dict[str, int]()
    with Session(engine) as session, open(file, encoding="utf-8", newline="") as stream:
        lines = csv.DictReader(stream)
        while batch := list(islice(lines, BATCH)):
            rows = []
            for line in batch:
                for name in (line["customer"], line["product"]):
                    ids[name] = ids.get(name) or _party(session, name)
                parties = {"customer_id": ids[line["customer"]], "product_id": ids[line["product"]]}
                rows.append(_signed(line, now) | parties)
            events = [_event(row["number"], now) for row in rows]
            if way == "orm":
                session.add_all([License(**row) for row in rows])
                session.add_all([Event(**row) for row in events])
            else:
                session.execute(insert(License), rows)
                session.execute(insert(Event), events)
            session.commit()


def _engine(url: str) -> Engine:
    engine = create_engine(url)
    if engine.dialect.name == "sqlite":

        @event.listens_for(engine, "connect")
        def prepare(connection: Any, _: object) -> None:
            for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
                connection.execute(f"PRAGMA {pragma}")

    return engine


def _party(session: Session, name: str) -> int:
    found = session.scalar(select(Party).where(Party.name == name))
    if found is None:
        found = Party(name=name)
        session.add(found)
        session.flush()
    return found.id


def _signed(line: dict[str, str], now: int) -> dict[str, Any]:
    key, name = json.loads(line["host"])
    number, end = f"HS-2026-{secrets.token_hex(5)}", now + int(line["days"]) * 86400
    limit, most = line["limits"].split("=")
    claims = {
        "iss": "Vendor",
        "sub": line["customer"],
        "aud": line["product"],
        "jti": number,
        "iat": now,
        "nbf": now,
        "exp": end,
        "edition": line["edition"],
        "host": {"key": key, "name": name, "profile": "hk1", "match": "exact"},
        "features": line["features"].split(),
        "limits": {limit: int(most)},
    }
    message = f"{_HEAD}.{_base64(json.dumps(claims).encode())}"
    token = f"{message}.{_base64(_KEY.sign(message.encode()))}"
    row = {"number": number, "host_key": key, "host_name": name, "token": token}
    return row | {"issued_at": now, "expires_at": end}


def _event(number: str, now: int) -> dict[str, Any]:
    done = {"actor": "bulk", "action": "license.issued", "subject": number, "details": "{}"}
    return done | {"at": now}


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


_HEAD = _base64(json.dumps({"alg": "Ed25519", "kid": "x" * 43, "typ": "license+jwt"}).encode())

if __name__ == "__main__":
    main(*sys.argv[1:])

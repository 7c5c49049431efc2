"""A server as version 0001 left it: its tables, with really signed licences."""

import os
from pathlib import Path
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Connection, text

from license_core import b64url, jws
from license_core.keyset import Keyset, SigningKey
from license_core.license import HostBinding, License
from license_core.publickey import PublicKey
from license_core.signer import MemorySigner
from license_server.db.database import Database
from license_server.licenses import issuing
from license_server.operations import schema
from license_server.settings import ServerSettings
from license_server.signing.signers import pkcs8
from tests.support import server
from tests.support.server import KEY, PASSPHRASE

THEN = 1_794_000_000
DAY = 86400
CUSTOMERS = ("ACME", "上海数据 有限公司", "Müller & Söhne")
PRODUCTS = ("darwin", "newton")


class Former(NamedTuple):
    """What version 0001 stored, to compare with later contents."""

    files: dict[str, bytes]
    """Each licence's number, and its file."""
    replaces: dict[str, str | None]

    def first_of(self, number: str) -> str:
        """The first number in the lineage of a licence."""
        before = self.replaces[number]
        return number if before is None else self.first_of(before)

    def later(self, number: str) -> str | None:
        """The number of the licence that replaced it, if any."""
        return next((one for one, before in self.replaces.items() if before == number), None)


def make(data: Path, database: str | None = None) -> tuple[ServerSettings, Former]:
    """A server's folder and database as version 0001 made and filled them."""
    settings = server.settings(data, database)
    (data / "keys").mkdir(parents=True)
    root, signing = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    for path, key in ((settings.root_key, root), (settings.signing_key, signing)):
        path.write_bytes(pkcs8.encrypt(key, PASSPHRASE.encode(), os.urandom(16), os.urandom(16)))
        path.chmod(0o600)
    pem = PublicKey(root.public_key().public_bytes_raw()).to_pem()
    settings.root_pub_pem.write_text(pem, "ascii")
    signer = MemorySigner(signing)
    keys = (SigningKey(signer.public_key, THEN - DAY, THEN + 4000 * DAY),)
    keyset = Keyset("Example Vendor", 1, THEN, keys).sign(MemorySigner(root))
    opened = Database(settings.database_url, create=True)

    def fill(connection: Connection) -> Former:
        schema.upgrade(connection, THEN, "0001")
        return _fill(connection, signer, keyset)

    try:
        return settings, opened.write(fill)
    finally:
        opened.close()


def _fill(connection: Connection, signer: MemorySigner, keyset: str) -> Former:
    former = Former({}, {})
    _insert(connection, "keysets", version=1, token=keyset, created_at=THEN)
    for id_, name in enumerate(CUSTOMERS, 1):
        _insert(connection, "customers", id=id_, name=name, created_at=THEN)
    for id_, name in enumerate(PRODUCTS, 1):
        _insert(connection, "products", id=id_, name=name, created_at=THEN)
    for place in range(24):  # every third begins a line of three, two or one
        replaces = f"HS-2026-{place - 1:08}" if place % 3 and place % 4 else None
        number = f"HS-2026-{place:08}"
        customer, product = place // 3 % 3, place // 3 % 2
        license_ = License(
            iss="Example Vendor",
            sub=CUSTOMERS[customer],
            aud=PRODUCTS[product],
            jti=number,
            iat=THEN + place,
            nbf=THEN,
            exp=None if place == 5 else THEN + (place + 1) * 30 * DAY,
            host=HostBinding(f"{place % 5}{KEY[1:]}", f"host{place}"),
            replaces=replaces,
        )
        token = jws.sign(license_.payload(), signer, jws.LICENSE)
        former.files[number] = issuing.license_file(license_, token, keyset)
        former.replaces[number] = replaces
        _insert(
            connection,
            "licenses",
            number=number,
            customer_id=customer + 1,
            product_id=product + 1,
            host_key=license_.host.key,
            host_name=license_.host.name,
            issued_at=license_.iat,
            expires_at=license_.exp,
            replaces=replaces,
            token=token,
            keyset_version=1,
            issued_by="token:crm",
        )
        _insert(
            connection,
            "audit_events",
            at=license_.iat,
            actor="token:crm",
            action="license.issued",
            subject=number,
            details="{}",
        )
        _insert(
            connection,
            "idempotency_keys",
            actor="token:crm",
            key=f"order-{place}",
            fingerprint=bytes(32),
            number=number,
            created_at=THEN,
        )
    _insert(
        connection,
        "users",
        email=server.EMAIL,
        password_hash="$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$aGFzaA",
        created_at=THEN,
    )
    _insert(
        connection, "sessions", id_hash=bytes(32), user_id=1, created_at=THEN, expires_at=THEN + DAY
    )
    _insert(
        connection,
        "tokens",
        id="abcdefgh",
        name="crm",
        secret_hash=b64url.decode("A" * 43),
        created_at=THEN,
    )
    _insert(connection, "attempts", subject="account:x", failures=2, last_at=THEN)
    return former


def _insert(connection: Connection, table: str, **values: object) -> None:
    names = ", ".join(values)
    places = ", ".join(f":{name}" for name in values)
    connection.execute(text(f"insert into {table} ({names}) values ({places})"), values)

"""A test kit: a vendor, a host and a clock for the tests of a product, which no real client trusts.

The root key is drawn anew for each kit and is nowhere else: its public half is written into the
kit's own keys folder, its private half never. A client trusts the keys in its own folder alone, so
nothing that a kit has signed counts anywhere else, and no setting of a client asks for a kit. It
signs, so it needs ``cryptography``; no client imports it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any
from unittest.mock import patch

from license_core import armor, b64url, hostkey, installed, jws, memory
from license_core.facts import HostFacts
from license_core.keyset import Keyset, SigningKey
from license_core.license import HostBinding, License
from license_core.paths import Place
from license_core.probe import read_facts
from license_core.record import NamedTuple
from license_core.revocation import Revocations
from license_core.signer import MemorySigner
from license_core.verify import Report

DAY = 86400
VENDOR = "A test kit, and no vendor"
NUMBER = "TEST-0001"
_BEGIN = 1_800_000_000
"""2027-01-15T08:00:00Z: where the clock of each kit stands at first."""
_HOST = HostFacts("test-host", "192.0.2.10", "ab" * 16, "cd" * 32, engine="docker", own_link=True)
"""A container in its machine's network: then no engine gives it another address."""
_CLEARED = ("LICENSE", "LICENSE_FILE", "LICENSE_STATE", "LICENSE_PINNED_IP")


class State(NamedTuple):
    """What a licence can be like, and what a check says then."""

    problem: str | None = None
    """The slug of the primary problem; None: the product may run."""
    notice: str | None = None
    """The slug of what the operator is told."""


STATES: Mapping[str, State] = MappingProxyType(
    {
        "valid": State(),
        "perpetual": State(),
        "expires-soon": State(notice="expires-soon"),
        "in-grace": State(notice="in-grace"),
        "expired": State("license-expired"),
        "not-yet-valid": State("license-not-yet-valid"),
        "revoked": State("license-revoked"),
        "wrong-host": State("wrong-host"),
        "wrong-product": State("wrong-product"),
        "maintenance-ended": State("maintenance-ended"),
        "clock-set-back": State("clock-set-back"),
        "signing-key-revoked": State("signing-key-revoked"),
        "signature-invalid": State("signature-invalid"),
        "other-vendor": State("keyset-untrusted"),
        "damaged": State("license-damaged"),
        "missing": State("license-missing"),
    }
)
"""Every state that ``Kit.put`` can put a licence in, by its name."""


class Clock:
    """A clock that moves only when a test moves it."""

    def __init__(self, now: int = _BEGIN) -> None:
        self.now = now
        """In seconds since 1970 (UTC)."""

    def __call__(self) -> int:
        """The present instant."""
        return self.now

    def move(self, *, days: float = 0, seconds: int = 0) -> None:
        """Move it on; back with a number below 0."""
        self.now += int(days * DAY) + seconds


class Kit:
    """A product's place in *folder*, and a vendor who licenses it."""

    def __init__(self, folder: str | os.PathLike[str], product: str = "product") -> None:
        self.product = product
        self.clock = Clock()
        self._facts = _HOST
        self.conf, self.keys = Path(folder) / "conf", Path(folder) / "keys"
        self._root, self._signing = _new_signer(), _new_signer()
        for made in (self.conf, self.keys):
            made.mkdir(parents=True)
        (self.keys / "root.pub.pem").write_text(self._root.public_key.to_pem(), "ascii")
        (self.conf / "hostseal.toml").write_text(
            f'product = "{product}"\nreleased = 2027-01-01\n', "ascii"
        )

    @property
    def facts(self) -> HostFacts:
        """The host that the product runs on."""
        return self._facts

    @facts.setter
    def facts(self, facts: HostFacts) -> None:
        self._facts = facts
        installed.forget()

    def put(self, state: str = "valid", **claims: Any) -> None:
        """Install a licence in one of ``STATES``, in the place of the former one, as a client does.

        *claims* are attributes of ``License``, such as ``features=("export",)``. An installed
        revocation list goes with the state that it belongs to.
        """
        license_, listed = self.conf / "license.dat", self.conf / "license.revocations"
        place = Place(str(self.conf), str(self.keys))
        for path in (license_, listed, Path(place.state)):
            if path.exists():
                path.unlink()
        if state == "revoked":
            listed.write_bytes(self._list(str(claims.get("jti", NUMBER))))
        if state != "missing":
            data = self.data(state, **claims)
            license_.write_bytes(data)
            checked = installed.check_file(data, place, self.facts, self.clock.now)
            Path(place.state).write_bytes(memory.dump(checked.memory, self.facts))

    def data(self, state: str = "valid", **claims: Any) -> bytes:
        """The bytes of a licence file in a state, for ``check_license``. Raises KeyError.

        What is ``revoked`` is so by the list that ``put`` installs, and a ``missing`` file has no
        bytes.
        """
        if state not in STATES:
            raise KeyError(f"{state!r} is none of STATES: {', '.join(STATES)}")
        now, changes = self.clock.now, self._claims(state)
        license_ = License(
            iss=VENDOR,
            sub="A customer",
            aud=self.product,
            jti=NUMBER,
            iat=now - 10 * DAY,
            nbf=now - 10 * DAY,
            exp=now + 355 * DAY,
            host=HostBinding(hostkey.derive(self.facts).key, self.facts.hostname),
        )._replace(**{**changes, **claims})
        token = jws.sign(license_.payload(), self._signing, jws.LICENSE)
        if state == "signature-invalid":
            token = _turned(token)
        elif state == "damaged":
            token = f"{token[:100]}!{token[101:]}"
        root = _new_signer() if state == "other-vendor" else self._root
        keyset = self._keyset("revoked" if state == "signing-key-revoked" else "active")
        blocks = armor.wrap(armor.LICENSE, token) + armor.wrap(armor.KEYSET, keyset.sign(root))
        return f"{VENDOR}: for tests alone.\n{blocks}".encode()

    def check(self, **options: Any) -> Report:
        """What ``check_installed`` says of the product's place, by the kit's host and clock."""
        with self.in_force():
            return installed.check_installed(**options)

    @contextmanager
    def in_force(self) -> Iterator[Kit]:
        """Let this process check the kit's folders, host and clock, wherever it names no others.

        Processes that it starts see the folders alone.
        """
        names = {"LICENSE_CONF": str(self.conf), "LICENSE_KEYS": str(self.keys)}
        with ExitStack() as stack:
            stack.callback(installed.forget)
            stack.enter_context(patch.dict(os.environ, names))
            for name in _CLEARED:
                os.environ.pop(name, None)  # `patch.dict` brings it back
            stack.enter_context(patch.object(installed, "present", self.clock))
            stack.enter_context(patch.object(installed, "read_facts", self._read))
            yield self

    def _read(self, root: str, environ: Mapping[str, str]) -> HostFacts:
        return self.facts if root == "/" else read_facts(root, environ)

    def _claims(self, state: str) -> dict[str, Any]:
        """What a licence in a state says otherwise than a valid one."""
        now = self.clock.now
        other = hostkey.derive(self.facts._replace(hostname="another-host"))
        changes: Mapping[str, Callable[[], dict[str, Any]]] = {
            "perpetual": lambda: {"exp": None},
            "expires-soon": lambda: {"exp": now + 5 * DAY, "notify_from": now - DAY},
            "in-grace": lambda: {"exp": now - DAY, "grace_until": now + 5 * DAY},
            "expired": lambda: {"exp": now - DAY},
            "not-yet-valid": lambda: {"nbf": now + 5 * DAY},
            "wrong-host": lambda: {"host": HostBinding(other.key, other.hostname)},
            "wrong-product": lambda: {"aud": f"not-{self.product}"},
            "maintenance-ended": lambda: {"maintenance_until": now - 3000 * DAY},
            "clock-set-back": lambda: {"iat": now + 5 * DAY},
        }
        return changes[state]() if state in changes else {}

    def _keyset(self, state: str) -> Keyset:
        begin = self.clock.now - 1000 * DAY
        key = SigningKey(self._signing.public_key, begin, begin + 5000 * DAY, state)
        return Keyset(VENDOR, 1, begin, (key,))

    def _list(self, number: str) -> bytes:
        made = Revocations.of([number], iss=VENDOR, number=1, iat=self.clock.now - DAY)
        return armor.wrap(armor.REVOCATIONS, made.sign(self._signing)).encode()


def _new_signer() -> MemorySigner:
    return MemorySigner.from_seed(os.urandom(32))


def _turned(token: str) -> str:
    """*token* with one bit of its signature turned."""
    head, _, last = token.rpartition(".")
    signature = b64url.decode(last)
    return f"{head}.{b64url.encode(bytes([signature[0] ^ 1]) + signature[1:])}"

"""PKCS#11 URIs (RFC 7512): which module, token, key and PIN.

Only what names one private key is taken, and all that is written counts: an attribute that is not
known here is refused, since without it the URI might name another key.
"""

from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from license_server.db.errors import InputInvalidError

_TOKEN = ("token", "serial", "manufacturer", "model")
_PATH = {*_TOKEN, "slot-id", "object", "id", "type"}
_QUERY = {"module-path", "pin-source"}
_EXAMPLE = "pkcs11:token=NAME;object=NAME?module-path=/…/libsofthsm2.so&pin-source=file:/…/pin"


class Pkcs11Uri(NamedTuple):
    """What a URI says; None: nothing of that."""

    module_path: str
    pin_source: str
    """The file whose first line is the PIN."""
    token: dict[str, str]
    """What its label, serial number, manufacturer and model must be, as far as named."""
    slot_id: int | None
    object: str | None
    """The label of the key."""
    id: bytes | None

    @classmethod
    def parse(cls, text: str) -> "Pkcs11Uri":
        """Read what follows ``pkcs11:``. Raises InputInvalidError; a PIN is not repeated."""
        path, _, query = text.partition("?")
        found = _attributes(path, ";", _PATH) | _attributes(query, "&", _QUERY)
        for name in ("module-path", "pin-source"):
            if not found.get(name):
                raise _invalid(f"it has no {name}; such a URI is `{_EXAMPLE}`")
        if "object" not in found and "id" not in found:
            raise _invalid("it names no key; add object=NAME or id=%01")
        if found.get("type", b"private") != b"private":
            raise _invalid("its type is not “private”")
        words = {name: _text(name, value) for name, value in found.items() if name != "id"}
        slot = words.get("slot-id")
        if slot is not None and not (slot.isascii() and slot.isdigit() and len(slot) <= 20):
            raise _invalid("its slot-id is not a number")
        return cls(
            module_path=words["module-path"],
            pin_source=_file(words["pin-source"]),
            token={name: words[name] for name in _TOKEN if name in words},
            slot_id=None if slot is None else int(slot),
            object=words.get("object"),
            id=found.get("id"),
        )

    @property
    def key_name(self) -> str:
        """What the key is called in messages."""
        return self.object if self.object is not None else (self.id or b"").hex()

    @property
    def token_name(self) -> str:
        """What the token is called in messages."""
        named = [*self.token.values(), *([f"slot {self.slot_id}"] if self.slot_id else [])]
        return named[0] if named else self.module_path


def _attributes(text: str, between: str, known: set[str]) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for part in text.split(between) if text else ():
        name, equals, value = part.partition("=")
        if name == "pin-value":
            raise _invalid(
                "it contains a PIN, which anyone who can see the environment or the "
                "process list can read; put the PIN in a file (mode 0600) and use "
                "pin-source=file:/…"
            )
        if name not in known:
            told = "a PIN" if name.startswith("pin") else repr(name[:32])
            raise _invalid(f"it has {told}, which is not supported here")
        if not equals or name in found:
            raise _invalid(f"it names {name} {'twice' if equals else 'without a value'}")
        found[name] = unquote_to_bytes(value)
    return found


def _text(name: str, value: bytes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _invalid(f"its {name} is not UTF-8") from error


def _file(source: str) -> str:
    """The path that a pin-source names: ``file:/path``, ``file:///path`` or the path itself."""
    path = source.removeprefix("file:").removeprefix("//")
    if not path.startswith("/"):
        raise _invalid("its pin-source is not a file; use pin-source=file:/…")
    return path


def _invalid(reason: str) -> InputInvalidError:
    return InputInvalidError(field="LICENSE_SERVER_SIGNER", reason=reason)

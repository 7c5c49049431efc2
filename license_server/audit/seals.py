"""Seals: what is hashed of an event in place of its words (SPEC section 11.1).

A seal is the SHA-256 of a key and a word, and the key is made of the salt of the event. So a word
can be erased with its key: its seal stays, the chain is as it was, and nobody can try words against
it. An event that was recorded before there were seals has no salt, and nothing can be erased of it.

The address has a half of the salt for itself: it is erased by its age, of every event, and must not
leave more behind than was there before.
"""

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from license_core import b64url, strictjson
from license_core.reason import Reason
from license_server.audit.audit_store import Event

ADDRESS = "address"
_WORDS = ("actor", ADDRESS, "subject", "reason")
_OBJECTS = ("details", "rows")
"""Of these, each member has a seal of its own: ``details/customer``."""
_HALF = 16


class _Keys(NamedTuple):
    """What an event has of its keys and, of what was erased, its seals."""

    shared: bytes | None
    """Half a salt; None: ``left`` has the keys that it made."""
    own: bytes | None
    """The half for the address; None: that was erased, or ``left`` has it."""
    left: Mapping[str, str]
    seals: Mapping[str, str]

    @classmethod
    def of(cls, event: Event) -> "_Keys":
        """Those of *event*. Raises ValueError where they are not what they can be."""
        salt = None if event.salt is None else bytes(event.salt)
        if salt is not None and len(salt) not in (_HALF, 2 * _HALF):
            raise ValueError("its salt has another length")
        told = {} if event.erased is None else _object(event.erased)
        left, seals = told.get("keys", {}), told.get("seals", {})
        for texts in (left, seals):
            if not isinstance(texts, dict) or not all(isinstance(v, str) for v in texts.values()):
                raise ValueError("what was erased of it is no object of texts")
        return cls(salt and salt[:_HALF], (salt or b"")[_HALF:] or None, left, seals)

    def key(self, path: str) -> bytes:
        """The key of what is at *path*. Raises ValueError where it is gone."""
        if path in self.left:
            return b64url.decode(self.left[path])
        half = self.own if path == ADDRESS else self.shared
        if half is None:
            raise ValueError(Reason("the key of {path} is gone", path=path))
        return hashlib.sha256(half + path.encode("utf-8")).digest()


def is_sealed(event: Event) -> bool:
    """Whether seals are hashed in place of its words."""
    return event.salt is not None or event.erased is not None


def words(event: Event) -> dict[str, Any]:
    """What has a seal of its own, by its path. Raises ValueError where it is no event's."""
    found: dict[str, Any] = {name: getattr(event, name) for name in _WORDS}
    for name in _OBJECTS:
        text = getattr(event, name)
        members = {} if text is None else _object(text)
        found |= {f"{name}/{member}": value for member, value in members.items()}
        if not members and text is not None and name == "rows":
            raise ValueError("its rows are none")
    return found


def of(event: Event) -> dict[str, str]:
    """The seal of each of its words, in base64url. Raises ValueError."""
    keys, found = _Keys.of(event), words(event)
    for path in keys.seals:
        if path not in found:
            raise ValueError(Reason("{path} was erased of it, and is not there", path=path))
    return {
        path: keys.seals.get(path) or seal(keys.key(path), word) for path, word in found.items()
    }


def seal(key: bytes, word: Any) -> str:
    """What stands for a word that JSON can hold."""
    return b64url.encode(hashlib.sha256(key + strictjson.dumps(word)).digest())


def erased(event: Event) -> Mapping[str, str]:
    """The seals of what was erased of it, by their paths. Raises ValueError."""
    return _Keys.of(event).seals


def without(event: Event, instead: Mapping[str, Any], *, further: bool = False) -> Event:
    """What is left of *event* once each word in *instead* is erased, and this one in its place.

    It is *event* itself where nothing was left to erase. *further*: what stands in the place of a
    word that was erased before is replaced, too. Raises ValueError.
    """
    keys, found = _Keys.of(event), words(event)
    there = {path: word for path, word in instead.items() if path in found}
    gone = {path: word for path, word in there.items() if path not in keys.seals}
    again = {path: word for path, word in there.items() if further and word != found[path]}
    if not gone and not again:
        return event
    seals = dict(keys.seals) | {path: seal(keys.key(path), found[path]) for path in gone}
    put = found | gone | again
    if gone.keys() <= {ADDRESS} and keys.shared is not None:
        return _rewritten(event, put, keys.shared, {"seals": seals})
    left = {path: b64url.encode(keys.key(path)) for path in found if path not in seals}
    return _rewritten(event, put, None, {"keys": left, "seals": seals})


def _rewritten(
    event: Event, found: Mapping[str, Any], salt: bytes | None, told: dict[str, Any]
) -> Event:
    """*event* with these words, by their paths."""

    def members(name: str) -> Iterator[tuple[str, Any]]:
        for path, word in found.items():
            if path.startswith(f"{name}/"):
                yield path.partition("/")[2], word

    values: dict[str, Any] = {name: found[name] for name in _WORDS}
    for name in _OBJECTS:
        if getattr(event, name) is not None:
            values[name] = _text(dict(members(name)))
    return event._replace(**values, salt=salt, erased=_text(told))


def _object(text: str) -> dict[str, Any]:
    members = strictjson.loads(text.encode("utf-8"))
    if not isinstance(members, dict) or _text(members) != text:
        raise ValueError("it is not the JSON of an object")
    return members


def _text(members: Mapping[str, Any]) -> str:
    return strictjson.dumps(members).decode("utf-8")

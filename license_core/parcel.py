"""A file in other people's hands: what programs made of it, and how that is undone.

Only ``install``, and the vendor's reader of requests, undo it, before SPEC applies (section 6.6):
what comes out is installed, and each check sees the file as the vendor sent it. It is undone
strictly: what comes out is sound, and there is one such file, or it is left alone.
"""

from __future__ import annotations

from license_core import armor, mending, tokens, wrappings
from license_core.reason import Reason
from license_core.record import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_PARCEL = armor.MAX_MENDED
"""The most bytes that are looked at."""
_MOST_LINES = 40_000
"""A list of a megabyte has 16,000; what has more is no file of a vendor, and each would cost."""
_MOST_CHARACTERS = 2 * MAX_PARCEL
"""… in all texts that come out of one another."""
_LARGE = 256 * 1024
"""A longer text is only looked at for a part that is the file: an attachment beside pictures."""
_MOST_TEXTS = 32
_MOST_LAYERS = 4


class Parcel(NamedTuple):
    """A file as the vendor sent it, and what it had become."""

    data: bytes
    what: Reason | None
    """None: it was no parcel, or none that could be opened."""


class _Layer(NamedTuple):
    """A text that came out of another one, and the outermost thing that was undone."""

    text: str
    what: Reason | None


class _Found(NamedTuple):
    """A parcel that was opened, with its tokens, each after its label."""

    parcel: Parcel
    tokens: frozenset[tuple[str, str]]


def open_parcel(data: bytes) -> Parcel:
    """The file in *data*; *data* itself where nothing has to be undone, or nothing can be."""
    if len(data) > MAX_PARCEL or _lines(data) > _MOST_LINES:
        return Parcel(data, None)
    shown = tokens.in_armor(data) or {}
    mail = _of_mail(data)
    # What is encoded in it counts as much as what it quotes.
    if mail is not None and mail.tokens > _tokens(shown):
        return mail.parcel
    if shown:
        return Parcel(data, None)
    seen: set[str] = set()
    left = _MOST_CHARACTERS
    layers = [_Layer(text, None) for text in wrappings.decoded(data)]
    for _ in range(_MOST_LAYERS + 1):
        found: list[_Found] = []
        inner: list[_Layer] = []
        for layer in layers:
            left -= len(layer.text)
            if left < 0:
                break
            one = _read(layer)
            if one is not None:
                found.append(one)
            elif not found:
                inner += _inside(layer, seen)
        if found:
            return _whole(found) or Parcel(data, None)
        layers = inner
    return Parcel(data, None)


def _of_mail(data: bytes) -> _Found | None:
    """All that the parts of a mail hold, one after the other; each file once."""
    read = (_read(_Layer(part, wrappings.MAIL)) for part in wrappings.parts_of_mail(data))
    found = {one.tokens: one.parcel.data for one in read if one is not None}
    if not found:
        return None
    most = [of for held, of in found.items() if not any(held < other for other in found)]
    return _Found(Parcel(b"\n".join(most), wrappings.MAIL), frozenset().union(*found))


def _lines(data: bytes) -> int:
    return max(data.count(b"\n"), data.count(b"\r"))


def _whole(found: list[_Found]) -> Parcel | None:
    """The one that has all that was found; None where no one has, and several could be meant."""
    most = max(found, key=lambda one: len(one.tokens))
    return most.parcel if all(one.tokens <= most.tokens for one in found) else None


def _read(layer: _Layer) -> _Found | None:
    """What is sound in the text: as it stands, else once its characters and lines are put right."""
    data = layer.text.encode("utf-8", "replace")
    blocks = tokens.in_armor(data)
    if blocks is not None and layer.what is not None:
        return _Found(Parcel(data, layer.what), _tokens(blocks))
    mended = mending.mend(layer.text) if len(layer.text) <= _LARGE else None
    if mended is None or not tokens.are_sound(mended.blocks):
        return None
    written = "".join(
        armor.wrap(label, token) for label, of_label in mended.blocks.items() for token in of_label
    )
    return _Found(Parcel(written.encode(), layer.what or mended.what), _tokens(mended.blocks))


def _tokens(blocks: tokens.Blocks) -> frozenset[tuple[str, str]]:
    return frozenset(
        (label, next(one for one in armor.readings(token) if tokens.is_sound(label, one)))
        for label, of_label in blocks.items()
        for token in of_label
    )


def _inside(layer: _Layer, seen: set[str]) -> Iterator[_Layer]:
    """The texts that the ways of ``wrappings`` find in it, each once in all."""
    for way in wrappings.WAYS:
        if len(layer.text) > _LARGE and not way.takes_part:
            continue
        for text in way.undo(layer.text):
            if len(seen) >= _MOST_TEXTS:
                return
            if text not in seen and text != layer.text and wrappings.may_hold(text):
                seen.add(text)
                yield _Layer(text, layer.what or way.what)

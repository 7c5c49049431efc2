"""Vectors of honest damage: what is damage to a header, and what a check leaves alone."""

import base64
import html
import json
import urllib.parse
from collections.abc import Callable, Iterator

from tests.vectors.material import Case, file, keyset, license_case, mail, payload, token

Change = Callable[[str], str]


def cases() -> Iterator[Case]:
    """All of them."""
    yield from _headers()
    yield from _left_alone()


def _headers() -> Iterator[Case]:
    """One place of at most 4 bytes is damage; more is another header (section 5.1)."""
    damaged: dict[str, Change] = {
        "one-character-of-the-key": lambda h: h[:60] + ("A" if h[60] != "A" else "B") + h[61:],
        "four-characters": lambda h: f"{h[:60]}____{h[64:]}",
        "three-characters-lost": lambda h: h[:60] + h[63:],
        "a-character-twice": lambda h: h[:60] + h[59:],
        "its-end-lost": lambda h: h[:-4],
        "its-beginning-lost": lambda h: h[2:],
        "a-foreign-character": lambda h: f"{h[:60]}\u00e9{h[61:]}",
    }
    others: dict[str, Change] = {
        "five-characters": lambda h: f"{h[:60]}_____{h[65:]}",
        "two-foreign-characters": lambda h: f"{h[:60]}\u4e0a\u6d77{h[62:]}",
        "two-places": lambda h: f"{h[:50]}_{h[51:70]}_{h[71:]}",
        "five-characters-lost": lambda h: h[:60] + h[65:],
    }
    for name, change in (damaged | others).items():
        slug = "license-damaged" if name in damaged else "signing-key-unknown"
        changed = _in_header(token(payload()), change)
        yield license_case(f"damaged-header-{name}", file(changed), f"refused {slug}", spec="5.1")
    for name, slug in {
        "four-characters": "license-damaged",
        "two-places": "keyset-untrusted",
    }.items():
        changed = _in_header(keyset(), (damaged | others)[name])
        yield license_case(
            f"damaged-keyset-header-{name}",
            file(keyset_token=changed),
            f"refused {slug}",
            spec="5.1",
        )


def _in_header(text: str, change: Change) -> str:
    header, _, rest = text.partition(".")
    return f"{change(header)}.{rest}"


def _left_alone() -> Iterator[Case]:
    """What a check does not undo, though `install` may (section 6.6)."""
    changes: dict[str, Change] = {
        "string-of-json": json.dumps,
        "base64": lambda text: base64.b64encode(text.encode()).decode(),
        "entities": lambda text: html.escape(text).replace("-", "&#45;"),
        "breaks-of-html": lambda text: text.replace("\n", "<br>\n"),
        "url": lambda text: urllib.parse.quote(text).replace("-", "%2D"),
        "dash-escaped": lambda text: text.replace("-----BEGIN", "- -----BEGIN").replace(
            "-----END", "- -----END"
        ),
        "number-signs": lambda text: "".join(f"# {line}\n" for line in text.splitlines()),
        "line-numbers": lambda text: "".join(
            f"{n}: {line}\n" for n, line in enumerate(text.splitlines(), 1)
        ),
        "lower-case-markers": lambda text: text.replace("BEGIN LICENSE", "begin license").replace(
            "END LICENSE", "end license"
        ),
        "six-dashes": lambda text: text.replace("-----", "------"),
        "no-dashes": lambda text: text.replace("-----", ""),
        "object-replacement-characters": lambda text: text.replace("\n", "\ufffc\n"),
        "hangul-fillers": lambda text: text.replace("\n", "\u3164\n"),
        "colours": lambda text: text.replace("\n", "\x1b[0m\n"),
        "full-width-letters": lambda text: text.replace("A", "\uff21"),
        "twice": lambda text: text + text,
        "dots-doubled": lambda text: text.replace(".", ".."),
    }
    slugs = {
        "base64": "license-block-missing",
        "entities": "license-block-missing",
        "lower-case-markers": "license-block-missing",
        "no-dashes": "license-block-missing",
        "twice": "license-several",
        "url": "license-block-missing",
    }
    for name, change in changes.items():
        slug = slugs.get(name, "license-damaged")
        yield license_case(f"left-alone-{name}", mail(change), f"refused {slug}", spec="6.6")

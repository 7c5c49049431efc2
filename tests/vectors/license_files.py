"""Vectors of a licence file: what mail does to it, and tokens and claims that must not pass."""

import json
import re
from collections.abc import Callable, Iterator

from license_core import (
    b64url,
)
from tests.vectors.material import (
    DAY,
    END,
    ISSUED,
    ROOT,
    SIGNING,
    STRANGER,
    Case,
    file,
    host_claim,
    keyset,
    keyset_members,
    license_case,
    mail,
    payload,
    token,
    token_with_header,
)


def mails() -> Iterator[Case]:
    """What mail does (section 4.3)."""
    changes: dict[str, Callable[[str], str]] = {
        "crlf": lambda t: t.replace("\n", "\r\n"),
        "cr": lambda t: t.replace("\n", "\r"),
        "bom": lambda t: "\ufeff" + t,
        "quoted": lambda t: "".join(f"> {line}\n" for line in t.splitlines()),
        "twice-quoted": lambda t: "".join(f">> {line}\n" for line in t.splitlines()),
        "indented": lambda t: "".join(f"\t  {line}\n" for line in t.splitlines()),
        "blank-lines": lambda t: t.replace("\n", "\n\n"),
        "one-line": lambda t: t.replace("\n", " "),
        "rewrapped": lambda t: re.sub("(.{40})", r"\1\n", t),
        "non-breaking-spaces": lambda t: t.replace("\n", "\n\u00a0"),
        "zero-width": lambda t: t.replace("\n", "\u200b\n"),
        "en-dash": lambda t: t.replace("-", "\u2013"),
        "minus-sign": lambda t: t.replace("-", "\u2212"),
        "em-dash-for-one": lambda t: t.replace("-", "\u2014"),
        "em-dash-for-two": lambda t: t.replace("--", "\u2014"),
        "lost-dash": lambda t: t.replace("-----BEGIN", "----BEGIN").replace(
            "LICENSE-----", "LICENSE----"
        ),
        "soft-breaks": lambda t: "=\n".join(t[i : i + 60] for i in range(0, len(t), 60)),
        "escapes": lambda t: t.replace("-", "=2D").replace("_", "=5F").replace(".", "=2E"),
        "disclaimer": lambda t: f"Dear customer,\n\n{t}\n-- \nCONFIDENTIAL: do not read.\n",
        "no-last-break": lambda t: t.rstrip("\n"),
    }
    for name, change in changes.items():
        yield license_case(f"mail-{name}", mail(change), spec="4.3")
    text = file().decode()
    yield license_case("mail-utf-16", text.encode("utf-16"), spec="4.3")
    yield license_case("mail-utf-16-le-without-bom", text.encode("utf-16-le"), spec="4.3")
    yield license_case("mail-utf-16-be-without-bom", text.encode("utf-16-be"), spec="4.3")
    invalid = file(keyset_token=keyset_members(lambda members: members | {"version": 0}))
    yield license_case(
        "mail-em-dash-in-an-invalid-keyset",
        invalid.decode().replace("-", "\u2014").encode(),
        "refused keyset-invalid",
        spec="4.3",
    )
    first, rest = text.split("eyJ", 1)
    yield license_case(
        "mail-lost-in-the-header", f"{first}eyJ\ufffd{rest}".encode(), "refused license-damaged"
    )


def files() -> Iterator[Case]:
    """Files that are none (sections 4.1, 4.2)."""
    good = file()
    text = good.decode()
    license_block, _, keyset_block = text.partition("-----BEGIN LICENSE KEYSET")
    keyset_block = f"-----BEGIN LICENSE KEYSET{keyset_block}"

    def refused(name: str, body: bytes, slug: str, spec: str = "4.1") -> Case:
        return license_case(name, body, f"refused {slug}", spec)

    yield refused("empty", b"", "license-block-missing")
    yield refused("words-only", b"Thank you for your order.\n", "license-block-missing")
    yield refused("keyset-only", keyset_block.encode(), "license-block-missing")
    yield refused("without-keyset", license_block.encode(), "keyset-missing")
    yield refused("two-licenses", good + license_block.encode(), "license-several")
    yield refused("too-large", good + b"\n" * 65536, "file-too-large")
    yield license_case("largest", good + b"\n" * (65536 - len(good)), spec="4.1")
    yield refused("cut-off", text[: len(license_block) - 60].encode(), "license-damaged", "4.2")
    yield refused("no-begin", text.partition("\n-----BEGIN")[2].encode(), "license-damaged", "4.2")
    body = token(payload())
    yield refused("lost-character", file(body[:200] + body[201:]), "license-damaged")
    yield refused("binary", bytes(range(256)) * 16, "license-block-missing")


def tokens() -> Iterator[Case]:
    """Tokens that must not pass (section 5.1)."""
    kid = SIGNING.public_key.kid
    good = token(payload())
    first, second, third = good.split(".")

    def refused(name: str, body: str, slug: str = "signing-key-unknown") -> Case:
        return license_case(name, file(body), f"refused {slug}", "5.1")

    stranger = json.dumps(STRANGER.public_key.to_jwk())
    headers = {
        "alg-eddsa": f'{{"alg":"EdDSA","kid":"{kid}","typ":"license+jwt"}}',
        "alg-none": f'{{"alg":"none","kid":"{kid}","typ":"license+jwt"}}',
        "alg-hs256": f'{{"alg":"HS256","kid":"{kid}","typ":"license+jwt"}}',
        "other-order": f'{{"kid":"{kid}","alg":"Ed25519","typ":"license+jwt"}}',
        "white-space": f'{{"alg": "Ed25519", "kid": "{kid}", "typ": "license+jwt"}}',
        "jku": f'{{"alg":"Ed25519","kid":"{kid}","typ":"license+jwt","jku":"https://a.example"}}',
        "crit": f'{{"alg":"Ed25519","kid":"{kid}","typ":"license+jwt","crit":["b64"],"b64":false}}',
        "jwk": f'{{"alg":"Ed25519","jwk":{stranger},"typ":"license+jwt"}}',
        "typ-jwt": f'{{"alg":"Ed25519","kid":"{kid}","typ":"JWT"}}',
        "typ-keyset": f'{{"alg":"Ed25519","kid":"{kid}","typ":"license-keyset+jwt"}}',
        "without-kid": '{"alg":"Ed25519","typ":"license+jwt"}',
        "empty": "{}",
    }
    for name, header in headers.items():
        yield refused(f"header-{name}", token_with_header(header))
    yield refused("stranger", token(payload(), STRANGER))
    yield refused("signed-by-root", token(payload(), ROOT))
    yield refused("keyset-as-license", keyset())
    signature = b64url.decode(third)
    flipped = b64url.encode(bytes([signature[0] ^ 1]) + signature[1:])
    yield refused("signature-flipped", f"{first}.{second}.{flipped}", "signature-invalid")
    raised = (
        int.from_bytes(signature[32:], "little") + 2**252 + 27742317777372353535851937790883648493
    )
    malleable = b64url.encode(signature[:32] + raised.to_bytes(32, "little"))
    yield refused("signature-malleable", f"{first}.{second}.{malleable}", "signature-invalid")
    changed = b64url.encode(payload(exp=END + 3650 * DAY))
    yield refused("payload-changed", f"{first}.{changed}.{third}", "signature-invalid")
    yield refused("two-parts", f"{first}.{second}", "license-damaged")
    yield refused("four-parts", f"{good}.{third}", "license-damaged")
    yield refused("no-signature", f"{first}.{second}.", "license-damaged")
    last = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    stray = last[last.index(third[-1]) + 1]
    yield refused(
        "signature-not-canonical", f"{first}.{second}.{third[:-1]}{stray}", "license-damaged"
    )
    yield refused("padded", f"{first}.{second}.{third}==", "license-damaged")
    yield refused("standard-base64", f"{first}.{second}+.{third}", "license-damaged")


def wrong_claims() -> Iterator[Case]:
    """Claims that a vendor must not sign (sections 2.3, 5.2)."""

    def refused(name: str, data: bytes, slug: str = "license-claims-invalid") -> Case:
        return license_case(f"claims-{name}", file(token(data)), f"refused {slug}", "5.2")

    good = payload().decode()
    yield refused("not-json", b"hello")
    yield refused("array", b"[]")
    yield refused("trailing", payload() + b"{}")
    yield refused(
        "not-utf-8", good.replace("ACME", "ACME\udcff").encode("utf-8", "surrogateescape")
    )
    yield refused("lone-surrogate", good.replace("ACME", "\\ud800").encode())
    yield refused("name-twice", good.replace('"ver":1', '"ver":1,"ver":1').encode())
    yield refused("name-twice-inside", good.replace('"gpus":4', '"gpus":4,"gpus":8').encode())
    yield refused("nan", good.replace(f'"exp":{END}', '"exp":NaN').encode())
    yield refused("float", good.replace(f'"exp":{END}', f'"exp":{END}.0').encode())
    yield refused("exponent", good.replace('"gpus":4', '"gpus":1e3').encode())
    yield refused("text-for-integer", payload(exp=str(END)))
    yield refused("boolean-for-integer", payload(limits={"gpus": True}))
    yield refused("negative", payload(limits={"gpus": -1}))
    yield refused("too-great", payload(limits={"gpus": 2**53}))
    yield refused("beyond-the-calendar", payload(exp=253402300800))
    yield refused("null", good.replace('"edition":"pro"', '"edition":null').encode())
    yield refused("too-deep", good.replace('"ver":1', '"ver":1,"x":' + "[" * 8 + "]" * 8).encode())
    for name in ("ver", "iss", "sub", "aud", "jti", "iat", "host"):
        yield refused(f"without-{name}", payload(**{name: None}))
    yield refused("ends-before-it-begins", payload(exp=ISSUED))
    yield refused("grace-without-end", payload(exp=None, grace_until=END))
    yield refused("grace-before-end", payload(grace_until=END - 1))
    yield refused("host-key-upper-case", payload(host=host_claim(key="A" * 40)))
    yield refused("host-key-short", payload(host=host_claim(key="a" * 39)))
    yield refused("profile-unknown", payload(host=host_claim(profile="hk9")))
    yield refused("match-unknown", payload(host=host_claim(match="loose")))
    yield refused("tag-of-nothing", payload(host=host_claim(tags={"mac": "0" * 16})))
    yield refused("tag-short", payload(host=host_claim(tags={"ip": "0" * 15})))
    yield refused("layer-short", payload(host=host_claim(layer="0" * 15)))
    yield refused("return-short", payload(host=host_claim(**{"return": "A" * 42})))
    yield refused("return-with-unused-bits", payload(host=host_claim(**{"return": "A" * 42 + "B"})))
    yield refused("layer-upper-case", payload(host=host_claim(layer="A" * 16)))
    yield refused("feature-twice", payload(features=["a", "a"]))
    yield refused("feature-no-name", payload(features=["a b"]))
    yield refused("empty-text", payload(sub=""))
    yield refused("later-version", payload(ver=2), "license-unsupported")
    yield refused("must-understand", payload(must_understand=["seats"]), "license-unsupported")

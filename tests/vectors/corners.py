"""Vectors of what two readers of SPEC might decide in two ways."""

import hashlib
from collections.abc import Callable, Iterator
from typing import Any

from license_core import armor, b64url, hostkey, jws
from license_core.publickey import thumbprint
from license_core.revocation import Revocations
from tests.vectors.material import (
    DAY,
    HOST,
    ISSUED,
    NOW,
    ORDER,
    OTHER_ROOT,
    ROOT,
    SIGNING,
    STRANGER,
    Case,
    blocks,
    dumps,
    file,
    host_claim,
    in_base64,
    keyset,
    keyset_by,
    keyset_members,
    license_case,
    payload,
    roots_members,
    rotation,
    signed_by,
    token,
    trusted,
    whole,
)
from tests.vectors.ours import facts

NO_POINT = b64url.encode((7).to_bytes(32, "little"))
"""32 bytes of no point of the curve."""


def listing(number: int, *jtis: str) -> str:
    """The token of a list."""
    return Revocations.of(jtis, iss="Example Vendor", number=number, iat=ISSUED).sign(SIGNING)


def markers() -> Iterator[Case]:
    """What is a marker, and which text a file is (section 4.3)."""
    good = file()
    text = good.decode()

    def case(name: str, body: bytes | str, slug: str = "", **more: Any) -> Case:
        made = body.encode() if isinstance(body, str) else body
        expect = f"refused {slug}" if slug else "holds"
        return license_case(f"marker-{name}", made, expect, spec="4.3", **more)

    over = "-----BEGIN LICENSE ROOTS-----\nAAAA\n-----END\nLICENSE-----\nBBBB\n"
    over += "-----END LICENSE ROOTS-----\n"
    yield case("over-line-ends", text + over, "license-damaged")
    hidden = armor.wrap(armor.REVOCATIONS, listing(7, "HS-2027-0000TEST"))
    for word in ("BEGIN", "END"):
        hidden = hidden.replace(f"{word} LICENSE REVOCATIONS", f"{word}\nLICENSE\nREVOCATIONS")
    body = f"AAAA\n-----END\nLICENSE\nROOTS-----\n{hidden}-----BEGIN\nLICENSE\nROOTS-----\nAAAA\n"
    inside = text + f"-----BEGIN LICENSE ROOTS-----\n{body}-----END LICENSE ROOTS-----\n"
    yield case("over-line-ends-around-a-list", inside, "license-revoked")
    for name, front in (("le", b"\xff\xfe"), ("be", b"\xfe\xff")):
        yield case(f"behind-a-utf-16-{name}-mark", front + good, "license-block-missing")
    yield case("behind-many-zeros", bytes(len(good)) + good, "license-block-missing")
    yield case("behind-some-zeros", bytes(len(good) // 8) + good)
    yield case("half-a-utf-16-mark", b"\xff" + good)
    for name, more in (
        ("lone-end", "-----END LICENSE-----\n"),
        ("lone-end-that-nobody-knows", "-----END LICENSE SEATS-----\n"),
        ("end-of-another", "-----BEGIN LICENSE SEATS-----\nAAAA\n-----END LICENSE-----\n"),
        ("begin-that-nobody-knows", "-----BEGIN LICENSE SEATS-----\nAAAA\n"),
    ):
        yield case(name, text + more, "license-damaged")
    yield case("with-three-words", text + "-----END LICENSE KEY SET-----\n")
    yield case("without-dashes", text + "END LICENSE\n- END LICENSE\nEND LICENSE -\n")
    yield case("in-lower-case", text + "-----end license-----\n")
    yield case("of-something-else", text + "-----END PUBLIC KEY-----\n")
    unclean = "-----BEGIN LICENSE SEATS-----\n> AAAA, BBBB\n-----END LICENSE SEATS-----\n"
    yield case("around-words", text.replace("-", "\u2013") + unclean)
    yield case("shared-dashes", text.replace("-----\n-----BEGIN", "-----BEGIN"), "license-damaged")
    yield case("one-dash-for-the-next", text.replace("-----\n-----BEGIN", "------BEGIN"))
    yield case("six-dashes-before", text.replace("-----BEGIN", "------BEGIN"))
    yield case(
        "six-dashes-after", text.replace("LICENSE-----\n", "LICENSE------\n"), "license-damaged"
    )
    yield case("spaces", text.replace("-----BEGIN LICENSE", "- \u3000BEGIN\x1c\x85LICENSE"))
    empty = "-----BEGIN LICENSE-----\n-----END LICENSE-----\n"
    yield case("empty-license", empty + blocks(armor.KEYSET, keyset()), "license-damaged")
    lone = "-----BEGIN LICENSE KEYSET-----\n-----END LICENSE KEYSET-----\n"
    yield case("empty-keyset", blocks(armor.LICENSE, token(payload())) + lone, "license-damaged")
    first = text.index("\n", 300)
    nbsp = f"{text[:first]}=\u00a0\n{text[first:]}"
    yield case("soft-break-with-another-space", nbsp, "license-damaged")
    yield case("soft-break-with-spaces", f"{text[:first]}= \t\n{text[first:]}")
    split = text[:first].encode() + b"=E2=80\x94" + text[first:].encode()
    yield case("octets-that-are-half-a-dash", split, "license-damaged")
    split = text[:first].encode() + b"\xe2\xe2\x80\x8b\x80\x94" + text[first:].encode()
    yield case("bytes-that-come-together", split, "license-damaged")
    lost = text.encode().replace(b"eyJhbGciOiJ", b"eyJhbGciOiJ\xed\xa0\x80\xf8 \xff", 1)
    yield case("bytes-that-are-no-text-in-a-header", lost, "license-damaged")
    for name, more in (("slash", "/"), ("star", "*"), ("backslash", "\\")):
        yield case(f"{name}-behind-a-token", file(token(payload()) + more), "license-damaged")


def numbers() -> Iterator[Case]:
    """Numbers in what is signed (section 2.3)."""
    good = payload().decode()
    digits = "9" * 4300

    def case(name: str, members: str, slug: str = "", **more: Any) -> Case:
        data = good.replace('"ver":1', f'"ver":1,{members}').encode()
        expect = f"refused {slug}" if slug else "holds"
        return license_case(f"number-{name}", file(token(data)), expect, "2.3", **more)

    for name, number in {
        "4300-digits": digits,
        "4300-digits-below-0": f"-{digits}",
        "5000-digits-and-a-fraction": f"{digits * 2}.5",
        "5000-digits-and-an-exponent": f"{digits * 2}e5",
        "infinite": "1e999",
        "minus-zero": "-0",
        "minus-zero-point-zero": "-0.0E-0",
        "below-0": "-9007199254740993",
    }.items():
        yield case(f"{name}-in-an-ignored-member", f'"more":[{number}]')
    for name, number in {
        "4301-digits": f"{digits}0",
        "4301-digits-below-0": f"-{digits}0",
        "leading-zero": "01",
        "plus": "+1",
        "no-digit-before-the-point": ".5",
        "no-digit-behind-the-point": "5.",
        "two-signs": "--1",
    }.items():
        yield case(f"{name}-in-an-ignored-member", f'"more":[{number}]', "license-claims-invalid")
    zero = good.replace('"gpus":4', '"gpus":-0').encode()
    one = {**HOST, "gpus": 1}
    yield license_case(
        "number-minus-zero-is-zero", file(token(zero)), "refused gpus-not-licensed", "2.3", host=one
    )
    yield case("name-of-nothing", '"":{"":[{"":0}]}')
    yield case("name-of-a-path", '"host/key":1,"/":{"host":2},"host/tags/ip/":3')


def precedence() -> Iterator[Case]:
    """What is looked at first (sections 5.2, 6.4, 7.2, 8.2)."""

    def claims(name: str, slug: str, **changes: Any) -> Case:
        made = file(token(payload(**changes)))
        return license_case(f"first-{name}", made, f"refused {slug}", "5.2")

    unsupported, invalid = "license-unsupported", "license-claims-invalid"
    yield claims("version-before-must-understand", unsupported, ver=2, must_understand=7)
    yield claims("version-before-claims", unsupported, ver=2, iss=None, host=[], exp="soon")
    yield claims("version-0", unsupported, ver=0)
    yield claims("version-of-a-wrong-type", invalid, ver="2", must_understand=["seats"])
    yield claims("must-understand-of-a-wrong-type", invalid, must_understand={"seats": 1})
    yield claims("must-understand-twice", invalid, must_understand=["seats", "seats"])
    yield claims("must-understand-before-claims", unsupported, must_understand=["seats"], iss=7)
    none = file(token(payload(must_understand=[])))
    yield license_case("first-must-understand-nothing", none, spec="5.2")

    alone = blocks(armor.LICENSE, token(payload()))
    foreign, damaged = keyset(root=OTHER_ROOT), "AAAA"
    for name, known, beside, slug in (
        ("damaged", (damaged,), (foreign, damaged), "license-damaged"),
        ("foreign", (foreign,), (damaged, foreign), "keyset-untrusted"),
        ("other", (damaged,), (damaged, foreign), "keyset-untrusted"),
    ):
        yield license_case(
            f"last-block-{name}",
            (alone + blocks(armor.KEYSET, *beside)).encode(),
            f"refused {slug}",
            "6.4",
            known=in_base64(blocks(armor.KEYSET, *known)),
        )

    one = rotation(1, OTHER_ROOT)
    by_other = keyset_by(OTHER_ROOT, version=1)
    members = roots_members(2, STRANGER) | {"keys": []}
    broken = signed_by(members, jws.ROOTS, ROOT)
    yield license_case("scan-ends-at-the-next-roots", whole(one + broken + by_other), spec="6.4")
    refused = "refused roots-invalid"
    yield license_case(
        "scan-meets-invalid-roots-first", whole(broken + one + by_other), refused, spec="6.4"
    )
    again = signed_by(members, jws.ROOTS, OTHER_ROOT)
    yield license_case(
        "scan-begins-anew-with-the-next-roots", whole(again + one + by_other), refused, spec="6.4"
    )

    good = file().decode()
    yield license_case(
        "trust-invalid-is-not-told-while-opening",
        good.replace("-----END LICENSE-----", "").encode(),
        "refused license-damaged",
        "7.2",
        known=in_base64("-----BEGIN LICENSE KEYSET-----\n"),
        notices="",
    )
    revoked, others = listing(7, "HS-2027-0000TEST"), listing(8, "HS-2027-1")
    for name, tokens, expect in (
        ("first-list-counts", (others, revoked), "holds"),
        ("first-list-counts-and-revokes", (revoked, others), "refused license-revoked"),
        ("first-list-counts-though-damaged", ("AAAA", others), "refused revocations-invalid"),
    ):
        body = (good + blocks(armor.REVOCATIONS, *tokens)).encode()
        yield license_case(name, body, expect, "8.2")
    yield license_case(
        "empty-list-beside", file(), "refused revocations-invalid", "8.2", revocations=""
    )
    yield license_case("empty-trust", file(), spec="6.4", known="", notices="trust-invalid")
    zero = "HS-\0-1"
    yield license_case(
        "revoked-by-a-number-with-a-zero-character",
        file(token(payload(jti=zero))),
        "refused license-revoked",
        "8.1",
        revocations=in_base64(blocks(armor.REVOCATIONS, listing(7, zero))),
    )


def hosts_in_corners() -> Iterator[Case]:
    """Hosts, clocks and memories that a check may be given (sections 2.4, 3, 7)."""
    good = file()
    for name, host, expect in (
        ("empty", {**HOST, "pinned_ip": ""}, "holds"),
        ("no-address", {**HOST, "pinned_ip": "172.17.0.256"}, "refused pinned-address-invalid"),
        ("with-a-zone", {**HOST, "pinned_ip": "fe80::1%eth0"}, "refused pinned-address-invalid"),
        ("ipv6", {**HOST, "pinned_ip": "2001:db8::1"}, "refused pinned-address-differs"),
        ("leading-zero", {**HOST, "pinned_ip": "172.17.0.02"}, "refused pinned-address-invalid"),
        (
            "and-no-address-here",
            {**HOST, "ip": None, "pinned_ip": HOST["ip"]},
            "refused pinned-address-differs wrong-host",
        ),
        (
            "and-an-empty-former-one",
            {**HOST, "former_ip": "", "pinned_ip": "10.0.0.1"},
            "refused pinned-address-differs",
        ),
    ):
        yield license_case(f"pinned-{name}", good, expect, "7.2", host=host)
    machine = {**HOST, "engine": "", "container_id": "", "layer": ""}
    claim = host_claim(key=hostkey.derive(facts(machine)).key, tags=hostkey.tags(facts(machine)))
    yield license_case(
        "host-with-an-empty-engine",
        file(token(payload(host=claim))),
        "refused wrong-host",
        "3.4",
        host={**machine, "ip": "172.17.0.3"},
        details="ip-differs",
    )
    empty = {**HOST, "ip": ""}
    yield license_case("host-with-an-empty-address", good, "refused wrong-host", "3.2", host=empty)
    uncounted = {**HOST, "gpus": None}
    yield license_case(
        "gpus-not-counted", good, spec="7.2", host=uncounted, notices="gpus-not-counted"
    )
    unlimited = file(token(payload(limits=None)))
    yield license_case("gpus-not-counted-and-not-limited", unlimited, spec="7.2", host=uncounted)

    bound = {**HOST, "machine_id_bound": True}
    known = facts(bound)
    tags = {**hostkey.tags(known, "hk1-host"), "container_id": "0" * 16}
    for match in ("exact", "anchored"):
        claim = host_claim(
            key=hostkey.derive(known, "hk1-host").key, profile="hk1-host", match=match, tags=tags
        )
        made = file(token(payload(host=claim)))
        yield license_case(f"tag-that-the-profile-leaves-out-{match}", made, spec="3.4", host=bound)
        yield license_case(
            f"tag-that-the-profile-leaves-out-{match}-elsewhere",
            made,
            "refused wrong-host",
            "3.4",
            host={**bound, "ip": "172.17.0.3"},
            details="container-id-differs",
        )
    for name, changes, details in (
        ("ip-and-hostname", {"ip": "172.17.0.3", "hostname": "b"}, "hostname-differs ip-differs"),
        (
            "both-ids",
            {"container_id": "ab" * 32, "machine_id": "0f" * 16, "ip": "172.17.0.3"},
            "machine-id-differs container-id-differs",
        ),
    ):
        yield license_case(
            f"details-in-order-{name}",
            good,
            "refused wrong-host",
            "9.2",
            host={**HOST, **changes},
            details=details,
        )

    perpetual = file(token(payload(exp=None)))
    last = file(token(payload(exp=253402300799)))
    for now in (253402300799, 2**40, 2**63, 10**25):
        yield license_case(f"clock-at-{now}", perpetual, now=now, spec="2.4")
        yield license_case(f"clock-at-{now}-at-the-end", last, "refused license-expired", now=now)
    for now in (0, -1, -(2**63) - 1):
        slugs = "refused clock-set-back license-not-yet-valid"
        yield license_case(f"clock-at-{now}", perpetual, slugs, now=now, spec="2.4")
    far = {"seen_at": 253402300799, "license_iat": ISSUED, "license_jti": "HS-2027-0000TEST"}
    yield license_case("clock-at-the-last-mark", perpetual, now=2**63, spec="2.4", memory=far)
    for name, memory, expect in (
        ("empty", {}, "holds"),
        ("without-license", {"seen_at": NOW + DAY + 1}, "holds"),
        (
            "without-iat",
            {"seen_at": NOW + DAY + 1, "license_jti": "HS-2027-0000TEST"},
            "refused clock-set-back",
        ),
        ("without-mark", {"license_iat": ISSUED, "license_jti": "HS-2027-0000TEST"}, "holds"),
        ("of-a-kid-alone", {"revocations_kid": SIGNING.public_key.kid}, "holds"),
    ):
        yield license_case(f"memory-{name}", good, expect, "7.3", memory=memory)
    yield license_case(
        "memory-without-mark-on-an-early-clock",
        good,
        "refused clock-set-back license-not-yet-valid",
        "7.3",
        now=ISSUED - DAY - 1,
        memory={"license_iat": NOW},
    )


def keys_in_corners() -> Iterator[Case]:
    """Keys that are none, and signatures that are written in another way (sections 5.1, 6.1)."""
    entry: dict[str, Any] = {"x": NO_POINT, "kid": thumbprint(b64url.decode(NO_POINT))}

    def with_no_point(members: dict[str, Any]) -> dict[str, Any]:
        return members | {"keys": [members["keys"][0] | entry, *members["keys"]]}

    made = file(keyset_token=keyset_members(with_no_point))
    yield license_case("keyset-with-a-key-of-no-point", made, spec="6.1")
    small = b64url.encode((1).to_bytes(32, "little"))
    yield license_case(
        "root-that-is-refused",
        file(),
        "refused trusted-key-invalid",
        "6.2",
        roots=dumps([small]),
    )
    yield license_case(
        "root-of-no-point", file(), spec="6.2", roots=trusted(ROOT)[:-1] + f', "{NO_POINT}"]'
    )
    refused = "refused trusted-key-invalid"
    for name, x, expect in (
        ("of-no-point", NO_POINT, f"kid {entry['kid']}"),
        ("of-order-1", small, refused),
        ("short", small[:-1], refused),
        ("padded", f"{NO_POINT}=", refused),
        ("not-canonical", f"{NO_POINT[:-1]}B", refused),
    ):
        jwk = {"kty": "OKP", "crv": "Ed25519", "x": x}
        lines = {"kind": "thumbprint", "spec": "6.1", "expect": expect}
        yield Case(f"thumbprint-{name}", lines, dumps(jwk).encode())

    seed = hashlib.sha256(b"hostseal test vectors: signing").digest()
    scalar = int.from_bytes(hashlib.sha512(seed).digest()[:32], "little")
    scalar = scalar & ~7 & (2**254 - 1) | 2**254
    ours, body = SIGNING.public_key.raw, b"R is the neutral point"
    field = 2**255 - 19

    def neutral(written: int) -> bytes:
        """A signature whose R is the neutral point, written so: its S needs no nonce."""
        r = written.to_bytes(32, "little")
        k = int.from_bytes(hashlib.sha512(r + ours + body).digest(), "little")
        return r + (k * scalar % ORDER).to_bytes(32, "little")

    def signature(name: str, made: bytes | str, expect: str, x: bytes = ours) -> Case:
        text = made if isinstance(made, str) else b64url.encode(made)
        lines = {"kind": "signature", "spec": "5.1", "x": b64url.encode(x), "signature": text}
        return Case(f"signature-{name}", {**lines, "expect": expect}, body)

    no = "does not hold"
    yield signature("r-neutral", neutral(1), "holds")
    yield signature("r-neutral-y-not-below-the-field", neutral(1 + field), no)
    yield signature("r-neutral-x-negative", neutral(1 + 2**255), no)
    yield signature("by-a-key-of-no-point", neutral(1), no, b64url.decode(NO_POINT))
    yield signature("by-a-key-that-is-refused", neutral(1), refused, (1).to_bytes(32, "little"))
    yield signature("short", neutral(1)[:-1], no)
    yield signature("long", neutral(1) + b"\0", no)
    yield signature("padded", f"{b64url.encode(neutral(1))}==", no)
    yield signature("empty", "", no)


def requests_in_corners() -> Iterator[Case]:
    """Blocks of a request (sections 2.3, 4.3, 4.4)."""
    key = hostkey.derive(facts(HOST)).key
    damaged = "refused request-damaged"

    def of(members: str) -> str:
        data = members.encode()
        check = b64url.encode(hashlib.sha256(data).digest())[:8]
        return armor.wrap(armor.REQUEST, f"{b64url.encode(data)}.{check}")

    def case(name: str, text: str, expect: str) -> Case:
        lines = {"kind": "text", "spec": "4.4", "expect": expect}
        return Case(f"text-request-{name}", lines, text.encode())

    def asks(name: str, more: str, expect: Callable[[dict[str, Any]], Any] | None) -> Case:
        members = {"ver": 1, "key": key, "profile": "hk1"}
        wanted = f"request {dumps(expect(members))}" if expect else damaged
        return case(name, of(f'{{"ver":1,"key":"{key}"{more}}}'), wanted)

    same = f"request {dumps({'ver': 1, 'key': key, 'profile': 'hk1'})}"
    empty = "-----BEGIN LICENSE REQUEST-----\n-----END LICENSE REQUEST-----\n"
    yield case("empty", empty, damaged)
    yield case("empty-behind-another", of(f'{{"ver":1,"key":"{key}"}}') + empty, damaged)
    yield asks("with-white-space", ' ,\n "more" : [ 1 , {"a\\nb": "\\n"} ] \r\n\t', lambda m: m)
    yield asks("name-with-a-zero-character", ',"name":"a\\u0000b"', lambda m: m | {"name": "a\0b"})
    quoted = 'a"\\\u007f\u0080\u2028\U0001f600'
    yield asks("name-with-quotes", f',"name":{dumps(quoted)}', lambda m: m | {"name": quoted})
    yield asks("name-of-200", f',"name":"{"é" * 200}"', lambda m: m | {"name": "é" * 200})
    yield asks("name-of-201", f',"name":"{"é" * 201}"', None)
    smiles = "\\ud83d\\ude00" * 200
    yield asks("name-of-200-beyond-16-bits", f',"name":"{smiles}"',
               lambda m: m | {"name": "\U0001f600" * 200})  # fmt: skip
    unassigned = "\u0378\U0003fffd\ue000\u200b"
    yield asks("name-that-cannot-be-printed", f',"name":"{unassigned}"',
               lambda m: m | {"name": unassigned})  # fmt: skip
    yield asks("minus-zero", ',"gpus":-0,"iat":-0', lambda m: m | {"gpus": 0, "iat": 0})
    tags = {"ip": "0" * 16}
    yield asks("tags", f',"tags":{dumps(tags)}', lambda m: m | {"tags": tags})
    yield asks("no-tags", ',"tags":{}', lambda m: m | {"tags": {}})
    yield asks("tag-of-nothing", f',"tags":{dumps({**tags, "mac": "0" * 16})}', None)
    yield asks("null-name", ',"name":null', None)
    yield asks("4301-digits", f',"more":{"9" * 4301}', None)
    yield asks("version-twice", ',"ver":1', None)
    yield case("version-2", of(f'{{"ver":2,"key":"{key}"}}'), damaged)
    names = [of(f'{{"ver":1,"key":"{key}","name":"{name}"}}') for name in "ab"]
    last = f"request {dumps({'ver': 1, 'key': key, 'name': 'b', 'profile': 'hk1'})}"
    yield case("same-key-the-last-counts", "".join(names), last)
    other = of(f'{{"ver":1,"key":"{"ab" * 20}"}}')
    yield case("two-keys", names[0] + other + names[0], "refused request-ambiguous")
    yield case("damaged-behind-two-keys", names[0] + other + empty, damaged)
    alone = of(f'{{"ver":1,"key":"{key}"}}')
    yield case("of-65536-characters", alone + "é" * (65536 - len(alone)), same)
    yield case(
        "of-65537-characters", alone + "é" * (65537 - len(alone)), "refused request-unreadable"
    )
    yield case("with-zeros", "\0".join(alone), same)
    yield case("behind-a-mark", f"\ufeff{alone}", same)
    yield case("beside-a-license", file().decode() + alone, same)


def names_in_corners() -> Iterator[Case]:
    """Names in lines whose characters Unicode's versions know differently (section 4.4)."""
    key = hostkey.derive(facts(HOST)).key
    alone = {"ver": 1, "key": key, "profile": "hk1"}
    for word, name, is_one in (
        ("not-assigned", "a\u0378b", True),
        ("not-assigned-when-python-3-11-came", "a\U0001c400", True),
        ("beyond-what-is-assigned", "\U0003134f", True),
        ("of-an-african-sign", "\u0600\u08e2a", True),
        ("private-use", "a\ue000", False),
        ("private-use-of-plane-15", "a\U000f0000", False),
        ("tag", "a\U000e0041", False),
        ("noncharacter", "a\ufdd0", False),
        ("annotation", "a\ufff9", False),
        ("symbol", "\u2603\U0001f600", False),
        ("hidden-behind-200", "a" * 200 + "\ue000", True),
    ):
        request = alone | {"name": name[:200]} if is_one else alone
        lines = {"kind": "text", "spec": "4.4", "expect": f"request {dumps(request)}"}
        yield Case(f"text-name-{word}", lines, dumps([key, name]).encode())


def corners() -> Iterator[Case]:
    """All of them."""
    yield from markers()
    yield from numbers()
    yield from precedence()
    yield from hosts_in_corners()
    yield from keys_in_corners()
    yield from requests_in_corners()
    yield from names_in_corners()

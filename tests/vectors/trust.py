"""Vectors of trust: keysets, thresholds of roots, their rotation, and what was learned before."""

from collections.abc import Callable, Iterator
from typing import Any

from license_core import (
    armor,
    b64url,
    jws,
)
from license_core.keyset import Keyset
from license_core.publickey import thumbprint
from license_core.revocation import Revocations
from license_core.signer import MemorySigner
from tests.vectors.material import (
    DAY,
    ISSUED,
    NOW,
    OTHER_ROOT,
    ROOT,
    SECOND,
    SIGNING,
    STRANGER,
    THIRD_ROOT,
    Case,
    blocks,
    file,
    in_base64,
    keyset,
    keyset_by,
    keyset_members,
    license_case,
    payload,
    roots_members,
    rotation,
    signed_by,
    signing_key,
    token,
    trusted,
    whole,
    worse,
)


def keysets() -> Iterator[Case]:
    """Keysets that must not pass (section 6)."""

    def refused(name: str, keyset_token: str, slug: str, spec: str = "7.2") -> Case:
        return license_case(
            f"keyset-{name}", file(keyset_token=keyset_token), f"refused {slug}", spec
        )

    yield refused("foreign", keyset(root=OTHER_ROOT), "keyset-untrusted", "6.2")
    yield refused("signed-by-signing-key", keyset(root=SIGNING), "keyset-untrusted", "6.2")
    yield refused("other-type", token(payload(), ROOT), "keyset-untrusted", "6.2")
    yield refused("not-a-token", "AAAA", "license-damaged", "6.2")
    yield refused("without-our-key", keyset(signing_key(SECOND)), "signing-key-unknown")
    yield refused("key-revoked", keyset(signing_key(state="revoked")), "signing-key-revoked")
    yield refused(
        "key-for-another-product",
        keyset(signing_key(products=("other",))),
        "signing-key-not-allowed",
    )
    yield refused("key-ended", keyset(signing_key(exp=ISSUED)), "signing-key-not-allowed")
    yield refused("key-not-begun", keyset(signing_key(nbf=ISSUED + 1)), "signing-key-not-allowed")
    yield refused("ended-before-issue", keyset(exp=ISSUED), "keyset-expired")

    def changed(**members: Any) -> Callable[[dict[str, Any]], Any]:
        return lambda keyset_: {**keyset_, **members}

    def entry(**members: Any) -> Callable[[dict[str, Any]], Any]:
        return lambda keyset_: {**keyset_, "keys": [{**keyset_["keys"][0], **members}]}

    def raw(key: bytes) -> Callable[[dict[str, Any]], Any]:
        return entry(x=b64url.encode(key), kid=thumbprint(key))

    field, of_8 = 2**255 - 19, 0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826
    # By the order of the point; the sign of x is the highest bit.
    small_order = {
        "1": 1,
        "1-x-negative": 1 + 2**255,
        "2": field - 1,
        "2-x-negative": field - 1 + 2**255,
        "4": 0,
        "4-x-negative": 2**255,
        "8": of_8,
        "8-x-negative": of_8 + 2**255,
        "8-y-negative": field - of_8,
        "8-x-and-y-negative": field - of_8 + 2**255,
    }
    not_canonical = (field + 3).to_bytes(32, "little")
    invalid = {
        "no-keys": changed(keys=[]),
        "keys-no-array": changed(keys={}),
        "version-0": changed(version=0),
        "a-list": lambda _: [1],
        "key-twice": lambda keyset_: {**keyset_, "keys": keyset_["keys"] * 2},
        "kid-not-thumbprint": entry(kid="A" * 43),
        "alg-eddsa": entry(alg="EdDSA"),
        "kty-rsa": entry(kty="RSA"),
        "state-unknown": entry(state="sleeping"),
        **{
            f"key-of-order-{name}": raw(point.to_bytes(32, "little"))
            for name, point in small_order.items()
        },
        "short-key": raw(bytes(31)),
        "y-not-below-the-field": raw(not_canonical),
    }
    for name, change in invalid.items():
        yield refused(name, keyset_members(change), "keyset-invalid", "6.1")
    later = keyset(exp=ISSUED + 1)
    yield license_case("keyset-ended-after-issue", file(keyset_token=later), spec="6.1")


def thresholds() -> Iterator[Case]:
    """How many roots must sign (section 6.2)."""
    three = (ROOT, OTHER_ROOT, THIRD_ROOT)

    def case(
        name: str,
        needed: int,
        body: str,
        slug: str = "",
        keys: tuple[MemorySigner, ...] = three,
    ) -> Case:
        settings = {"product": "darwin", "roots_needed": needed}
        return license_case(
            f"threshold-{name}",
            whole(body),
            f"refused {slug}" if slug else "holds",
            spec="6.2",
            roots=trusted(*keys),
            settings=settings,
        )

    yield case("1-of-2", 1, keyset_by(OTHER_ROOT), keys=three[:2])
    yield case("1-of-3-by-two", 1, keyset_by(OTHER_ROOT, THIRD_ROOT))
    yield case("2-of-3", 2, keyset_by(ROOT, THIRD_ROOT))
    yield case("2-of-3-by-all", 2, keyset_by(THIRD_ROOT, OTHER_ROOT, ROOT))
    yield case("2-of-3-by-one", 2, keyset_by(ROOT), "keyset-untrusted")
    yield case("2-of-3-by-one-twice", 2, keyset_by(ROOT, ROOT), "keyset-untrusted")
    yield case("2-of-3-and-a-stranger", 2, keyset_by(ROOT, STRANGER), "keyset-untrusted")
    yield case("4-of-3", 4, keyset_by(*three), "keyset-untrusted")
    yield case("one-key-in-two-files", 2, keyset_by(ROOT), "keyset-untrusted", (ROOT, ROOT))
    apart = keyset_by(ROOT, version=3) + keyset_by(OTHER_ROOT, version=4)
    yield case("two-payloads", 2, apart, "keyset-untrusted")
    newer = keyset_by(ROOT, OTHER_ROOT, version=3) + keyset_by(THIRD_ROOT, version=9)
    yield case("higher-version-by-one", 2, newer)
    mixed = keyset_by(ROOT) + keyset_by(OTHER_ROOT, version=2) + keyset_by(THIRD_ROOT)
    yield case("between-others", 2, mixed)
    yield case(
        "forged-second",
        2,
        keyset_by(ROOT) + worse(keyset_by(OTHER_ROOT), "flipped"),
        "keyset-untrusted",
    )
    invalid = Keyset("Example Vendor", 3, ISSUED - DAY, (signing_key(),)).to_dict() | {"keys": []}
    yield case(
        "invalid-by-two", 2, signed_by(invalid, jws.KEYSET, ROOT, OTHER_ROOT), "keyset-invalid"
    )
    yield case("invalid-by-one", 2, signed_by(invalid, jws.KEYSET, ROOT), "keyset-untrusted")
    beside = signed_by(invalid, jws.KEYSET, ROOT, OTHER_ROOT) + keyset_by(OTHER_ROOT, THIRD_ROOT)
    yield case("valid-beside-invalid", 2, beside)
    foreign = signed_by(invalid, jws.KEYSET, ROOT, OTHER_ROOT) + keyset_by(STRANGER)
    yield case("foreign-after-invalid", 2, foreign, "keyset-invalid")
    dashes = whole(keyset_by(ROOT, THIRD_ROOT)).decode().replace("--", "\u2014")
    yield license_case(
        "threshold-em-dashes",
        dashes.encode(),
        spec="4.3",
        roots=trusted(*three),
        settings={"product": "darwin", "roots_needed": 2},
    )


def rotations() -> Iterator[Case]:
    """Roots documents (sections 6.3, 6.4)."""

    def case(name: str, body: str, slug: str = "", spec: str = "6.4", **more: Any) -> Case:
        expect = f"refused {slug}" if slug else "holds"
        return license_case(f"roots-{name}", whole(body), expect, spec=spec, **more)

    one = rotation(1, OTHER_ROOT)
    two = rotation(2, THIRD_ROOT, by=(OTHER_ROOT, THIRD_ROOT))
    by_other, by_third = keyset_by(OTHER_ROOT, version=1), keyset_by(THIRD_ROOT, version=1)
    yield case("rotated", one + by_other)
    yield case("rotated-twice", one + two + by_third)
    yield case("in-any-order", by_third + two + one)
    yield case("kept-root", rotation(1, ROOT, OTHER_ROOT, by=(ROOT,)) + keyset_by(ROOT))
    yield case("former-root-counts-no-more", one + keyset_by(ROOT, version=9), "keyset-untrusted")
    yield case("former-keyset-beside", one + keyset_by(ROOT, version=9) + by_other)
    yield case("without-keyset", one, "keyset-missing")
    yield case("first-missing", two + by_third, "keyset-untrusted")
    skip = rotation(2, OTHER_ROOT)
    yield case("skipped", skip + by_other, "roots-skipped")
    yield case("skipped-beside-the-next", skip + one + by_other)
    later = rotation(3, THIRD_ROOT, by=(OTHER_ROOT, THIRD_ROOT))
    yield case("second-skipped", one + later + by_third, "roots-skipped")
    yield case("skipped-though-the-keyset-is-trusted", skip + keyset_by(ROOT), "roots-skipped")
    yield case("own-signature-missing", rotation(1, OTHER_ROOT, by=(ROOT,)), "roots-invalid")
    yield case(
        "former-signature-missing",
        rotation(1, OTHER_ROOT, by=(OTHER_ROOT,)) + by_other,
        "keyset-untrusted",
    )
    alone = rotation(1, STRANGER, by=(STRANGER,))
    yield case("foreign-beside", alone + keyset_by(ROOT))
    rival = rotation(1, STRANGER)
    yield case("first-of-equals", one + rival + by_other)
    yield case("second-of-equals", one + rival + keyset_by(STRANGER), "keyset-untrusted")
    again = rotation(1, STRANGER, by=(ROOT, OTHER_ROOT, STRANGER))
    yield case("same-version-again", one + again + by_other)

    pair = rotation(1, OTHER_ROOT, THIRD_ROOT, threshold=2)
    yield case("threshold-2", pair + keyset_by(OTHER_ROOT, THIRD_ROOT))
    yield case("threshold-2-by-one", pair + by_other, "keyset-untrusted")
    half = rotation(1, OTHER_ROOT, THIRD_ROOT, by=(ROOT, OTHER_ROOT), threshold=2)
    yield case("threshold-2-own-by-one", half + by_other, "roots-invalid")
    back = rotation(2, ROOT, by=(OTHER_ROOT, ROOT))
    yield case("next-by-one-of-2", pair + back + keyset_by(ROOT), "keyset-untrusted")
    enough = rotation(2, ROOT, by=(OTHER_ROOT, THIRD_ROOT, ROOT))
    yield case("next-by-two-of-2", pair + enough + keyset_by(ROOT))
    needed = {"product": "darwin", "roots_needed": 2}
    shipped = trusted(ROOT, THIRD_ROOT)
    yield case(
        "shipped-2-by-one", one + by_other, "keyset-untrusted", roots=shipped, settings=needed
    )
    both = rotation(1, OTHER_ROOT, by=(ROOT, THIRD_ROOT, OTHER_ROOT))
    yield case("shipped-2-by-two", both + by_other, roots=shipped, settings=needed)
    yield case("flipped", worse(one, "flipped") + by_other, "keyset-untrusted", spec="5.1")
    yield case("malleable", worse(one, "raised") + by_other, "keyset-untrusted", spec="5.1")
    yield case("keyset-malleable", one + worse(by_other, "raised"), "keyset-untrusted", spec="5.1")
    as_roots = blocks(armor.ROOTS, keyset())
    yield case("keyset-in-its-place", as_roots + keyset_by(ROOT), spec="5.1")

    good = roots_members(1, OTHER_ROOT)

    def wrong(name: str, **changes: Any) -> Case:
        members = {key: value for key, value in (good | changes).items() if value is not None}
        text = signed_by(members, jws.ROOTS, ROOT, OTHER_ROOT)
        return case(name, text + by_other, "roots-invalid", spec="6.3")

    key = good["keys"][0]
    yield wrong("key-twice", keys=[key, key])
    yield wrong("key-twice-threshold-2", keys=[key, key], threshold=2)
    yield wrong("no-keys", keys=[])
    yield wrong("keys-no-array", keys=key)
    yield wrong("threshold-0", threshold=0)
    yield wrong("threshold-above-the-keys", threshold=2)
    yield wrong("threshold-text", threshold="1")
    yield wrong("without-threshold", threshold=None)
    yield wrong("without-iss", iss=None)
    yield wrong("without-iat", iat=None)
    yield wrong("version-0", version=0)
    yield wrong("version-too-great", version=2**53)
    yield wrong("kid-not-thumbprint", keys=[key | {"kid": ROOT.public_key.kid}])
    yield wrong("alg-eddsa", keys=[key | {"alg": "EdDSA"}])
    yield wrong("kty-rsa", keys=[key | {"kty": "RSA"}])
    low = (1).to_bytes(32, "little")
    yield wrong("key-of-order-1", keys=[key | {"x": b64url.encode(low), "kid": thumbprint(low)}])
    above = (2**255 - 16).to_bytes(32, "little")
    yield wrong(
        "y-not-below-the-field",
        keys=[key | {"x": b64url.encode(above), "kid": thumbprint(above)}],
    )
    yield case("a-list", signed_by([], jws.ROOTS, ROOT), "roots-invalid", spec="6.3")
    more = signed_by(good | {"colour": "blue"}, jws.ROOTS, ROOT, OTHER_ROOT)
    yield case("unknown-member", more + by_other, spec="2.3")
    mailed = whole(one, by_other).decode()
    quoted = "".join(f"> {line}\n" for line in mailed.splitlines())
    yield license_case("roots-quoted", quoted.encode(), spec="4.3")
    yield license_case("roots-em-dashes", mailed.replace("--", "\u2014").encode(), spec="4.3")


def learned() -> Iterator[Case]:
    """What a client knows beside the licence (sections 6.4, 7.3, 8.2)."""
    good = file()
    seen = {"seen_at": NOW, "license_iat": ISSUED, "license_jti": "HS-2027-0000TEST"}

    def case(name: str, body: bytes = good, expect: str = "holds", **more: Any) -> Case:
        if "known" in more:
            more["known"] = in_base64(more["known"])
        return license_case(name, body, expect, **({"spec": "6.4"} | more))

    revoked = keyset_by(ROOT, version=4, entries=(signing_key(state="revoked"),))
    yield case("known-newer", expect="refused signing-key-revoked", known=revoked)
    older = keyset_by(ROOT, version=2, entries=(signing_key(state="revoked"),))
    yield case("known-older", known=older)
    same = keyset_by(ROOT, version=3, entries=(signing_key(state="revoked"),))
    yield case("known-equal", expect="refused signing-key-revoked", known=same)
    yield case("known-foreign", known=keyset_by(STRANGER, version=9))
    yield case("known-cut-off", known=revoked[:-30], notices="trust-invalid")
    yield case("known-words", known="nothing that was learned\n", notices="trust-invalid")
    yield case("known-zeroed", known="\0" * len(revoked), notices="trust-invalid")
    yield case("known-keyset-only", whole(), known=keyset_by(ROOT))
    one, rival = rotation(1, OTHER_ROOT), rotation(1, STRANGER)
    theirs = whole(rival, keyset_by(STRANGER, version=9))
    yield case("known-roots", whole(keyset_by(OTHER_ROOT)), known=one)
    yield case("known-roots-first", theirs, "refused keyset-untrusted", known=one)
    yield case("known-roots-and-keyset-first", theirs, known=one + keyset_by(OTHER_ROOT))
    two = rotation(2, THIRD_ROOT, by=(OTHER_ROOT, THIRD_ROOT))
    yield case("known-roots-go-on", whole(two, keyset_by(THIRD_ROOT)), known=one)

    back = "refused keyset-rolled-back"
    yield case("rolled-back", expect=back, memory={**seen, "keyset_version": 4})
    yield case("not-rolled-back", memory={**seen, "keyset_version": 3})
    yield case("rolled-back-roots", expect=back, memory={**seen, "roots_version": 1})
    rotated = whole(one, keyset_by(OTHER_ROOT, version=1))
    fast = {**seen, "keyset_version": 2**53 - 1}
    yield case("fast-forward", expect=back, memory=fast)
    yield case("fast-forward-recovered", rotated, memory=fast)
    yield case(
        "rolled-back-after-recovery",
        rotated,
        back,
        memory={**seen, "roots_version": 1, "keyset_version": 2},
    )
    yield case(
        "brought-forward",
        expect="holds",
        memory={**seen, "keyset_version": 4},
        known=keyset_by(ROOT, version=5),
    )
    yield case(
        "rolled-back-and-revoked",
        file(keyset_token=keyset(signing_key(state="revoked"))),
        "refused keyset-rolled-back signing-key-revoked",
        memory={**seen, "keyset_version": 4},
    )

    def listed(number: int, key: MemorySigner = SIGNING, exp: int | None = None) -> str:
        made = Revocations.of(
            ["HS-2027-1"], iss="Example Vendor", number=number, iat=ISSUED, exp=exp
        )
        return armor.wrap(armor.REVOCATIONS, made.sign(key))

    lists: dict[str, Any] = {"spec": "8.2"}
    ends = in_base64(listed(7, exp=NOW))
    yield case("revocations-old", revocations=ends, notices="revocations-old", **lists)
    lasts = in_base64(listed(7, exp=NOW + 1))
    yield case("revocations-not-old", revocations=lasts, **lists)
    inside = good + listed(8).encode()
    yield case("revocations-old-but-newer-inside", inside, revocations=ends, **lists)
    lost = {**seen, "revocations_number": 8, "revocations_kid": SIGNING.public_key.kid}
    yield case("revocations-dropped", memory=lost, notices="revocations-dropped", **lists)
    yield case(
        "revocations-dropped-and-old",
        revocations=ends,
        memory=lost,
        notices="revocations-old revocations-dropped",
        **lists,
    )
    yield case("revocations-as-seen", inside, memory=lost, **lists)
    stolen = {**seen, "revocations_number": 2**53 - 1, "revocations_kid": SECOND.public_key.kid}
    withdrawn = file(keyset_token=keyset(signing_key(), signing_key(SECOND, state="revoked")))
    yield case("revocations-of-a-revoked-key-seen", withdrawn, memory=stolen, **lists)
    present = file(keyset_token=keyset(signing_key(), signing_key(SECOND, state="retired")))
    yield case(
        "revocations-of-a-retired-key-seen",
        present,
        memory=stolen,
        notices="revocations-dropped",
        **lists,
    )
    yield case("revocations-of-an-unknown-key-seen", memory=stolen, **lists)
    yield case(
        "revocations-by-a-key-that-was-learned",
        revocations=in_base64(listed(7, SECOND)),
        known=keyset_by(ROOT, version=4, entries=(signing_key(), signing_key(SECOND))),
        **lists,
    )

"""Vectors of licences whose signature holds (SPEC section 7.2): host, term, policy."""

import base64
import hashlib
import json
from collections.abc import Iterator
from typing import Any

from license_core import (
    armor,
    hostkey,
    jws,
    strictjson,
)
from license_core.revocation import Revocations, digest
from license_core.signer import MemorySigner
from tests.vectors.material import (
    DAY,
    END,
    HOST,
    ISSUED,
    NOW,
    SECOND,
    SIGNING,
    STRANGER,
    Case,
    dumps,
    file,
    host_claim,
    keyset,
    keyset_members,
    license_case,
    payload,
    signing_key,
    token,
)
from tests.vectors.ours import facts


def unknown_engines() -> Iterator[Case]:
    """Licences for containers of an engine that nobody knows, of both versions (section 3.7)."""
    unknown = {**HOST, "container_id": None, "engine": "unknown", "once_bare": True}
    machine = {**HOST, "container_id": None, "engine": None}
    last = 1795910400 - 1
    key = keyset(signing_key(nbf=last - DAY))

    def of(host: dict[str, Any], iat: int, **more: str) -> bytes:
        known = facts(host)
        claim = host_claim(key=hostkey.derive(known).key, tags=hostkey.tags(known), **more)
        return file(token(payload(host=claim, iat=iat, nbf=iat)), key)

    version_1, moved = of(machine, last), {**unknown, "ip": "172.17.0.3"}
    former = "container-as-machine"
    yield license_case("version-1-holds", version_1, host=unknown, notices=former, spec="3.7")
    yield license_case(
        "version-1-moved",
        version_1,
        "refused wrong-host",
        host=moved,
        details="ip-differs",
        spec="3.7",
    )
    yield license_case(
        "version-1-anchored",
        of(machine, last, match="anchored"),
        host=moved,
        notices=f"host-drifted {former}",
        spec="3.7",
    )
    yield license_case(
        "version-1-with-an-id",
        version_1,
        host={**unknown, "container_id": "ab" * 32},
        notices=former,
        spec="3.7",
    )
    unidentified = "refused host-unidentifiable"
    for match in ("exact", "anchored"):
        made = of(machine, last + 1, match=match)
        yield license_case(f"version-2-{match}", made, unidentified, host=unknown, spec="3.7")
    bound = {**unknown, "machine_id_bound": True}
    layer = {**bound, "container_id": "1a" * 32}
    for name, host, other in (
        ("bound", bound, {**bound, "ip": "172.17.0.3"}),
        ("layer", layer, {**layer, "container_id": "2b" * 32}),
    ):
        for match in ("exact", "anchored"):
            made = of(host, last + 1, match=match)
            yield license_case(f"version-2-{name}-{match}", made, host=host, spec="3.7")
            refused = "refused wrong-host"
            yield license_case(
                f"version-2-{name}-{match}-copy", made, refused, host=other, spec="3.7"
            )
    drifted = {**layer, "ip": "172.17.0.3"}
    made = of(layer, last + 1, match="anchored")
    yield license_case(
        "version-2-layer-drifted", made, host=drifted, notices="host-drifted", spec="3.7"
    )
    in_memory = {**HOST, "once_bound": True}
    known = facts({**HOST, "machine_id_bound": True})
    claim = host_claim(key=hostkey.derive(known, "hk1-host").key, profile="hk1-host")
    for iat in (last, last + 1):
        expect = "holds" if iat == last else "refused host-machine-id-not-bound"
        yield license_case(
            f"version-{iat - last + 1}-machine-id-in-memory",
            file(token(payload(host=claim, iat=iat, nbf=iat)), key),
            expect,
            host=in_memory,
            spec="3.7",
        )


def images() -> Iterator[Case]:
    """Licences for machines whose machine id is part of a system image (section 3.4)."""
    machine = {**HOST, "container_id": None, "engine": None, "machine_id_of_image": True}
    known, last = facts(machine), 1795910400 - 1
    key = keyset(signing_key(nbf=last - DAY))
    elsewhere = {**machine, "ip": "172.17.0.3"}
    for iat, match, host, expect in (
        (last + 1, "exact", machine, "holds"),
        (last + 1, "exact", elsewhere, "refused wrong-host"),
        (last + 1, "anchored", machine, "holds"),
        (last + 1, "anchored", elsewhere, "refused wrong-host"),
        (last, "anchored", elsewhere, "holds"),
    ):
        before = facts({**machine, "machine_id_of_image": iat > last})
        claim = host_claim(
            key=hostkey.derive(known).key, match=match, tags=hostkey.tags(before), name=None
        )
        where = "copy" if host is elsewhere else "own"
        yield license_case(
            f"version-{iat - last + 1}-system-image-{match}-{where}",
            file(token(payload(host=claim, iat=iat, nbf=iat)), key),
            expect,
            host=host,
            notices="host-drifted" if iat == last else "",
            details="change-unknown" if expect != "holds" else "",
            spec="3.7",
        )


def layers() -> Iterator[Case]:
    """Licences with the tag of a container's layer (sections 3.4 and 7.2)."""
    own = {**HOST, "layer": f"{'3c' * 32}/diff"}
    guest = {**own, "layer": f"{'4d' * 32}/diff"}
    tag = hostkey.layer_tag(facts(own))
    exact, anchored = (
        file(token(payload(host=host_claim(match=match, layer=tag))))
        for match in ("exact", "anchored")
    )
    refused = "refused wrong-host"
    yield license_case("layer-own", exact, host=own)
    yield license_case("layer-of-another", exact, refused, host=guest, details="layer-differs")
    yield license_case("layer-not-seen", exact, host=HOST)
    yield license_case("layer-not-in-the-licence", file(), host=guest)
    drifted = {**own, "ip": "172.17.0.3"}
    yield license_case("layer-drifted", anchored, host=drifted, notices="host-drifted")
    yield license_case(
        "layer-of-another-drifted",
        anchored,
        refused,
        host={**guest, "ip": "172.17.0.3"},
        details="layer-differs",
    )
    displaced = {**guest, "ip": "192.168.50.5", "former_ip": HOST["ip"]}
    yield license_case(
        "layer-of-another-former-address",
        exact,
        refused,
        host=displaced,
        details="layer-differs",
    )
    moved = {**own, "container_id": "ab" * 32}
    yield license_case(
        "layer-and-another-container", exact, refused, host=moved, details="container-id-differs"
    )


def policies() -> Iterator[Case]:
    """Licences whose signature holds (section 7.2, judging)."""
    good = file()
    yield license_case(
        "no-product-set", good, spec="7.1", settings=dumps({}), notices="product-unset"
    )
    yield license_case(
        "wrong-product", good, "refused wrong-product", settings={"product": "other"}
    )
    details = {
        "ip": "172.17.0.3",
        "hostname": "other",
        "machine_id": "0f" * 16,
        "container_id": "ab" * 32,
    }
    for name, value in details.items():
        slug = f"{name.replace('_', '-')}-differs"
        yield license_case(
            f"wrong-host-{name}",
            good,
            "refused wrong-host",
            host={**HOST, name: value},
            details=slug,
        )
    yield license_case(
        "wrong-host-without-tags",
        file(token(payload(host=host_claim(tags=None)))),
        "refused wrong-host",
        host={**HOST, "ip": "172.17.0.3"},
        details="change-unknown",
    )
    both = {**HOST, "machine_id_bound": True}
    for named, meant in (("hk1", "hk1-host"), ("hk1-host", "hk1")):
        mistaken = host_claim(key=hostkey.derive(facts(both), meant).key, profile=named)
        yield license_case(
            f"wrong-host-named-{named}",
            file(token(payload(host=mistaken))),
            "refused wrong-host",
            host=both,
            details="profile-differs",
            spec="9.2",
        )
    bound = {**HOST, "container_id": None, "machine_id_bound": True}
    known = facts(bound)
    once = host_claim(key=hostkey.derive(known).key, tags=hostkey.tags(known))
    yield license_case(
        "wrong-host-copyable-since",
        file(token(payload(host=once))),
        "refused wrong-host",
        host={**bound, "machine_id_bound": False, "ip": "172.17.0.3"},
        details="change-unknown",
        spec="9.2",
    )
    anchored = file(token(payload(host=host_claim(match="anchored"))))
    drifted = {**HOST, "ip": "172.17.0.3", "hostname": "other"}
    yield license_case("anchored-drifted", anchored, host=drifted, notices="host-drifted")
    yield license_case(
        "anchored-other-container",
        anchored,
        "refused wrong-host",
        host={**HOST, "container_id": "ab" * 32},
    )
    yield license_case(
        "anchored-copyable-host",
        anchored,
        "refused wrong-host",
        host={**drifted, "container_id": None},
    )
    image = {**HOST, "container_id": None}
    known = facts(image)
    sealed = host_claim(key=hostkey.derive(known).key, match="anchored", tags=hostkey.tags(known))
    yield license_case(
        "anchored-copy-of-an-image",
        file(token(payload(host=sealed))),
        "refused wrong-host",
        host={**image, "ip": "172.17.0.3"},
        spec="3.4",
    )
    yield from unknown_engines()
    yield from images()
    yield from layers()
    nobody = {**HOST, "machine_id": None, "container_id": None}
    yield license_case("host-unidentifiable", good, "refused host-unidentifiable", host=nobody)
    image_id = file(token(payload(host=host_claim(profile="hk1-host"))))
    yield license_case(
        "hk1-host-not-bound", image_id, "refused host-machine-id-not-bound", spec="3.3"
    )
    pinned = {**HOST, "pinned_ip": "172.30.0.10"}
    yield license_case(
        "pinned-differs", good, "refused pinned-address-differs", host=pinned, spec="3.5"
    )

    # The address that the former rule takes (section 3.7) is licensed; the key has another.
    displaced = {**HOST, "ip": "192.168.50.5", "former_ip": HOST["ip"]}
    yield license_case("former-address", good, host=displaced, spec="3.7", notices="former-address")
    yield license_case(
        "former-address-and-another-container",
        good,
        "refused wrong-host",
        host={**displaced, "container_id": "ab" * 32},
        spec="3.7",
        details="container-id-differs",
    )
    yield license_case(
        "former-address-of-neither",
        good,
        "refused wrong-host",
        host={**displaced, "former_ip": "172.17.0.3"},
        spec="3.7",
        details="ip-differs",
    )
    yield license_case(
        "former-address-pinned",
        good,
        host={**displaced, "pinned_ip": HOST["ip"]},
        spec="3.7",
        notices="former-address",
    )

    yield license_case("gpus-as-licensed", good, host={**HOST, "gpus": 4}, spec="7.2")
    yield license_case(
        "more-gpus-than-licensed",
        good,
        "refused gpus-not-licensed",
        host={**HOST, "gpus": 5},
        spec="7.2",
    )
    unlimited = file(token(payload(limits=None)))
    yield license_case("gpus-without-a-limit", unlimited, host={**HOST, "gpus": 16}, spec="7.2")
    none_licensed = file(token(payload(limits={"gpus": 0})))
    yield license_case(
        "no-gpu-licensed",
        none_licensed,
        "refused gpus-not-licensed",
        host={**HOST, "gpus": 1},
        spec="7.2",
    )

    yield license_case("first-instant", good, now=ISSUED, spec="5.3")
    yield license_case("last-instant", good, now=END - 1, spec="5.3", notices="expires-soon")
    yield license_case("expired", good, "refused license-expired", now=END, spec="5.3")
    grace = file(token(payload(grace_until=END + DAY)))
    yield license_case("in-grace", grace, now=END, spec="5.3", notices="in-grace")
    yield license_case("grace-over", grace, "refused license-expired", now=END + DAY, spec="5.3")
    future = file(token(payload(nbf=NOW + 1)))
    yield license_case("not-yet", future, "refused license-not-yet-valid", spec="5.3")
    notify = file(token(payload(notify_from=NOW)))
    yield license_case("notify", notify, spec="5.3", notices="expires-soon")
    elsewhere = {**HOST, "container_id": "ab" * 32}
    yield license_case("notify-elsewhere", notify, "refused wrong-host", host=elsewhere, spec="7.2")
    soon = END - 30 * DAY
    yield license_case("warn-days", good, now=soon, spec="7.1", notices="expires-soon")
    yield license_case("before-warn-days", good, now=soon - 1, spec="7.1")
    covered = file(token(payload(maintenance_until=NOW)))
    released = {"product": "darwin", "released_at": NOW + 1}
    yield license_case("maintenance-ended", covered, "refused maintenance-ended", settings=released)
    yield license_case("maintenance-covers", covered, settings={**released, "released_at": NOW})

    back = {"seen_at": NOW + DAY + 1, "license_iat": ISSUED, "license_jti": "HS-2027-0000TEST"}
    yield license_case("clock-set-back", good, "refused clock-set-back", spec="7.3", memory=back)
    within = {**back, "seen_at": NOW + DAY}
    yield license_case("clock-within-tolerance", good, spec="7.3", memory=within)
    former = {**back, "license_iat": ISSUED - 1, "license_jti": "HS-2026-0000TEST"}
    yield license_case("clock-reset-by-a-new-license", good, spec="7.3", memory=former)
    early = ISSUED - DAY - 1
    yield license_case(
        "clock-before-issue",
        good,
        "refused clock-set-back license-not-yet-valid",
        now=early,
        spec="7.3",
    )

    lenient = file(token(payload(nbf=ISSUED - 300)))
    behind = ISSUED - 300
    yield license_case("leeway-first-instant", lenient, now=behind, spec="5.2")
    yield license_case(
        "leeway-too-early", lenient, "refused license-not-yet-valid", now=behind - 1, spec="5.2"
    )

    given_back = {**former, "returned": ["HS-2027-1", "HS-2027-0000TEST"]}
    yield license_case(
        "given-back", good, "refused license-returned", spec="7.2", memory=given_back
    )
    others_given_back = {**former, "returned": ["HS-2027-1", "HS-2027-0000TES"]}
    yield license_case("others-given-back", good, spec="7.2", memory=others_given_back)
    claims = json.loads(payload())
    held = f"hostseal returned\n{claims['aud']}\n{claims['sub']}".encode()
    holder, other = hashlib.sha256(held).hexdigest(), hashlib.sha256(held + b"x").hexdigest()
    for name, line, expect in (
        ("later-given-back", f"{holder} {ISSUED}", "refused license-returned"),
        ("earlier-given-back", f"{holder} {ISSUED - 1}", "holds"),
        ("later-of-others-given-back", f"{other} {ISSUED + 1}", "holds"),
    ):
        memory = {**former, "returned": ["HS-2027-1", line]}
        yield license_case(name, good, expect, spec="4.6", memory=memory)
    digest_named = file(token(payload(host=host_claim(**{"return": "A" * 43}))))
    yield license_case("return-named", digest_named, spec="5.2")

    listed = Revocations.of(["HS-2027-0000TEST"], iss="Example Vendor", number=7, iat=ISSUED)
    others = Revocations.of(["HS-2027-1", "HS-2027-2"], iss="Example Vendor", number=7, iat=ISSUED)

    def beside(revocations: Revocations, key: MemorySigner = SIGNING) -> str:
        # As ``sign`` does it, but also a list that no vendor would sign.
        token = jws.sign(strictjson.dumps(revocations.to_dict()), key, jws.REVOCATIONS)
        text = armor.wrap(armor.REVOCATIONS, token)
        return base64.b64encode(text.encode()).decode()

    yield license_case(
        "revoked", good, "refused license-revoked", spec="8.2", revocations=beside(listed)
    )
    inside = good + armor.wrap(armor.REVOCATIONS, listed.sign(SIGNING)).encode()
    yield license_case("revoked-inside", inside, "refused license-revoked", spec="8.2")
    yield license_case("others-revoked", good, spec="8.2", revocations=beside(others))
    yield license_case(
        "revocations-by-a-stranger",
        good,
        "refused revocations-invalid",
        spec="8.2",
        revocations=beside(listed, STRANGER),
    )
    yield license_case(
        "revocations-by-a-revoked-key",
        file(keyset_token=keyset(signing_key(), signing_key(SECOND, state="revoked"))),
        "refused revocations-invalid",
        spec="8.2",
        revocations=beside(others, SECOND),
    )
    ragged = Revocations("Example Vendor", 7, ISSUED, bytes(13))
    yield license_case(
        "revocations-ragged",
        good,
        "refused revocations-invalid",
        spec="8.1",
        revocations=beside(ragged),
    )
    numbers = ["HS-2027-0000TEST", *(f"HS-2027-{i}" for i in range(6))]
    unsorted = Revocations(
        "Example Vendor", 7, ISSUED, b"".join(sorted(map(digest, numbers), reverse=True))
    )
    yield license_case(
        "revoked-in-a-list-out-of-order",
        good,
        "refused license-revoked",
        spec="8.1",
        revocations=beside(unsorted),
    )
    straddling = Revocations(
        "Example Vendor", 7, ISSUED, bytes(5) + digest("HS-2027-0000TEST") + bytes(7)
    )
    yield license_case(
        "revocations-digest-across-two", good, spec="8.1", revocations=beside(straddling)
    )
    broken_inside = good + armor.wrap(armor.REVOCATIONS, listed.sign(STRANGER)).encode()
    yield license_case(
        "revoked-beside-a-broken-list",
        broken_inside,
        "refused revocations-invalid license-revoked",
        spec="8.2",
        revocations=beside(listed),
    )
    two = base64.b64decode(beside(others)).decode() + armor.wrap(
        armor.REVOCATIONS, others.sign(SIGNING)
    )
    yield license_case(
        "revocations-two-lists",
        good,
        "refused revocations-invalid",
        spec="8.2",
        revocations=base64.b64encode(two.encode()).decode(),
    )
    later_list = Revocations.of(["HS-2027-1"], iss="Example Vendor", number=8, iat=NOW + DAY + 1)
    yield license_case(
        "clock-before-the-list",
        good,
        "refused clock-set-back",
        spec="7.3",
        revocations=beside(later_list),
    )
    later_keyset = keyset_members(lambda members: {**members, "iat": NOW + DAY + 1})
    yield license_case(
        "clock-before-the-keyset",
        file(keyset_token=later_keyset),
        "refused clock-set-back",
        spec="7.3",
    )
    garbage = base64.b64encode(b"no list").decode()
    yield license_case(
        "revocations-damaged", good, "refused revocations-invalid", spec="8.2", revocations=garbage
    )
    yield license_case(
        "everything-wrong",
        file(keyset_token=keyset(signing_key(state="revoked"))),
        "refused signing-key-revoked wrong-product wrong-host license-expired",
        now=END,
        host={**HOST, "ip": "172.17.0.3"},
        settings={"product": "other"},
    )

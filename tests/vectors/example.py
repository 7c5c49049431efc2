"""The worked example of SPEC section 10, made by the code from test-only keys.

The root is the key of RFC 8037 appendix A.1; the signing key's seed is 32 bytes 0x01. Both private
keys are public: nobody may trust them.
"""

import hashlib
import json

from license_core import (
    armor,
    b64url,
    hostkey,
    hostline,
    jws,
)
from license_core.facts import HostFacts
from license_core.keyset import Keyset, SigningKey
from license_core.license import HostBinding, License
from license_core.request import LicenseRequest
from license_core.revocation import Revocations
from license_core.roots import Roots
from license_core.signer import MemorySigner

ROOT = MemorySigner.from_seed(b64url.decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"))
SIGNER = MemorySigner.from_seed(b"\x01" * 32)
NEXT_ROOT = MemorySigner.from_seed(b"\x03" * 32)

ISSUED = 1795430400  # 2026-11-23T12:00:00Z
YEAR = 365 * 86400

FACTS = HostFacts(
    hostname="studio2_gpu",
    ip="172.30.0.10",
    machine_id="5d41402abc4b2a76b9719d911017c592",
    container_id="4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945",
    engine="docker",
)

KEYSET = Keyset(
    iss="Darwin Support",
    version=3,
    iat=ISSUED - 86400,
    keys=(SigningKey(SIGNER.public_key, nbf=ISSUED - YEAR, exp=ISSUED + YEAR),),
)

LICENSE = License(
    iss="Darwin Support",
    sub="Example Ltd",
    aud="darwin-platform",
    jti="L-2026-0001",
    iat=ISSUED,
    nbf=ISSUED,
    exp=ISSUED + YEAR,
    host=HostBinding(key=hostkey.derive(FACTS).key, name=FACTS.hostname, tags=hostkey.tags(FACTS)),
    features=("train", "deploy"),
    limits={"gpus": 4},
)

REVOKED = Revocations.of(
    ["L-2026-0001", "L-2026-0002"], iss="Darwin Support", number=1, iat=ISSUED + 86400
)

ROOTS = Roots("Darwin Support", 1, ISSUED + 86400, 1, (NEXT_ROOT.public_key,))


def license_file(license_: License = LICENSE, keyset: Keyset = KEYSET) -> str:
    """The two blocks of a licence file."""
    token = jws.sign(license_.payload(), SIGNER, jws.LICENSE)
    return armor.wrap(armor.LICENSE, token) + armor.wrap(armor.KEYSET, keyset.sign(ROOT))


def blocks() -> dict[str, str]:
    """What stands in the fenced blocks of SPEC section 10, by what is said above each."""
    token = jws.sign(LICENSE.payload(), SIGNER, jws.LICENSE)
    header, _, signature = token.split(".")
    host = hostkey.derive(FACTS)
    values = hostkey.components(FACTS, "hk1")
    request = LicenseRequest(
        key=host.key,
        name=host.hostname,
        tags=hostkey.tags(FACTS),
        gpus=4,
        product="darwin-platform",
        iat=ISSUED - 3600,
    )
    return {
        "The root key, as the product ships it (`keys/root.pub.pem`)": (
            ROOT.public_key.to_pem().rstrip("\n")
        ),
        "Its thumbprint": ROOT.public_key.kid,
        "The signing key's seed, its public key and its thumbprint": "\n".join(
            (("01" * 32), b64url.encode(SIGNER.public_key.raw), SIGNER.public_key.kid)
        ),
        "The host": json.dumps(values, indent=2),
        "Its canonical text under `hk1`, of which each line ends in LF": (
            hostkey.canonical_text(values, "hk1").decode().rstrip("\n")
        ),
        "The SHA-256 of it, and the host key": "\n".join(
            (hashlib.sha256(hostkey.canonical_text(values, "hk1")).hexdigest(), host.key)
        ),
        "The bare line": hostline.write(host.key, host.hostname),
        "Its anchor, which never leaves the host": hostkey.anchor(values).hex(),
        "Its tags": json.dumps(hostkey.tags(FACTS), indent=2),
        "A request": request.to_text().rstrip("\n"),
        "The payload of the licence, one line": LICENSE.payload().decode(),
        "The bytes of its header": b64url.decode(header).decode(),
        "The first part of the token": header,
        "The third part of the token, the signature over the first two": signature,
        "The payload of the keyset, one line": (
            b64url.decode(KEYSET.sign(ROOT).split(".")[1]).decode()
        ),
        "The licence file, with both blocks": license_file().rstrip("\n"),
        "A list that revokes `L-2026-0001` and `L-2026-0002`: its payload": (
            b64url.decode(REVOKED.sign(SIGNER).split(".")[1]).decode()
        ),
        "… and its block": (armor.wrap(armor.REVOCATIONS, REVOKED.sign(SIGNER)).rstrip("\n")),
        "The seed of the next root key, 32 bytes 0x03, and its thumbprint": "\n".join(
            ("03" * 32, NEXT_ROOT.public_key.kid)
        ),
        "The roots document that replaces the root by it: its payload, one line": (
            b64url.decode(ROOTS.sign(ROOT).split(".")[1]).decode()
        ),
        "… and its blocks, by the root and by the next root": "".join(
            armor.wrap(armor.ROOTS, ROOTS.sign(root)) for root in (ROOT, NEXT_ROOT)
        ).rstrip("\n"),
    }


def section() -> str:
    """SPEC section 10."""
    lines = [
        "## 10. Worked example",
        "",
        "The root key is that of RFC 8037 appendix A.1, the seed of the signing key is 32 bytes",
        "0x01. Both private keys are public: nobody may trust them. `tests/vectors/example.py`",
        "makes these bytes, and a test compares them.",
        "",
    ]
    for title, text in blocks().items():
        lines += [f"{title}:", "", "```", text, "```", ""]
    return "\n".join(lines)

"""Ed25519 keys and signatures that must be rejected although the equation would hold."""

import base64
import json

import pytest

from license_core import (
    armor,
    b64url,
    jws,
)
from tests.support.cli import World, flipped, new_signer
from tests.support.trusting import first_token, slugs
from tests.support.vendor import keyset, license_block, roots

FIELD, ORDER = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
SMALL = 0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826
POINTS = {
    "order 1": 1,
    "order 2": FIELD - 1,
    "order 4": 0,
    "order 8": SMALL,
    "order 8, other": FIELD - SMALL,
    "not canonical": FIELD + 2,
    "not canonical, order 1": FIELD + 1,
}


@pytest.mark.parametrize("where", ["signing", "root", "roots"])
@pytest.mark.parametrize("point", POINTS)
def test_low_order_and_non_canonical_keys_are_rejected(
    world: World, point: str, where: str
) -> None:
    raw = POINTS[point].to_bytes(32, "little")
    if where == "root":
        spki = bytes.fromhex("302a300506032b6570032100") + raw
        text = base64.b64encode(spki).decode()
        pem = f"-----BEGIN PUBLIC KEY-----\n{text}\n-----END PUBLIC KEY-----\n"
        (world.keys / "low.pub.pem").write_text(pem, "ascii")
        assert slugs(world, world.file()) == ["trusted-key-invalid"]
        return
    fresh = new_signer()
    if where == "signing":
        good = keyset(world, 3)
        label, typ, slug = armor.KEYSET, jws.KEYSET, "keyset-invalid"
    else:
        good = roots(world, 1, fresh, by=[world.root])
        label, typ, slug = armor.ROOTS, jws.ROOTS, "roots-invalid"
    members = json.loads(b64url.decode(first_token(good).split(".")[1]))
    members["keys"][0]["x"] = b64url.encode(raw)
    forged = jws.sign(json.dumps(members).encode(), world.root, typ)
    bad = armor.wrap(label, forged).encode()
    rest = b"" if where == "signing" else keyset(world, 3)
    assert slugs(world, license_block(world) + bad + rest) == [slug]


@pytest.mark.parametrize("what", ["license", "keyset", "roots"])
@pytest.mark.parametrize("how", ["flipped", "S + L", "unused bits", "padded"])
def test_malleable_signatures_are_rejected(world: World, what: str, how: str) -> None:
    fresh = new_signer()
    blocks = {
        "license": license_block(world),
        "roots": roots(world, 1, fresh, by=[world.root]),
        "keyset": keyset(world, 3, by=[fresh]),
    }
    own = roots(world, 1, fresh, by=[fresh])
    assert slugs(world, b"".join(blocks.values()) + own) == []
    for name in ("license.dat", "license.trust", "license.state"):
        (world.conf / name).unlink(missing_ok=True)
    token = first_token(blocks[what])
    head, _, last = token.rpartition(".")
    signature = b64url.decode(last)
    raised = (int.from_bytes(signature[32:], "little") + ORDER).to_bytes(32, "little")
    worse = {
        "flipped": flipped(token),
        "S + L": f"{head}.{b64url.encode(signature[:32] + raised)}",
        "unused bits": token[:-1] + chr(ord(token[-1]) + 1),  # A, Q, g, w: the next one
        "padded": f"{token}==",
    }[how]
    label = {"license": armor.LICENSE, "keyset": armor.KEYSET, "roots": armor.ROOTS}[what]
    blocks[what] = armor.wrap(label, worse).encode()
    is_token = how in ("flipped", "S + L")
    if what == "license":
        expected = "signature-invalid" if is_token else "license-damaged"
    else:
        expected = "license-damaged" if what == "keyset" and not is_token else "keyset-untrusted"
    world.put(b"".join(blocks.values()) + own)  # ``install`` would undo the padding
    assert world.json("verify").slugs() == [expected]

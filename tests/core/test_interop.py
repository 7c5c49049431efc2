"""Other libraries verify our tokens, and we reject tokens with any other header."""

import base64
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from joserfc import jws as jose
from joserfc.jwk import OKPKey

from license_core import (
    armor,
    b64url,
    jws,
    strictjson,
)
from license_core.publickey import PublicKey
from license_core.signer import MemorySigner
from tests.vectors import material

REPOSITORY = Path(__file__).resolve().parents[2]
SHARED = REPOSITORY.parent / "shared" / "vectors"
PACKAGES = REPOSITORY / ".cache" / "node"
"""Where .ci/run puts npm's package jose."""
PAYLOAD = material.payload()
RFC_8037_SEED = b64url.decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A")
RFC_8037_X = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
RFC_8037_KID = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
RFC_8037_SIGNED = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc"
RFC_8037_SIGNATURE = (
    "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
)


def shared(name: str) -> Path:
    path = SHARED / name
    if not path.exists():
        pytest.skip(f"published vectors: {name} is to be copied into {SHARED}")
    return path


def public(signer: MemorySigner) -> OKPKey:
    return OKPKey.import_key({**signer.public_key.to_jwk()})


def private(seed: bytes, public_key: PublicKey) -> OKPKey:
    return OKPKey.import_key({**public_key.to_jwk(), "d": b64url.encode(seed)})


@pytest.mark.parametrize(
    ("token", "signer", "typ"),
    [
        (material.token(PAYLOAD), material.SIGNING, jws.LICENSE),
        (material.keyset(), material.ROOT, jws.KEYSET),
    ],
    ids=["license", "keyset"],
)
def test_joserfc_verifies_our_tokens(token: str, signer: MemorySigner, typ: str) -> None:
    found = jose.deserialize_compact(token, public(signer), algorithms=["Ed25519"])
    assert found.headers() == {"alg": "Ed25519", "kid": signer.public_key.kid, "typ": typ}
    _, payload = jws.verify(token, jws.headers([signer.public_key], typ))
    assert found.payload == payload


def test_tokens_by_joserfc_verify_only_with_our_exact_header() -> None:
    seed = bytes(range(32))
    key = MemorySigner.from_seed(seed).public_key
    signer, trusted = private(seed, key), jws.headers([key], jws.LICENSE)
    ours = {"alg": "Ed25519", "kid": key.kid, "typ": jws.LICENSE}
    algorithms = ["Ed25519", "EdDSA"]

    def sign(header: dict[str, Any]) -> str:
        return jose.serialize_compact(header, PAYLOAD, signer, algorithms=algorithms)

    assert jws.verify(sign(ours), trusted) == (key, PAYLOAD)
    others: list[dict[str, Any]] = [
        {"typ": jws.LICENSE, "kid": key.kid, "alg": "Ed25519"},
        {"alg": "Ed25519", "kid": key.kid},
        {"alg": "Ed25519", "kid": key.kid, "typ": "JWT"},
        {"alg": "Ed25519", "kid": key.kid, "typ": jws.KEYSET},
        {"alg": "Ed25519", "kid": "another", "typ": jws.LICENSE},
        {**ours, "cty": "json"},
        {**ours, "jku": "https://example.com/keys"},
        {"alg": "Ed25519", "typ": jws.LICENSE, "jwk": key.to_jwk()},
    ]
    for header in others:
        with pytest.raises(jws.UnknownHeaderError):
            jws.verify(sign(header), trusted)
    with pytest.warns(Warning, match="EdDSA"):
        deprecated = sign({**ours, "alg": "EdDSA"})
    with pytest.raises(jws.UnknownHeaderError):
        jws.verify(deprecated, trusted)


NODE_JOSE = """
import('jose').then(async (jose) => {
  const [token, jwk] = JSON.parse(require('fs').readFileSync(0, 'utf8'));
  const key = await jose.importJWK(jwk, 'Ed25519');
  const found = await jose.compactVerify(token, key, {algorithms: ['Ed25519']});
  console.log(Buffer.from(found.payload).toString());
}).catch((error) => { console.error(error.code || error.message); process.exit(3); });
"""
NODE_OWN = """
const [token, jwk] = JSON.parse(require('fs').readFileSync(0, 'utf8'));
const [header, payload, signature] = token.split('.');
const key = require('crypto').createPublicKey({key: jwk, format: 'jwk'});
const whole = Buffer.from(header + '.' + payload);
const good = require('crypto').verify(null, whole, key, Buffer.from(signature, 'base64url'));
if (!good) process.exit(4);
console.log(Buffer.from(payload, 'base64url').toString());
"""


@pytest.mark.parametrize("script", [NODE_JOSE, NODE_OWN], ids=["jose", "crypto"])
def test_node_verifies_our_tokens(script: str) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is missing: apt-get install nodejs")
    asked = json.dumps([material.token(PAYLOAD), material.SIGNING.public_key.to_jwk()])
    where = PACKAGES if PACKAGES.is_dir() else None
    done = subprocess.run(
        [node, "-e", script], input=asked, capture_output=True, text=True, cwd=where
    )
    if done.returncode == 3 and "ERR_MODULE_NOT_FOUND" in done.stderr:
        pytest.skip("npm's package jose is missing: .ci/run fetches it where npm is there")
    assert done.returncode == 0, done.stderr
    assert done.stdout.rstrip("\n").encode() == PAYLOAD


def test_rfc_8037_key_thumbprint_and_signature_match() -> None:
    signer = MemorySigner.from_seed(RFC_8037_SEED)
    key = PublicKey.from_jwk({"kty": "OKP", "crv": "Ed25519", "x": RFC_8037_X})
    assert signer.public_key == key
    assert key.kid == RFC_8037_KID
    assert b64url.encode(signer.sign(RFC_8037_SIGNED.encode())) == RFC_8037_SIGNATURE
    assert key.verifies(b64url.decode(RFC_8037_SIGNATURE), RFC_8037_SIGNED.encode())


def test_rfc_8037_token_is_rejected_for_its_header() -> None:
    key = MemorySigner.from_seed(RFC_8037_SEED).public_key
    with pytest.raises(jws.UnknownHeaderError):
        jws.verify(f"{RFC_8037_SIGNED}.{RFC_8037_SIGNATURE}", jws.headers([key], jws.LICENSE))


def test_wycheproof_signatures_are_judged_correctly() -> None:
    groups = json.loads(shared("wycheproof_ed25519.json").read_text())["testGroups"]
    judged = 0
    for group in groups:
        raw = bytes.fromhex(group["publicKey"]["pk"])
        for case in group["tests"]:
            message, signature = bytes.fromhex(case["msg"]), bytes.fromhex(case["sig"])
            try:
                accepted = PublicKey(raw).verifies(signature, message)
            except ValueError:
                accepted = False
            assert accepted is (case["result"] == "valid"), case
            judged += 1
    assert judged >= 150


def _parsing() -> list[Path]:
    return sorted(SHARED.glob("json_test_suite/test_parsing/*.json"))


# What JSON allows and our profile does not (SPEC section 2).
NARROWER = {
    "y_object_duplicated_key.json",
    "y_object_duplicated_key_and_value.json",
}


def test_json_test_suite_files_are_judged_correctly() -> None:
    shared("json_test_suite/test_parsing")
    wrong = []
    for path in _parsing():
        try:
            strictjson.loads(path.read_bytes())
            accepted = True
        except ValueError:
            accepted = False
        if path.name in NARROWER or path.name.startswith("n_"):
            wrong += [path.name] if accepted else []
        elif path.name.startswith("y_"):
            wrong += [] if accepted else [path.name]
    assert wrong == []
    assert len(_parsing()) >= 300


def test_base64url_agrees_with_the_standard_library() -> None:
    for size in range(70):
        data = os.urandom(size)
        theirs = base64.urlsafe_b64encode(data).rstrip(b"=").decode()
        assert b64url.encode(data) == theirs
        assert b64url.decode(theirs) == data


@pytest.mark.parametrize("at", range(126, 132))
def test_no_line_of_a_block_begins_with_a_dot(at: int) -> None:
    token = "a" * at + "." + "b" * 62 + "." + "c" * 86
    wrapped = armor.wrap(armor.LICENSE, token)
    lines = wrapped.splitlines()[1:-1]
    assert all(line[0] != "." and len(line) in {63, 64} for line in lines[:-1])
    assert armor.unwrap(wrapped.encode()) == {armor.LICENSE: [token]}

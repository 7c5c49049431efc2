"""One-time codes (RFC 6238) and the seeds they are made of."""

import base64
import os
from typing import Any

import pyotp
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from license_core.errors import SignerUnavailableError
from license_server.access import (
    totp,
)
from license_server.access.totp_seeds import Seeds
from license_server.operations import data_folder
from tests.support import server

RFC_6238 = [  # appendix B, SHA-1; the last six of its eight digits
    (59, "287082"),
    (1111111109, "081804"),
    (1111111111, "050471"),
    (1234567890, "005924"),
    (2000000000, "279037"),
    (20000000000, "353130"),
]
SEED = b"12345678901234567890"


@pytest.mark.parametrize(("instant", "code"), RFC_6238)
def test_one_time_codes_match_rfc_6238(instant: int, code: str) -> None:
    assert totp.step_of(SEED, code, instant) == instant // 30


@pytest.mark.parametrize(
    ("offset", "accepted"), [(-60, False), (-30, True), (30, True), (60, False)]
)
def test_code_is_accepted_one_step_before_and_after(offset: int, accepted: bool) -> None:
    code = pyotp.TOTP(base64.b32encode(SEED).decode()).at(1_000_000_020)
    assert (totp.step_of(SEED, code, 1_000_000_020 + offset) is not None) is accepted


@pytest.mark.parametrize("code", ["", "12345", "1234567", "abcdef", "１２３４５６", "28708２"])
def test_malformed_codes_are_rejected(code: str) -> None:
    assert totp.step_of(SEED, code, 59) is None


def test_sealed_seed_opens_only_for_its_user_and_key() -> None:
    seeds = Seeds(Ed25519PrivateKey.generate())
    sealed = seeds.seal(7, SEED, os.urandom)
    assert SEED not in sealed
    assert sealed != seeds.seal(7, SEED, os.urandom)
    assert seeds.open(7, sealed) == SEED
    with pytest.raises(SignerUnavailableError):
        seeds.open(8, sealed)
    with pytest.raises(SignerUnavailableError):
        Seeds(Ed25519PrivateKey.generate()).open(7, sealed)
    for changed in (sealed[:-1], b"", sealed[:12], bytes(len(sealed))):
        with pytest.raises(SignerUnavailableError):
            seeds.open(7, changed)


def test_missing_seeds_key_is_created_and_an_existing_one_kept(data: Any) -> None:
    made = server.settings(data)
    before = made.seeds_key.read_bytes()
    names = {path.name for path in made.seeds_key.parent.iterdir()}
    data_folder.ensure_seeds_key(made, os.urandom)
    assert made.seeds_key.read_bytes() == before
    made.seeds_key.unlink()
    data_folder.ensure_seeds_key(made, os.urandom)
    assert data_folder.open_seeds(made)
    assert made.seeds_key.stat().st_mode & 0o777 == 0o600
    assert {path.name for path in made.seeds_key.parent.iterdir()} == names

"""Our SHA-256 and HMAC agree with the standard library's."""

import hashlib
import hmac
import os

import pytest

from license_core.sha256 import hmac_sha256, sha256


@pytest.mark.parametrize("size", [0, 1, 55, 56, 63, 64, 65, 1000])
def test_sha256_agrees_with_hashlib(size: int) -> None:
    data = os.urandom(size)
    assert sha256(data) == hashlib.sha256(data).digest()


@pytest.mark.parametrize("size", [0, 1, 32, 63, 64, 65, 200])
def test_hmac_sha256_agrees_with_the_standard_library(size: int) -> None:
    key, data = os.urandom(size), os.urandom(100)
    assert hmac_sha256(key, data) == hmac.digest(key, data, "sha256")

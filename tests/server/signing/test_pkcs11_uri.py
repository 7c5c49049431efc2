"""PKCS#11 URIs (RFC 7512): what is parsed, and what is rejected."""

import pytest

from license_server.db.errors import InputInvalidError
from license_server.signing.signers import (
    open_signer,
)
from license_server.signing.signers.pkcs11_uri import Pkcs11Uri
from tests.support.remote_vendor import no_passphrase


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("pkcs11:object=a?module-path=/m", "no pin-source"),
        ("pkcs11:object=a?pin-source=file:/p", "no module-path"),
        ("pkcs11:token=t?module-path=/m&pin-source=/p", "names no key"),
        ("pkcs11:object=a?module-path=/m&pin-value=12345", "contains a PIN"),
        ("pkcs11:object=a;pin-value=12345?module-path=/m", "contains a PIN"),
        ("pkcs11:object=a?pin-value:12345", "it has a PIN, which is not supported here"),
        ("pkcs11:object=a;object=b?module-path=/m&pin-source=/p", "names object twice"),
        ("pkcs11:object?module-path=/m&pin-source=/p", "names object without a value"),
        ("pkcs11:object=a;type=cert?module-path=/m&pin-source=/p", "type is not “private”"),
        ("pkcs11:object=a;x-y=1?module-path=/m&pin-source=/p", "'x-y', which is not supported"),
        ("pkcs11:object=a?module-path=/m&pin-source=|cat", "is not a file"),
        ("pkcs11:object=a?module-path=/m&pin-source=pin", "is not a file"),
        ("pkcs11:object=%ff?module-path=/m&pin-source=/p", "object is not UTF-8"),
        ("pkcs11:object=a;slot-id=x?module-path=/m&pin-source=/p", "slot-id is not a number"),
        pytest.param(
            f"pkcs11:object=a;slot-id={'9' * 5000}?module-path=/m&pin-source=/p",
            "slot-id is not a number",
            id="a slot-id of 5000 digits",
        ),
        ("safe:secret", "not a signer"),
    ],
)
def test_unsupported_pkcs11_uris_are_rejected(text: str, reason: str) -> None:
    with pytest.raises(InputInvalidError, match=reason.replace("|", ".")) as caught:
        open_signer(text, no_passphrase)
    assert "12345" not in str(caught.value)


def test_pkcs11_uri_is_parsed_per_rfc_7512() -> None:
    text = "token=My%20token;id=%01%ff;type=private;slot-id=7?module-path=/a%20b&pin-source=file:/p"
    read = Pkcs11Uri.parse(text)
    assert read.token == {"token": "My token"}
    assert (read.id, read.slot_id, read.module_path) == (b"\x01\xff", 7, "/a b")
    assert read.pin_source == "/p"
    assert Pkcs11Uri.parse(text.replace("file:/p", "file:///p")).pin_source == "/p"

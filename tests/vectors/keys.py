"""Vectors of keys and signatures, from RFC 8037 and worse."""

from collections.abc import Iterator

from license_core import (
    b64url,
)
from tests.vectors.material import ROOT, SIGNING, Case, dumps


def thumbprints() -> Iterator[Case]:
    """RFC 8037 appendix A.2, A.3: the key and its thumbprint; and our own root."""
    rfc = '{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}\n'
    lines = {"kind": "thumbprint", "spec": "6.2"}
    expected = "kid kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
    yield Case("thumbprint-rfc-8037", {**lines, "expect": expected}, rfc.encode())
    jwk = {k: v for k, v in ROOT.public_key.to_jwk().items() if k != "kid"}
    kid = f"kid {ROOT.public_key.kid}"
    yield Case("thumbprint-root", {**lines, "expect": kid}, f"{dumps(jwk)}\n".encode())


def signatures() -> Iterator[Case]:
    """RFC 8037 appendix A.4: what was signed, and the signature of its key; and a worse one."""
    key = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
    signed = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc"
    signature = (
        "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
    )

    def case(name: str, body: str, expect: str, x: str = key, made: str = signature) -> Case:
        lines = {"kind": "signature", "spec": "5.1", "x": x, "signature": made}
        return Case(f"signature-{name}", {**lines, "expect": expect}, body.encode())

    yield case("rfc-8037", signed, "holds")
    yield case("rfc-8037-other-text", signed[:-1] + "d", "does not hold")
    other = b64url.encode(ROOT.public_key.raw)
    yield case("rfc-8037-other-key", signed, "does not hold", other)
    # By the signing key, with a point of order 8 added to R before k and S were made. It holds
    # where both sides of the equation are multiplied by 8, and nowhere else.
    cofactor = (
        "nduRjCcm7D5YoNWfuUIq3mp6LQpYkitUyjXCizuZE1J4tgEvaOTcSx9nRaX6kucce2IPHTEO6saJc3Mm4cGpBQ"
    )
    ours = b64url.encode(SIGNING.public_key.raw)
    yield case("cofactor", "a small part", "does not hold", ours, cofactor)

"""Vault, AWS KMS and Google Cloud KMS, where they do not sign: what is said, and what is kept."""

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from license_core.errors import LicenseError, SignerUnavailableError
from license_core.publickey import PublicKey
from license_server.db.errors import InputInvalidError
from license_server.signing.errors import SecretFileOpenError, TooLargeToSignError
from license_server.signing.signers import create_key, describe, open_signer
from license_server.signing.signers.backend import Described
from license_server.signing.signers.channel import Channel
from license_server.signing.signers.key_service import ServiceSigner
from tests.support import key_services, remote_vendor, server
from tests.support.certificates import certificate
from tests.support.key_services import SECRET, FakeAwsKms, KeyServiceServer
from tests.support.problems import exit_code
from tests.support.remote_vendor import Vendor, no_passphrase, serving_vendor, verified


@pytest.fixture(scope="module", params=key_services.KINDS, ids=lambda kind: kind.name)
def service(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[KeyServiceServer]:
    folder = tmp_path_factory.mktemp("service")
    with key_services.serving(request.param, folder / "service", certificate(folder)) as made:
        yield made


@pytest.fixture
def served(service: KeyServiceServer) -> Iterator[KeyServiceServer]:
    """A service that answers; what a test changes of that is over at its end."""
    yield service
    service.trouble, service.cut_after_signing = None, False
    service.go_on.set()


@pytest.fixture(scope="module")
def vendor(service: KeyServiceServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Vendor]:
    """One that several tests use."""
    uri = create(service, "shared")
    yield from serving_vendor(remote_vendor.make(uri, tmp_path_factory.mktemp("v") / "server"))


def create(served: KeyServiceServer, key: str) -> str:
    """The URI of a new key."""
    uri = served.uri(key)
    create_key(uri, no_passphrase, os.urandom)
    return uri


def refused(uri: str) -> LicenseError:
    """Why the key at *uri* cannot be opened; nothing secret is said."""
    with pytest.raises(LicenseError) as caught:
        open_signer(uri, no_passphrase)
    assert SECRET not in caught.value.sentence
    return caught.value


def test_service_creates_a_key_that_cannot_be_copied_and_signs(served: KeyServiceServer) -> None:
    uri = create(served, "signs")
    signer, message = open_signer(uri, no_passphrase), os.urandom(3000)
    assert signer.public_key.verifies(signer.sign(message), message)
    told = describe(uri, no_passphrase)
    assert told.public_key == signer.public_key
    assert not told.exportable
    assert SECRET not in told.place


def test_taken_name_creates_no_second_key(served: KeyServiceServer) -> None:
    uri = create(served, "taken")
    before = open_signer(uri, no_passphrase).public_key
    with pytest.raises(InputInvalidError, match="choose a new name"):
        create_key(uri, no_passphrase, os.urandom)
    assert open_signer(uri, no_passphrase).public_key == before


def test_key_that_is_missing_or_of_another_kind_is_refused(served: KeyServiceServer) -> None:
    assert "no such key" in refused(served.uri("missing")).sentence
    served.put("other", key_services.another_kind())
    assert "the key is " in (said := refused(served.uri("other")).sentence)
    assert "25519" in said


def test_each_refusal_is_said_plainly_and_issues_nothing(
    served: KeyServiceServer, vendor: Vendor, capfd: pytest.CaptureFixture[str]
) -> None:
    verified(vendor, vendor.issue())
    before = [vendor.count(table) for table in ("licenses", "audit_events")]
    for words, answer in served.refusals().items():
        served.trouble = lambda _, answer=answer: answer
        assert words in (said := refused(served.uri("shared")).sentence), said
        reply = vendor.issue()
        assert (reply.status_code, reply.json()["type"]) == (503, "/problems/signer-unavailable")
        for hidden in (served.host, "transit", "arn:aws", "projects/", SECRET):
            assert hidden not in reply.text
    assert [vendor.count(table) for table in ("licenses", "audit_events")] == before
    served.trouble = None
    verified(vendor, vendor.issue())
    told = "".join(capfd.readouterr())
    assert "Traceback" not in told
    assert SECRET not in told


NONSENSE = {
    "nothing": "",
    "empty": "{}",
    "list": "[]",
    "null": "null",
    "data": '{"data": {}}',
    "long": "x" * 300_000,
    "bytes": "\xff",
    "deep": "[" * 200_000,
}


@pytest.mark.parametrize("text", NONSENSE.values(), ids=NONSENSE)
def test_answer_that_makes_no_sense_signs_nothing(served: KeyServiceServer, text: str) -> None:
    signer = open_signer(
        create(served, f"nonsense{len(text)}{text[:1].encode().hex()}"), no_passphrase
    )
    served.trouble = lambda _: (200, text)
    with pytest.raises(SignerUnavailableError):
        signer.sign(b"message")


def test_signature_by_another_key_never_leaves(served: KeyServiceServer) -> None:
    signer = open_signer(create(served, "swapped"), no_passphrase)
    served.put("swapped", Ed25519PrivateKey.generate())
    with pytest.raises(SignerUnavailableError, match="its signature does not verify"):
        signer.sign(b"message")
    with pytest.raises(SignerUnavailableError, match="it has another key now"):
        signer.check()  # type: ignore[attr-defined]


def test_slow_service_does_not_hold_up_other_requests(
    served: KeyServiceServer, vendor: Vendor
) -> None:
    served.go_on.clear()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(vendor.issue)
        listed = vendor.client.get(remote_vendor.PATH, headers=vendor.bearer)
        assert listed.status_code == 200
        assert not waiting.done()
        served.go_on.set()
        verified(vendor, waiting.result())


def test_slow_service_is_given_up_in_time(served: KeyServiceServer) -> None:
    hasty = Channel("the key", 0.3, served.client_context())
    served.go_on.clear()
    with pytest.raises(SignerUnavailableError, match=r"has not answered within 0\.3 seconds"):
        hasty.ask("GET", f"https://{served.host}/", {})


def test_signature_that_takes_too_long_is_given_up_whatever_the_service_does() -> None:
    held = threading.Event()

    class Slow:
        kind, place, most, patience = "Slow", "the key", 100, 0.3
        key = Ed25519PrivateKey.generate()

        def read_key(self) -> Described:
            return Described(PublicKey(self.key.public_key().public_bytes_raw()), "", False)

        def sign(self, message: bytes) -> bytes:
            held.wait(60)
            return self.key.sign(message)

    service = Slow()
    service.patience = 60
    signer = ServiceSigner(service)
    service.patience = 0.3
    with pytest.raises(SignerUnavailableError, match=r"has not answered within 0\.3 seconds"):
        signer.sign(b"message")
    held.set()
    service.patience = 60
    assert signer.public_key.verifies(signer.sign(b"message"), b"message")


def test_place_is_taken_until_its_thread_is_free() -> None:
    """Who gave up waiting leaves the thread behind, and so many fewer may wait."""
    held, refused_one, begun = threading.Event(), threading.Event(), list[bytes]()
    key = Ed25519PrivateKey.generate()

    class Held:
        kind, place, most, patience = "Held", "the key", 100, 60.0

        def read_key(self) -> Described:
            return Described(PublicKey(key.public_key().public_bytes_raw()), "", False)

        def sign(self, message: bytes) -> bytes:
            begun.append(message)
            held.wait(60)
            return key.sign(message)

    def sign(_: int) -> None:
        try:
            signer.sign(b"message")
        except SignerUnavailableError:
            refused_one.set()

    service = Held()
    signer, service.patience = ServiceSigner(service), 0.02
    while len(begun) < 8:
        with pytest.raises(SignerUnavailableError):
            signer.sign(b"message")
    service.patience = 60.0
    with ThreadPoolExecutor(17) as pool:
        asked = [pool.submit(sign, number) for number in range(17)]
        try:
            assert refused_one.wait(60)
        finally:
            held.set()
        for one in asked:
            one.result()


def test_number_of_signatures_that_wait_is_limited(served: KeyServiceServer) -> None:
    uri = create(served, "crowd")
    signer = open_signer(uri, no_passphrase)
    refused_one, signed = threading.Event(), []

    def sign(number: int) -> None:
        try:
            signed.append(signer.sign(str(number).encode()))
        except SignerUnavailableError as error:
            assert "signatures are already waiting for it" in error.sentence
            refused_one.set()

    served.go_on.clear()
    with ThreadPoolExecutor(40) as pool:
        asked = [pool.submit(sign, number) for number in range(40)]
        assert refused_one.wait(60)
        served.go_on.set()
        for one in asked:
            one.result()
    assert 16 <= len(signed) < 40


def test_connection_cut_after_signing_leaves_no_licence(
    served: KeyServiceServer, vendor: Vendor
) -> None:
    """The worst moment: the service has signed, and nobody learns of it."""
    before, signed = vendor.count("licenses"), served.signed
    served.cut_after_signing = True
    assert [vendor.issue().status_code for _ in range(3)] == [503] * 3
    assert served.signed > signed
    assert vendor.count("licenses") == before
    served.cut_after_signing = False
    verified(vendor, vendor.issue())
    assert vendor.count("licenses") == before + 1


def test_secrets_are_read_again_and_only_where_nobody_else_can(served: KeyServiceServer) -> None:
    """A token that an agent renews counts without a restart."""
    uri = create(served, "renewed")
    signer = open_signer(uri, no_passphrase)
    (path,) = (p for p in served.folder.iterdir() if p.is_file())
    good = path.read_bytes()
    path.chmod(0o640)
    with pytest.raises(SecretFileOpenError):
        open_signer(uri, no_passphrase)
    path.chmod(0o600)
    path.write_bytes(b"nonsense\n")
    assert "nonsense" not in refused(uri).sentence
    path.write_bytes(b"")
    refused(uri)
    path.rename(path.with_suffix(".away"))
    assert "there is no file" in refused(uri).sentence
    path.with_suffix(".away").rename(path)
    path.write_bytes(good)
    assert signer.public_key.verifies(signer.sign(b"again"), b"again")


def test_certificate_of_somebody_else_is_refused(served: KeyServiceServer, tmp_path: Path) -> None:
    uri = create(served, "secure")
    _, other = certificate(tmp_path)
    assert "cannot be reached" in refused(uri.replace(served.authority, other)).sentence
    assert "cannot be read" in refused(uri.replace(served.authority, "/nowhere.pem")).sentence
    assert served.folder.exists()


def test_aws_refuses_a_long_message_before_it_is_asked(tmp_path: Path) -> None:
    with key_services.serving(FakeAwsKms, tmp_path / "service", certificate(tmp_path)) as served:
        uri = create(served, "long")
        signer = open_signer(uri, no_passphrase)
        longest = os.urandom(4096)
        assert signer.public_key.verifies(signer.sign(longest), longest)
        asked = len(served.asked)
        with pytest.raises(TooLargeToSignError) as caught:
            signer.sign(longest + b"x")
        assert len(served.asked) == asked
        said = "AWS KMS signs at most 4096 bytes, and this would have 4097."
        assert caught.value.sentence == said
        settings = remote_vendor.make(uri, tmp_path / "server")
        features = {"features": [f"feature-number-{n}-with-a-long-name" for n in range(120)]}
        order = remote_vendor.ORDER | features
        for vendor in serving_vendor(settings):
            reply = vendor.client.post(remote_vendor.PATH, json=order, headers=vendor.bearer)
            assert (reply.status_code, reply.json()["type"]) == (422, "/problems/too-large-to-sign")
            assert vendor.count("licenses") == 0
            verified(vendor, vendor.issue())
        env = server.environment(settings.data) | {"LICENSE_SERVER_SIGNER": uri}
        words = [part for name in features["features"] for part in ("--feature", name)]
        order_ = ("--customer", "ACME", "--product", "darwin", "--days", "9", "--host", server.LINE)
        done = server.at_once("issue", *order_, *words, "-o", "-", env=env)
        assert done.returncode == exit_code("too-large-to-sign")
        assert "AWS KMS signs at most 4096 bytes" in done.stderr


Change = Callable[[str], str]


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("vault://vault.example.com:8200/transit", "does not name a server, an engine and a key"),
        ("vault://vault.example.com/transit/k", "it has no token-file"),
        ("vault://h/transit/k?token-file=token", "its token-file is not a file"),
        ("vault://h/transit/k?token=s.secret", "it has 'token', which is not supported"),
        ("vault://h/transit/k?token-file=/t&version=0", "its version is not"),
        ("vault://h/transit/k?token-file=/t&timeout=0", "its timeout is not"),
        ("vault://h/transit/k?token-file=/t&timeout=900", "its timeout is not"),
        ("vault://h/transit/k?token-file=/t&tls=none", "does not begin with https://"),
        ("vault://h/transit/k?token-file=/t&tls=maybe", "its tls is neither"),
        ("vault://h/transit/k?token-file=/t&token-file=/u", "it names token-file twice"),
        ("vault://u:p@h/transit/k?token-file=/t", "its server is not an address"),
        ("vault://h:port/transit/k?token-file=/t", "its server is not an address"),
        ("openbao://h/transit", "does not name a server"),
        ("aws-kms://eu-central-1", "does not name a region and a key"),
        ("aws-kms://frankfurt/key", "does not name a region and a key"),
        ("aws-kms://eu-central-1/k?endpoint=http://h.example.com", "does not begin with https://"),
        ("aws-kms://eu-central-1/k?secret=x", "it has 'secret'"),
        ("google-kms://projects/p", "does not name a version of a key"),
        ("kms://x", "is not a signer; use `file:PATH`"),
    ],
)
def test_wrong_uri_says_what_is_wrong(uri: str, said: str) -> None:
    with pytest.raises(InputInvalidError) as caught:
        open_signer(uri, no_passphrase)
    assert said in caught.value.sentence
    for secret in ("s.secret", "u:p"):
        assert secret not in caught.value.sentence


def test_service_that_nobody_serves_is_said_to_be_out_of_reach(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("t")
    token.chmod(0o600)
    uri = f"vault://127.0.0.1:1/transit/k?token-file={token}&tls=none"
    with pytest.raises(SignerUnavailableError, match="cannot be reached"):
        open_signer(uri, no_passphrase)


def test_vault_and_openbao_versions_are_keys_of_their_own(tmp_path: Path) -> None:
    kind: Any = key_services.FakeVault
    with key_services.serving(kind, tmp_path / "service", certificate(tmp_path)) as served:
        uri = create(served, "turned").replace("vault://", "openbao://")
        first = open_signer(uri, no_passphrase)
        assert "no such version" in refused(f"{uri}&version=2").sentence
        served.keys["turned"].append(Ed25519PrivateKey.generate())
        second = open_signer(f"{uri}&version=2", no_passphrase)
        assert first.public_key != second.public_key
        assert first.public_key == open_signer(uri, no_passphrase).public_key
        assert second.public_key.verifies(second.sign(b"x"), b"x")
        with pytest.raises(InputInvalidError, match="a new key has version 1"):
            create_key(f"{uri}&version=3", no_passphrase, os.urandom)

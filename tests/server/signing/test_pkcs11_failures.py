"""A PKCS#11 token that fails: a plain 503, and recovery without a restart."""

import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from license_core.errors import SignerUnavailableError
from license_server.signing.signers import (
    open_signer,
    pkcs11,
)
from license_server.signing.signers.pkcs11_uri import Pkcs11Uri
from tests.support import softhsm
from tests.support.hsm_vendor import create, pull
from tests.support.remote_vendor import PATH, Vendor, no_passphrase, verified
from tests.support.softhsm import PIN, Hsm

pytestmark = pytest.mark.skipif(
    softhsm.chosen(), reason="it makes tokens of its own: run it without HOSTSEAL_TEST_SIGNER"
)
PATIENCE = 3


def _another(hsm: Hsm) -> Callable[[], None]:
    """Another token is plugged in its place, with keys of its own."""
    back = pull(hsm)
    hsm.tokens.mkdir()
    hsm.add_token("another")

    def again() -> None:
        shutil.rmtree(hsm.tokens)
        back()

    return again


def _other_pin(hsm: Hsm) -> Callable[[], object]:
    hsm.pin_file.write_text("no such PIN\n")
    pkcs11.close_modules()  # the session ends, as when the token is pulled and plugged again
    return lambda: hsm.pin_file.write_text(f"{PIN}\n")


def _no_pin(hsm: Hsm) -> Callable[[], object]:
    kept = hsm.pin_file.rename(hsm.folder / "kept")
    pkcs11.close_modules()
    return lambda: kept.rename(hsm.pin_file)


def _open_pin(hsm: Hsm) -> Callable[[], None]:
    hsm.pin_file.chmod(0o644)
    pkcs11.close_modules()
    return lambda: hsm.pin_file.chmod(0o600)


@pytest.mark.parametrize("trouble", [pull, _another, _other_pin, _no_pin, _open_pin])
def test_failing_pkcs11_token_gives_503_and_recovers_without_restart(
    vendor: Vendor,
    hsm: Hsm,
    trouble: Callable[[Hsm], Callable[[], object]],
    capfd: pytest.CaptureFixture[str],
) -> None:
    verified(vendor, vendor.issue())
    before = [vendor.count(table) for table in ("licenses", "audit_events")]
    mend = trouble(hsm)
    for _ in range(2):
        reply = vendor.issue()
        assert (reply.status_code, reply.json()["type"]) == (503, "/problems/signer-unavailable")
        assert int(reply.headers["Retry-After"]) > 0
        assert vendor.client.get("/readyz").json()["missing"] == ["signer"]
        for hidden in (PIN, "no such PIN", str(hsm.folder)):
            assert hidden not in reply.text
    assert [vendor.count(table) for table in ("licenses", "audit_events")] == before
    mend()
    verified(vendor, vendor.issue())
    assert vendor.client.get("/readyz").status_code == 200
    told = "".join(capfd.readouterr())
    assert "Traceback" not in told
    assert PIN not in told


def test_repeated_attempts_with_a_wrong_pin_do_not_lock_the_token(hsm: Hsm) -> None:
    uri = create(hsm, "pin")
    _other_pin(hsm)
    tried: list[str] = []
    for _ in range(20):
        with pytest.raises(SignerUnavailableError, match="rejected the PIN") as caught:
            open_signer(uri, no_passphrase)
        tried.append(str(caught.value))
    assert "no such PIN" not in "".join(tried)
    hsm.pin_file.write_text(f"{PIN}\n")
    assert open_signer(uri, no_passphrase)


@contextmanager
def held(hsm: Hsm) -> Iterator[None]:
    """Another process keeps the token's files, so that whoever signs waits."""
    holds = (
        "import fcntl, sys\n"
        "held = [open(name, 'r+b') for name in sys.argv[1:]]\n"
        "[fcntl.lockf(one, fcntl.LOCK_EX) for one in held]\n"
        "print(flush=True)\n"
        "sys.stdin.read()"
    )
    files = [str(path) for path in hsm.tokens.glob("*/generation")]
    line = [sys.executable, "-c", holds, *files]
    with subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield
        process.communicate()


def test_slow_pkcs11_token_times_out_and_works_again(hsm: Hsm) -> None:
    parsed = Pkcs11Uri.parse(create(hsm, "slow").removeprefix("pkcs11:"))
    signer = pkcs11.Pkcs11Signer(parsed, PATIENCE)
    told = r"has not answered within 3 seconds"
    with held(hsm), pytest.raises(SignerUnavailableError, match=told):
        signer.sign(b"slow")
    patient = pkcs11.Pkcs11Signer(parsed, 60)
    assert patient.public_key.verifies(patient.sign(b"again"), b"again")


def test_number_of_signatures_waiting_for_a_token_is_limited(hsm: Hsm) -> None:
    parsed = Pkcs11Uri.parse(create(hsm, "full").removeprefix("pkcs11:"))
    signer = pkcs11.Pkcs11Signer(parsed, 60)
    refused = threading.Event()

    def sign(_: int) -> bool:
        try:
            signer.sign(b"x")
        except SignerUnavailableError as error:
            assert "signatures are already waiting for it" in str(error)
            refused.set()
            return False
        return True

    with ThreadPoolExecutor(40) as pool:
        with held(hsm):
            asked = [pool.submit(sign, number) for number in range(40)]
            assert refused.wait(60)
        signed = sum(one.result() for one in asked)
    assert 16 <= signed < 40


def test_slow_pkcs11_token_does_not_block_other_requests(vendor: Vendor, hsm: Hsm) -> None:
    with ThreadPoolExecutor(1) as pool, held(hsm):
        waiting = pool.submit(vendor.issue)
        for _ in range(5):
            assert vendor.client.get(PATH, headers=vendor.bearer).status_code == 200
        assert not waiting.done()
    verified(vendor, waiting.result())


def test_missing_pkcs11_module_is_reported(hsm: Hsm) -> None:
    uri = hsm.uri("a").replace(hsm.module, "/nowhere/lib.so")
    with pytest.raises(SignerUnavailableError, match=r"module /nowhere/lib\.so cannot be opened"):
        open_signer(uri, no_passphrase)

"""A channel to a service: secrets that were sent are not said, and whatever drips has an end."""

import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from license_core.errors import SignerUnavailableError
from license_core.publickey import PublicKey
from license_server.signing.signers.backend import Described
from license_server.signing.signers.channel import Channel
from license_server.signing.signers.key_service import ServiceSigner
from license_server.signing.signers.vault import open_vault
from tests.support import key_services
from tests.support.certificates import certificate
from tests.support.key_services import SECRET, FakeVault


def test_service_that_repeats_its_token_is_quoted_without_it(tmp_path: Path) -> None:
    with key_services.serving(FakeVault, tmp_path / "service", certificate(tmp_path)) as served:
        long = "x" * 190 + SECRET  # what is shortened shows no beginning of it
        served.trouble = lambda asked: (403, {"errors": [long, str(asked.headers)]})
        with pytest.raises(SignerUnavailableError, match="it refused the token") as caught:
            open_vault(served.uri("any").removeprefix("vault:"))
    assert SECRET[:10] not in caught.value.sentence


@contextmanager
def dripping() -> Iterator[str]:
    """A service whose answers never get past their head; gives its address."""
    over = threading.Event()

    def drip(connection: socket.socket) -> None:
        with connection:
            try:
                connection.sendall(b"HTTP/1.1 200 OK\r\n")
                while not over.wait(0.05):
                    connection.sendall(b"X-A: b\r\n")
            except OSError:
                """Nobody waits any more."""

    def accept() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            threads.append(threading.Thread(target=drip, args=(connection,)))
            threads[-1].start()

    threads: list[threading.Thread] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:
        accepting = threading.Thread(target=accept)
        accepting.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
        finally:
            over.set()
            listening.shutdown(socket.SHUT_RDWR)
            for thread in (accepting, *threads):
                thread.join()


def test_head_that_drips_has_an_end_and_leaves_every_place_free() -> None:
    """More of them than there are threads; then the service is well again."""
    key = Ed25519PrivateKey.generate()

    class Service:
        kind, place, most, patience = "Slow", "the key", 100, 60.0

        def read_key(self) -> Described:
            return Described(PublicKey(key.public_key().public_bytes_raw()), "", False)

        def sign(self, message: bytes) -> bytes:
            if message == b"drips":
                channel.ask("GET", url, {})
            return key.sign(message)

    def give_up(_: int) -> None:
        with pytest.raises(SignerUnavailableError, match=r"not answered within 0\.3 seconds"):
            signer.sign(b"drips")

    signer, channel = ServiceSigner(Service()), Channel("the key", 0.3, proxies=False)
    with dripping() as url:
        with ThreadPoolExecutor(9) as pool:
            list(pool.map(give_up, range(9)))
        assert signer.public_key.verifies(signer.sign(b"well"), b"well")

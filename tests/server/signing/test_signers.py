"""Where the signing key lives: a file that nobody else can read, or a real token (SoftHSM 2)."""

import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
import sqlalchemy
from starlette.testclient import TestClient

from license_core import jws
from license_core.errors import SignerUnavailableError
from license_core.verify import open_license
from license_server.app import create_app
from license_server.db.database import Database
from license_server.db.errors import InputInvalidError
from license_server.operations import backup, data_folder, initialise
from license_server.settings import ServerSettings
from license_server.signing import signature_count, signature_store
from license_server.signing.errors import SecretFileOpenError
from license_server.signing.signers import (
    create_key,
    describe,
    open_signer,
)
from license_server.signing.signers.pkcs11_uri import Pkcs11Uri
from tests.support import server, softhsm
from tests.support.cli import code
from tests.support.ledger import open_ledger
from tests.support.server import LINE, PASSPHRASE
from tests.support.softhsm import PIN, Hsm

pkcs11 = pytest.importorskip("license_server.signers.pkcs11", reason="needs python-pkcs11")
pytestmark = pytest.mark.skipif(
    softhsm.chosen(), reason="it makes tokens of its own: run it without HOSTSEAL_TEST_SIGNER"
)

PATH = "/api/v1/licenses"
ORDER = {"customer": "ACME", "product": "darwin", "days": 30, "host": LINE}
ISSUE = ["issue", "--customer", "ACME", "--product", "darwin", "--days", "9", "--host", LINE]
DAY = 86400
PATIENCE = 0.4


def no_passphrase(_: str) -> bytes:
    raise AssertionError("a token needs no passphrase")


def passphrase(_: str) -> bytes:
    return PASSPHRASE.encode()


@pytest.fixture(scope="module")
def hsm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hsm]:
    """A folder of tokens that this process uses; its modules are opened anew before and after."""
    made = softhsm.make(tmp_path_factory.mktemp("softhsm") / "hsm")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOFTHSM2_CONF", made.environment["SOFTHSM2_CONF"])
        _forget()
        yield made
    _forget()


def _forget() -> None:
    """What was open in this process is closed."""
    for module in pkcs11._modules.values():
        module.ask(URI, module._forget, 30)


URI = Pkcs11Uri("", "/", {}, None, "none", None)


def create(hsm: Hsm, key: str, token: str = "test") -> str:
    """The URI of a new key."""
    uri = hsm.uri(key, token)
    create_key(uri, no_passphrase, os.urandom)
    return uri


def made_with(hsm: Hsm, data: Path) -> ServerSettings:
    """A vendor whose signing key is in the token."""
    given = server.settings(data, signer=create(hsm, data.parent.name))
    administrator = initialise.Administrator(server.EMAIL, server.PASSWORD)
    initialise.make(given, "Example Vendor", administrator, int(time.time()), os.urandom)
    return given


class Vendor(NamedTuple):
    """An application whose key is in a token."""

    client: TestClient
    hsm: Hsm
    settings: ServerSettings
    bearer: dict[str, str]
    database: Database

    def issue(self) -> httpx.Response:
        """The answer to an order."""
        reply: httpx.Response = self.client.post(PATH, json=ORDER, headers=self.bearer)
        return reply

    def check(self, number: str) -> None:
        """A client of this vendor accepts its file."""
        file = self.client.get(f"{PATH}/{number}/license.dat", headers=self.bearer).content
        opened = open_license(file, roots=server.roots(self.settings.data))
        assert opened.license.jti == number

    def count(self, table: str) -> int:
        with self.database.reading() as connection:
            query = sqlalchemy.text(f"select count(*) from {table}")
            return int(connection.execute(query).scalar_one())


@pytest.fixture(scope="module")
def vendor(hsm: Hsm, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Vendor]:
    """One that several tests use."""
    yield from _vendor(hsm, made_with(hsm, tmp_path_factory.mktemp("vendor") / "server"))


def _vendor(hsm: Hsm, settings: ServerSettings) -> Iterator[Vendor]:
    app = create_app(settings)
    database: Database = app.state.server.site.database
    bearer = {"Authorization": f"Bearer {server.new_token(database, f't{time.monotonic_ns()}')}"}
    with TestClient(app, base_url="http://testserver", follow_redirects=False) as client:
        yield Vendor(client, hsm, settings, bearer, database)


def verified(vendor: Vendor, reply: httpx.Response) -> str:
    """The number of the licence, whose file a client of this vendor accepts."""
    assert reply.status_code == 201, reply.text
    number: str = reply.json()["id"]
    vendor.check(number)
    return number


# The key in a token


def test_a_token_makes_the_key_and_signs_what_the_public_half_verifies(hsm: Hsm) -> None:
    uri = create(hsm, "signs")
    signer = open_signer(uri, no_passphrase)
    message = os.urandom(3000)
    assert signer.public_key.verifies(signer.sign(message), message)
    assert not describe(uri, no_passphrase).exportable


def test_the_key_cannot_be_had_out_of_the_token(hsm: Hsm) -> None:
    import pkcs11 as binding
    from pkcs11 import Attribute, Mechanism, exceptions

    create(hsm, "kept")
    _forget()
    library = binding.lib(hsm.module)
    library.reinitialize()
    with library.get_token(token_label="test").open(rw=True, user_pin=PIN) as session:
        wanted = {Attribute.CLASS: binding.ObjectClass.PRIVATE_KEY, Attribute.LABEL: "kept"}
        (key,) = session.get_objects(wanted)
        assert key[Attribute.SENSITIVE]
        assert key[Attribute.ALWAYS_SENSITIVE]
        assert key[Attribute.NEVER_EXTRACTABLE]
        assert key[Attribute.LOCAL]
        with pytest.raises(exceptions.AttributeSensitive):
            _ = key[Attribute.VALUE]
        wrapping: Any = session.generate_key(binding.KeyType.AES, 256)
        with pytest.raises(exceptions.KeyUnextractable):
            wrapping.wrap_key(key, mechanism=Mechanism.AES_KEY_WRAP_PAD)
        for weaker in ({Attribute.SENSITIVE: False}, {Attribute.EXTRACTABLE: True}):
            with pytest.raises(exceptions.PKCS11Error):
                key[next(iter(weaker))] = next(iter(weaker.values()))
    library.finalize()


def test_a_name_that_is_taken_makes_no_second_key(hsm: Hsm) -> None:
    uri = create(hsm, "taken")
    before = open_signer(uri, no_passphrase).public_key
    with pytest.raises(InputInvalidError, match="has a key taken already"):
        create_key(uri, no_passphrase, os.urandom)
    assert open_signer(uri, no_passphrase).public_key == before


def test_keys_and_tokens_are_told_apart_by_name_id_and_token(hsm: Hsm) -> None:
    hsm.add_token("other")
    here, second, there = create(hsm, "a"), create(hsm, "b"), create(hsm, "a", "other")
    by_id = f"{here.partition(';')[0]};id=%07?{here.partition('?')[2]}"
    create_key(by_id, no_passphrase, os.urandom)
    keys = {open_signer(uri, no_passphrase).public_key for uri in (here, second, there, by_id)}
    assert len(keys) == 4
    with pytest.raises(SignerUnavailableError, match="has no Ed25519 key c"):
        open_signer(hsm.uri("c"), no_passphrase)
    with pytest.raises(SignerUnavailableError, match="the token third: it is not there"):
        open_signer(hsm.uri("a", "third"), no_passphrase)


# A vendor whose key is there


def test_what_a_token_signed_is_issued_also_after_a_restart(vendor: Vendor) -> None:
    verified(vendor, vendor.issue())
    assert vendor.client.get("/readyz").status_code == 200
    names = [path.name for path in (vendor.settings.data / "keys").iterdir()]
    assert sorted(names) == ["record.key.pem", "root.key.pem", "seeds.key.pem"]
    for again in _vendor(vendor.hsm, vendor.settings):
        verified(again, again.issue())


def test_a_second_key_in_the_token_takes_over_and_the_first_signs_no_more(
    hsm: Hsm, tmp_path: Path
) -> None:
    settings = made_with(hsm, tmp_path / "server")
    second = create(hsm, "second")
    later = settings.model_copy(update={"signer": second})
    kids = [
        open_signer(uri, no_passphrase).public_key.kid for uri in (str(settings.signer), second)
    ]
    for vendor in _vendor(hsm, settings):
        old = verified(vendor, vendor.issue())
    told = shell(settings, "keys", "new", "--signer", second, **hsm.environment)
    assert told.returncode == 0, told.stderr
    for vendor in _vendor(hsm, settings):  # both may sign meanwhile
        verified(vendor, vendor.issue())
    for vendor in _vendor(hsm, later):
        verified(vendor, vendor.issue())
        vendor.check(old)
    told = shell(later, "keys", "retire", kids[0], **hsm.environment)
    assert told.returncode == 0, told.stderr
    for vendor in _vendor(hsm, later):
        verified(vendor, vendor.issue())
        vendor.check(old)
        with vendor.database.reading() as connection:
            found = [
                one for one in signature_count.compare(connection) if one.kind.typ == jws.LICENSE
            ]
        assert {one.kind.kid for one in found} == set(kids)
        assert [(one.counted, one.recorded) for one in found] == [(2, 2), (2, 2)]
    for vendor in _vendor(hsm, settings):
        assert vendor.issue().status_code == 503
        assert vendor.client.get("/readyz").json()["missing"] == ["signer"]


def test_many_threads_share_a_token(hsm: Hsm) -> None:
    uris = [create(hsm, "even"), create(hsm, "odd")]
    signers = [open_signer(uri, no_passphrase) for uri in uris]

    def sign(number: int) -> bool:
        signer, message = signers[number % 2], str(number).encode()
        return signer.public_key.verifies(signer.sign(message), message)

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(sign, range(200)))


def test_two_processes_share_a_token(hsm: Hsm, tmp_path: Path) -> None:
    settings = made_with(hsm, tmp_path / "server")
    more = {"LICENSE_SERVER_SIGNER": str(settings.signer), **hsm.environment}
    with closing(data_folder.open_database(settings)) as database:
        bearer = {"Authorization": f"Bearer {server.new_token(database, 'test')}"}
    with (
        server.serving(settings.data, **more) as (first, _),
        server.serving(settings.data, **more) as (second, _),
        ThreadPoolExecutor(8) as pool,
    ):
        urls = [f"{(first, second)[number % 2]}{PATH}" for number in range(40)]
        replies = list(
            pool.map(lambda url: httpx.post(url, json=ORDER, headers=bearer, timeout=60), urls)
        )
    assert {reply.status_code for reply in replies} == {201}
    with closing(data_folder.open_database(settings)) as database, database.reading() as connection:
        (issued,) = [
            one for one in signature_count.compare(connection) if one.kind.typ == "license+jwt"
        ]
    assert (issued.counted, issued.recorded) == (40, 40)


# A token that is gone, slow, full or refuses


def _away(hsm: Hsm) -> Callable[[], object]:
    """The token is pulled; what puts it back."""
    away = hsm.folder / "pulled"
    hsm.tokens.rename(away)
    return lambda: away.rename(hsm.tokens)


def _another(hsm: Hsm) -> Callable[[], None]:
    """Another token is plugged in its place, with keys of its own."""
    back = _away(hsm)
    hsm.tokens.mkdir()
    hsm.add_token("another")

    def again() -> None:
        shutil.rmtree(hsm.tokens)
        back()

    return again


def _other_pin(hsm: Hsm) -> Callable[[], object]:
    hsm.pin_file.write_text("no such PIN\n")
    _forget()  # the session ends, as when the token is pulled and plugged again
    return lambda: hsm.pin_file.write_text(f"{PIN}\n")


def _no_pin(hsm: Hsm) -> Callable[[], object]:
    kept = hsm.pin_file.rename(hsm.folder / "kept")
    _forget()
    return lambda: kept.rename(hsm.pin_file)


def _open_pin(hsm: Hsm) -> Callable[[], None]:
    hsm.pin_file.chmod(0o644)
    _forget()
    return lambda: hsm.pin_file.chmod(0o600)


@pytest.mark.parametrize("trouble", [_away, _another, _other_pin, _no_pin, _open_pin])
def test_a_token_that_cannot_sign_is_a_plain_503_and_works_again_without_a_restart(
    vendor: Vendor,
    trouble: Callable[[Hsm], Callable[[], object]],
    capfd: pytest.CaptureFixture[str],
) -> None:
    verified(vendor, vendor.issue())
    before = [vendor.count(table) for table in ("licenses", "audit_events")]
    mend = trouble(vendor.hsm)
    for _ in range(2):
        reply = vendor.issue()
        assert (reply.status_code, reply.json()["type"]) == (503, "/problems/signer-unavailable")
        assert int(reply.headers["Retry-After"]) > 0
        assert vendor.client.get("/readyz").json()["missing"] == ["signer"]
        for hidden in (PIN, "no such PIN", str(vendor.hsm.folder)):
            assert hidden not in reply.text
    assert [vendor.count(table) for table in ("licenses", "audit_events")] == before
    mend()
    verified(vendor, vendor.issue())
    assert vendor.client.get("/readyz").status_code == 200
    told = "".join(capfd.readouterr())
    assert "Traceback" not in told
    assert PIN not in told


def test_a_wrong_pin_is_tried_once_and_locks_nothing(hsm: Hsm) -> None:
    uri = create(hsm, "pin")
    _other_pin(hsm)
    tried: list[str] = []
    for _ in range(20):
        with pytest.raises(SignerUnavailableError, match="refuses the PIN") as caught:
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


def test_a_slow_token_is_given_up_and_serves_again(hsm: Hsm) -> None:
    parsed = Pkcs11Uri.parse(create(hsm, "slow").removeprefix("pkcs11:"))
    signer = pkcs11.Pkcs11Signer(parsed, PATIENCE)
    told = r"has not answered within 0\.4 seconds"
    with held(hsm), pytest.raises(SignerUnavailableError, match=told):
        signer.sign(b"slow")
    patient = pkcs11.Pkcs11Signer(parsed, 60)
    assert patient.public_key.verifies(patient.sign(b"again"), b"again")


def test_only_so_many_wait_for_a_token(hsm: Hsm) -> None:
    parsed = Pkcs11Uri.parse(create(hsm, "full").removeprefix("pkcs11:"))
    signer = pkcs11.Pkcs11Signer(parsed, 60)
    refused = threading.Event()

    def sign(_: int) -> bool:
        try:
            signer.sign(b"x")
        except SignerUnavailableError as error:
            assert "signatures wait for it already" in str(error)
            refused.set()
            return False
        return True

    with ThreadPoolExecutor(40) as pool:
        with held(hsm):
            asked = [pool.submit(sign, number) for number in range(40)]
            assert refused.wait(60)
        signed = sum(one.result() for one in asked)
    assert 16 <= signed < 40


def test_while_a_token_is_slow_others_are_answered(vendor: Vendor) -> None:
    with ThreadPoolExecutor(1) as pool, held(vendor.hsm):
        waiting = pool.submit(vendor.issue)
        for _ in range(5):
            assert vendor.client.get(PATH, headers=vendor.bearer).status_code == 200
        assert not waiting.done()
    verified(vendor, waiting.result())


def test_a_module_that_is_missing_is_told_in_a_plain_sentence(hsm: Hsm) -> None:
    uri = hsm.uri("a").replace(hsm.module, "/nowhere/lib.so")
    with pytest.raises(SignerUnavailableError, match=r"module /nowhere/lib\.so cannot be opened"):
        open_signer(uri, no_passphrase)


# The shell


def shell(settings: ServerSettings, *arguments: str, **more: str) -> Any:
    env = server.environment(settings.data) | {"LICENSE_SERVER_SIGNER": str(settings.signer)} | more
    return server.at_once(*arguments, env=env)


def test_the_shell_makes_a_key_shows_it_and_issues_with_it(hsm: Hsm, tmp_path: Path) -> None:
    settings = server.settings(tmp_path / "server", signer=hsm.uri("by shell"))
    settings = settings.model_copy(update={"signer": hsm.uri("shell")})
    missing = shell(settings, "init", **hsm.environment)
    assert missing.returncode == code("signer-unavailable")
    assert "`license-server signer create` makes one" in missing.stderr
    assert not settings.data.exists()
    made = shell(settings, "signer", "create", **hsm.environment)
    assert made.returncode == 0, made.stderr
    shown = shell(settings, "signer", "show", **hsm.environment)
    assert shown.stdout == made.stdout
    assert "never leaves the token" in shown.stderr
    assert shell(settings, "init", **hsm.environment).returncode == 0
    issued = shell(settings, *ISSUE, "-o", "-", **hsm.environment)
    assert issued.returncode == 0, issued.stderr
    file = issued.stdout.encode()
    key = open_license(file, roots=server.roots(settings.data)).license
    assert key.sub == "ACME"
    counted = shell(settings, "signer", "count", **hsm.environment).stdout
    assert "license+jwt\t1 counted\t1 recorded\tthey agree" in counted
    assert PIN not in counted + made.stderr + shown.stderr + missing.stderr + issued.stderr


def test_the_shell_without_the_token_issues_nothing_and_says_why(hsm: Hsm, tmp_path: Path) -> None:
    settings = made_with(hsm, tmp_path / "server")
    out = tmp_path / "license.dat"
    mend = _away(hsm)
    done = shell(settings, *ISSUE, "-o", str(out), **hsm.environment)
    mend()
    assert done.returncode == code("signer-unavailable")
    assert "Traceback" not in done.stderr
    assert "Nothing was issued" in done.stderr
    assert not out.exists()


def test_neither_backup_nor_database_nor_log_holds_the_pin(vendor: Vendor, tmp_path: Path) -> None:
    verified(vendor, vendor.issue())
    out = bytearray()
    with vendor.database.snapshot() as connection:
        backup.write(
            connection, vendor.settings, out.extend, 1, with_keys=True, advance=lambda _: None
        )
    files = [path.read_bytes() for path in vendor.settings.data.rglob("*") if path.is_file()]
    assert all(PIN.encode() not in data for data in (bytes(out), *files))


# The file


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> ServerSettings:
    """A vendor that several tests use, with a key file for all that it keeps in one."""
    return server.make(tmp_path_factory.mktemp("sealed") / "server")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o602])
def test_a_key_file_that_others_can_use_is_refused(sealed: ServerSettings, mode: int) -> None:
    path = sealed.record_key
    path.chmod(mode)
    with pytest.raises(SecretFileOpenError) as caught:
        open_signer(f"file:{path}", passphrase)
    assert f"chmod 600 {path}" in caught.value.remedy()
    path.chmod(0o400)
    assert open_signer(f"file:{path}", passphrase)


def test_no_server_starts_with_such_a_file(sealed: ServerSettings) -> None:
    for path in (sealed.record_key, sealed.seeds_key):
        path.chmod(0o640)
        with pytest.raises(SecretFileOpenError):
            create_app(sealed)
        path.chmod(0o600)


def test_a_file_key_is_made_sealed_for_its_owner_alone_and_signs(tmp_path: Path) -> None:
    path = tmp_path / "signing.key.pem"
    made = create_key(f"file:{path}", passphrase, os.urandom)
    assert path.stat().st_mode & 0o777 == 0o600
    assert b"ENCRYPTED PRIVATE KEY" in path.read_bytes()
    signer = open_signer(f"file:{path}", passphrase)
    assert signer.public_key == made
    assert made.verifies(signer.sign(b"x"), b"x")
    assert describe(f"file:{path}", passphrase).exportable
    with pytest.raises(InputInvalidError, match="is there already"):
        create_key(f"file:{path}", passphrase, os.urandom)
    with pytest.raises(InputInvalidError, match="5 bytes"):
        create_key(f"file:{path}.new", lambda _: b"short", os.urandom)
    assert [one.name for one in tmp_path.iterdir()] == ["signing.key.pem"]


def test_a_passphrase_is_asked_for_at_a_terminal_once(tmp_path: Path) -> None:
    import pty

    settings = server.make(tmp_path / "server")
    env = server.environment(settings.data)
    del env["LICENSE_SERVER_PASSPHRASE"]
    ours, theirs = pty.openpty()
    line = [sys.executable, "-m", "license_server", *ISSUE, "-o", str(tmp_path / "license.dat")]
    with subprocess.Popen(
        line,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=env,
        cwd=server.REPOSITORY,
        start_new_session=True,
    ) as process:
        os.close(theirs)
        said = b""
        while b"Passphrase of the key signing.key.pem:" not in said:
            said += os.read(ours, 1000)
        os.write(ours, f"{PASSPHRASE}\n".encode())
        assert process.wait(60) == 0, said
    os.close(ours)
    assert PASSPHRASE.encode() not in said
    assert open_license(
        (tmp_path / "license.dat").read_bytes(), roots=server.roots(settings.data)
    ).license


# The URI


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("pkcs11:object=a?module-path=/m", "no pin-source"),
        ("pkcs11:object=a?pin-source=file:/p", "no module-path"),
        ("pkcs11:token=t?module-path=/m&pin-source=/p", "names no key"),
        ("pkcs11:object=a?module-path=/m&pin-value=12345", "holds a PIN"),
        ("pkcs11:object=a;pin-value=12345?module-path=/m", "holds a PIN"),
        ("pkcs11:object=a?pin-value:12345", "it has a PIN, which says nothing here"),
        ("pkcs11:object=a;object=b?module-path=/m&pin-source=/p", "names object twice"),
        ("pkcs11:object?module-path=/m&pin-source=/p", "names object without a value"),
        ("pkcs11:object=a;type=cert?module-path=/m&pin-source=/p", "type is not private"),
        ("pkcs11:object=a;x-y=1?module-path=/m&pin-source=/p", "'x-y', which says nothing"),
        ("pkcs11:object=a?module-path=/m&pin-source=|cat", "is no file"),
        ("pkcs11:object=a?module-path=/m&pin-source=pin", "is no file"),
        ("pkcs11:object=%ff?module-path=/m&pin-source=/p", "object is not UTF-8"),
        ("pkcs11:object=a;slot-id=x?module-path=/m&pin-source=/p", "slot-id is no number"),
        pytest.param(
            f"pkcs11:object=a;slot-id={'9' * 5000}?module-path=/m&pin-source=/p",
            "slot-id is no number",
            id="a slot-id of 5000 digits",
        ),
        ("vault:secret", "no kind of signer"),
    ],
)
def test_a_uri_that_names_no_key_plainly_is_refused(text: str, reason: str) -> None:
    with pytest.raises(InputInvalidError, match=reason.replace("|", ".")) as caught:
        open_signer(text, no_passphrase)
    assert "12345" not in str(caught.value)


def test_a_uri_is_read_as_rfc_7512_has_it() -> None:
    text = "token=My%20token;id=%01%ff;type=private;slot-id=7?module-path=/a%20b&pin-source=file:/p"
    read = Pkcs11Uri.parse(text)
    assert read.token == {"token": "My token"}
    assert (read.id, read.slot_id, read.module_path) == (b"\x01\xff", 7, "/a b")
    assert read.pin_source == "/p"
    assert Pkcs11Uri.parse(text.replace("file:/p", "file:///p")).pin_source == "/p"


# How many signatures


def compared(settings: ServerSettings) -> dict[str, tuple[int, int | None]]:
    with closing(data_folder.open_database(settings)) as database, database.reading() as connection:
        return {one.kind.typ: one[1:] for one in signature_count.compare(connection)}


def test_every_signature_is_counted_in_the_transaction_that_records_it(tmp_path: Path) -> None:
    with server.running_server(tmp_path) as running:
        for _ in range(3):
            reply = httpx.post(f"{running.url}{PATH}", json=ORDER, headers=running.bearer)
            assert reply.status_code == 201
        running.process.kill()  # nothing is written at the end
        running.process.wait()
    assert compared(server.settings(running.data))["license+jwt"] == (3, 3)


def test_a_signature_that_came_to_nothing_is_the_difference(tmp_path: Path) -> None:
    """A count that a rollback took back is not lost, and none is written twice."""
    ledger = open_ledger(server.make(tmp_path / "server"))
    database, signer = ledger.site.database, ledger.site.issuer.signer

    def sign() -> None:
        signer.sign(f"{jws.header(signer.public_key.kid, jws.LICENSE)}.x".encode())

    for _ in range(3):
        sign()
        with pytest.raises(ZeroDivisionError):
            database.write(lambda _: 1 // 0)
    database.write(lambda _: None)
    database.write(lambda _: None)
    with database.reading() as connection:
        assert list(signature_store.counted(connection).values()) == [3]
    sign()
    database.close()  # the last is written at the end
    assert compared(ledger.settings) == {"license+jwt": (4, 0)}
    with (
        closing(data_folder.open_database(ledger.settings)) as again,
        again.snapshot() as connection,
    ):
        assert ledger.faults_of(connection) == []


def test_a_licence_that_was_signed_past_the_server_is_a_fault(tmp_path: Path) -> None:
    settings = server.make(tmp_path / "server")
    env = server.environment(settings.data)
    assert server.at_once(*ISSUE, "-o", "-", env=env).returncode == 0
    with closing(data_folder.open_database(settings)) as database:
        database.write(lambda c: c.execute(sqlalchemy.text("update signatures set made = 0")))
    done = server.at_once("fsck", env=env)
    assert done.returncode == code("record-broken")
    assert "signature-uncounted: license+jwt by " in done.stdout
    assert "1 have its signature, and this server made 0" in done.stdout

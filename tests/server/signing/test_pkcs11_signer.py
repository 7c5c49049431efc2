"""A signing key in a PKCS#11 token (SoftHSM 2): created, used, never extracted."""

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from license_core import jws
from license_core.errors import SignerUnavailableError
from license_core.verify import open_license
from license_server.db.errors import InputInvalidError
from license_server.operations import backup, data_folder
from license_server.settings import ServerSettings
from license_server.signing import signature_count
from license_server.signing.signers import (
    create_key,
    describe,
    open_signer,
    pkcs11,
)
from tests.support import server, softhsm
from tests.support.hsm_vendor import create, made_with, pull
from tests.support.problems import exit_code
from tests.support.remote_vendor import (
    ORDER,
    PATH,
    Vendor,
    no_passphrase,
    serving_vendor,
    verified,
)
from tests.support.server import LINE
from tests.support.softhsm import PIN, Hsm

pytestmark = pytest.mark.skipif(
    softhsm.chosen(), reason="it makes tokens of its own: run it without HOSTSEAL_TEST_SIGNER"
)
ISSUE = ["issue", "--customer", "ACME", "--product", "darwin", "--days", "9", "--host", LINE]


def test_pkcs11_token_creates_a_key_whose_signatures_verify(hsm: Hsm) -> None:
    uri = create(hsm, "signs")
    signer = open_signer(uri, no_passphrase)
    message = os.urandom(3000)
    assert signer.public_key.verifies(signer.sign(message), message)
    assert not describe(uri, no_passphrase).exportable


def test_private_key_cannot_be_extracted_from_the_token(hsm: Hsm) -> None:
    import pkcs11 as binding
    from pkcs11 import Attribute, Mechanism, exceptions

    create(hsm, "kept")
    pkcs11.close_modules()
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


def test_taken_key_name_creates_no_second_key(hsm: Hsm) -> None:
    uri = create(hsm, "taken")
    before = open_signer(uri, no_passphrase).public_key
    with pytest.raises(InputInvalidError, match="has a key taken already"):
        create_key(uri, no_passphrase, os.urandom)
    assert open_signer(uri, no_passphrase).public_key == before


def test_pkcs11_keys_are_distinguished_by_name_id_and_token(hsm: Hsm) -> None:
    hsm.add_token("other")
    here, second, there = create(hsm, "a"), create(hsm, "b"), create(hsm, "a", "other")
    by_id = f"{here.partition(';')[0]};id=%07?{here.partition('?')[2]}"
    create_key(by_id, no_passphrase, os.urandom)
    keys = {open_signer(uri, no_passphrase).public_key for uri in (here, second, there, by_id)}
    assert len(keys) == 4
    with pytest.raises(SignerUnavailableError, match="has no Ed25519 key c"):
        open_signer(hsm.uri("c"), no_passphrase)
    with pytest.raises(SignerUnavailableError, match="the token third: it was not found"):
        open_signer(hsm.uri("a", "third"), no_passphrase)


def test_server_issues_with_a_pkcs11_token_also_after_a_restart(vendor: Vendor) -> None:
    verified(vendor, vendor.issue())
    assert vendor.client.get("/readyz").status_code == 200
    names = [path.name for path in (vendor.settings.data / "keys").iterdir()]
    assert sorted(names) == ["record.key.pem", "root.key.pem", "seeds.key.pem"]
    for again in serving_vendor(vendor.settings):
        verified(again, again.issue())


def test_second_key_in_the_token_takes_over_from_the_retired_first(
    hsm: Hsm, tmp_path: Path
) -> None:
    settings = made_with(hsm, tmp_path / "server")
    second = create(hsm, "second")
    later = settings.model_copy(update={"signer": second})
    kids = [
        open_signer(uri, no_passphrase).public_key.kid for uri in (str(settings.signer), second)
    ]
    for vendor in serving_vendor(settings):
        old = verified(vendor, vendor.issue())
    told = shell(settings, "keys", "new", "--signer", second, **hsm.environment)
    assert told.returncode == 0, told.stderr
    for vendor in serving_vendor(settings):  # both may sign meanwhile
        verified(vendor, vendor.issue())
    for vendor in serving_vendor(later):
        verified(vendor, vendor.issue())
        vendor.check(old)
    told = shell(later, "keys", "retire", kids[0], **hsm.environment)
    assert told.returncode == 0, told.stderr
    for vendor in serving_vendor(later):
        verified(vendor, vendor.issue())
        vendor.check(old)
        with vendor.database.reading() as connection:
            found = [
                one for one in signature_count.compare(connection) if one.kind.typ == jws.LICENSE
            ]
        assert {one.kind.kid for one in found} == set(kids)
        assert [(one.counted, one.recorded) for one in found] == [(2, 2), (2, 2)]
    for vendor in serving_vendor(settings):
        assert vendor.issue().status_code == 503
        assert vendor.client.get("/readyz").json()["missing"] == ["signer"]


def test_many_threads_share_a_pkcs11_token(hsm: Hsm) -> None:
    uris = [create(hsm, "even"), create(hsm, "odd")]
    signers = [open_signer(uri, no_passphrase) for uri in uris]

    def sign(number: int) -> bool:
        signer, message = signers[number % 2], str(number).encode()
        return signer.public_key.verifies(signer.sign(message), message)

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(sign, range(200)))


def test_two_processes_share_a_pkcs11_token(hsm: Hsm, tmp_path: Path) -> None:
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


def shell(settings: ServerSettings, *arguments: str, **more: str) -> Any:
    env = server.environment(settings.data) | {"LICENSE_SERVER_SIGNER": str(settings.signer)} | more
    return server.at_once(*arguments, env=env)


def test_signer_commands_create_show_and_count_and_issue_uses_the_key(
    hsm: Hsm, tmp_path: Path
) -> None:
    settings = server.settings(tmp_path / "server", signer=hsm.uri("by shell"))
    settings = settings.model_copy(update={"signer": hsm.uri("shell")})
    missing = shell(settings, "init", **hsm.environment)
    assert missing.returncode == exit_code("signer-unavailable")
    assert "create one with `license-server signer create`" in missing.stderr
    assert not settings.data.exists()
    made = shell(settings, "signer", "create", **hsm.environment)
    assert made.returncode == 0, made.stderr
    shown = shell(settings, "signer", "show", **hsm.environment)
    assert shown.stdout == made.stdout
    assert "never leaves it" in shown.stderr
    assert shell(settings, "init", **hsm.environment).returncode == 0
    issued = shell(settings, *ISSUE, "-o", "-", **hsm.environment)
    assert issued.returncode == 0, issued.stderr
    file = issued.stdout.encode()
    key = open_license(file, roots=server.roots(settings.data)).license
    assert key.sub == "ACME"
    counted = shell(settings, "signer", "count", **hsm.environment).stdout
    assert "license+jwt\t1 counted\t1 recorded\tthey agree" in counted
    assert PIN not in counted + made.stderr + shown.stderr + missing.stderr + issued.stderr


def test_issue_without_the_pkcs11_token_issues_nothing(hsm: Hsm, tmp_path: Path) -> None:
    settings = made_with(hsm, tmp_path / "server")
    out = tmp_path / "license.dat"
    mend = pull(hsm)
    done = shell(settings, *ISSUE, "-o", str(out), **hsm.environment)
    mend()
    pkcs11.close_modules()  # this process had the token open while it was away
    assert done.returncode == exit_code("signer-unavailable")
    assert "Traceback" not in done.stderr
    assert "Nothing was issued" in done.stderr
    assert not out.exists()


def test_backup_and_data_folder_do_not_contain_the_pin(vendor: Vendor, tmp_path: Path) -> None:
    verified(vendor, vendor.issue())
    out = bytearray()
    with vendor.database.snapshot() as connection:
        keys = backup.key_files(vendor.settings, with_keys=True)
        backup.write(connection, keys, out.extend, 1, lambda _: None)
    files = [path.read_bytes() for path in vendor.settings.data.rglob("*") if path.is_file()]
    assert all(PIN.encode() not in data for data in (bytes(out), *files))

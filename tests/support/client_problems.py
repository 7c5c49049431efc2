"""A case for every problem that the client can meet, through its command line."""

import errno
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import license_cli
from license_core import jws
from license_core.paths import MAX_REVOCATIONS
from tests.support import hosts, ports
from tests.support.cases import bound
from tests.support.cli import DAY, NOW, NUMBER, REPOSITORY, Done, World, flipped, new_signer
from tests.support.loopback import answering
from tests.support.vendor import keyset, license_block, revocations, roots

Case = Callable[[World], Done]
CASES: dict[str, Case] = {}


def reaches(slug: str) -> Callable[[Case], Case]:
    def keep(case: Case) -> Case:
        CASES[slug] = case
        return case

    return keep


def installed_client(site: Path, *arguments: str, **more: Any) -> Done:
    """The client as a package of the folder *site*, without ``cmd/`` beside it, as a process.

    Or a *script* of Python that imports it.
    """
    for name in ("license_core", "license_cli"):
        shutil.copytree(REPOSITORY / name, site / name, dirs_exist_ok=True)
    start = (
        "import sys; sys.argv[0] = 'bin/license-cli'; from license_cli.app import main; "
        "sys.exit(main())"
    )
    line = [sys.executable, "-P", "-c", more.pop("script", start), *arguments]
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(site)} | more.pop("env", {})
    done = subprocess.run(line, env=env, capture_output=True, text=True, **{"cwd": site} | more)
    return Done(done.returncode, done.stdout, done.stderr)


def verify(world: World, data: bytes | None = None, now: int | None = None) -> Done:
    world.put(data)
    return world.run("verify", now=now)


@reaches("internal-error")
def _internal(world: World) -> Done:
    def broken(*_: object) -> None:
        raise RuntimeError("a case that nobody knows")

    with patch("license_core.stability.network_mode", broken):
        return world.run("get_host_key")


@reaches("usage")
def _usage(world: World) -> Done:
    return world.run("verify", "--nonsense")


@reaches("dependency-missing")
def _dependency(world: World) -> Done:
    with patch.dict(sys.modules, {"httpx": None}):
        sys.modules.pop("license_cli.client", None)
        vars(license_cli).pop("client", None)
        return world.run("install", "http://127.0.0.1:1/license.dat")


@reaches("memory-exhausted")
def _no_memory(world: World) -> Done:
    def broken(*_: object) -> None:
        raise MemoryError

    with patch("license_core.stability.network_mode", broken):
        return world.run("get_host_key")


@reaches("folder-unnamed")
def _unnamed(world: World) -> Done:
    return installed_client(world.folder / "site", "verify")


@reaches("license-missing")
def _missing(world: World) -> Done:
    return world.run("verify")


@reaches("file-unreadable")
def _unreadable(world: World) -> Done:
    world.license.mkdir()
    return world.run("verify")


@reaches("file-too-large")
def _too_large(world: World) -> Done:
    return verify(world, world.file() + b"\n" * 65536)


@reaches("list-too-large")
def _large_list(world: World) -> Done:
    with (world.conf / "license.revocations").open("wb") as file:
        file.truncate(MAX_REVOCATIONS + 1)
    return verify(world)


@reaches("license-block-missing")
def _no_block(world: World) -> Done:
    return verify(world, b"Thank you for your order.\n")


@reaches("license-damaged")
def _damaged(world: World) -> Done:
    return verify(world, world.file()[:300])


@reaches("license-several")
def _several(world: World) -> Done:
    return verify(world, world.file() * 2)


@reaches("license-claims-invalid")
def _claims(world: World) -> Done:
    return verify(world, world.seal(world.claims().payload().replace(b'"ver":1', b'"ver":"1"')))


@reaches("license-unsupported")
def _unsupported(world: World) -> Done:
    return verify(world, world.seal(world.claims().payload().replace(b'"ver":1', b'"ver":2')))


@reaches("settings-invalid")
def _settings(world: World) -> Done:
    (world.conf / "hostseal.toml").write_text("produkt = 1\n")
    return verify(world)


@reaches("revocations-invalid")
def _revocations(world: World) -> Done:
    (world.conf / "license.revocations").write_bytes(world.revocations(signer=new_signer()))
    return verify(world)


@reaches("trusted-key-missing")
def _no_key(world: World) -> Done:
    (world.keys / "root.pub.pem").unlink()
    return verify(world)


@reaches("trusted-key-invalid")
def _bad_key(world: World) -> Done:
    (world.keys / "root.pub.pem").write_text("no key\n")
    return verify(world)


@reaches("keyset-missing")
def _no_keyset(world: World) -> Done:
    return verify(world, world.file().partition(b"-----BEGIN LICENSE KEYSET")[0])


@reaches("keyset-untrusted")
def _untrusted(world: World) -> Done:
    return verify(world, world.file(keyset=world.keyset(root=new_signer())))


@reaches("keyset-invalid")
def _keyset(world: World) -> Done:
    return verify(world, world.file(keyset=jws.sign(b"{}", world.root, jws.KEYSET)))


@reaches("keyset-rolled-back")
def _rolled_back(world: World) -> Done:
    world.put(license_block(world) + keyset(world, 4))
    world.run("verify")
    return verify(world)


@reaches("roots-invalid")
def _roots(world: World) -> Done:
    return verify(world, world.file() + roots(world, 1, new_signer(), by=[world.root]))


@reaches("roots-skipped")
def _skipped(world: World) -> Done:
    return verify(world, world.file() + roots(world, 2, world.root, by=[world.root]))


@reaches("revocations-rolled-back")
def _older_list(world: World) -> Done:
    world.run("install", world.write(world.file()))
    world.run("install", world.write(revocations(world, 2)))
    return world.run("install", world.write(revocations(world, 1)))


@reaches("keyset-expired")
def _keyset_ended(world: World) -> Done:
    return verify(world, world.file(keyset=world.keyset(end=NOW)))


@reaches("signing-key-unknown")
def _unknown_key(world: World) -> Done:
    token = jws.sign(world.claims().payload(), new_signer(), jws.LICENSE)
    return verify(world, world.wrap(token, world.keyset()))


@reaches("signature-invalid")
def _signature(world: World) -> Done:
    token = jws.sign(world.claims().payload(), world.signing, jws.LICENSE)
    return verify(world, world.wrap(flipped(token), world.keyset()))


@reaches("signing-key-revoked")
def _key_revoked(world: World) -> Done:
    return verify(world, world.file(keyset=world.keyset(state="revoked")))


@reaches("signing-key-not-allowed")
def _key_not_allowed(world: World) -> Done:
    return verify(world, world.file(keyset=world.keyset(products=("other",))))


@reaches("wrong-host")
def _wrong_host(world: World) -> Done:
    world.put()
    hosts.container(world.host, container_id="ab" * 32)
    return world.run("verify")


@reaches("wrong-product")
def _wrong_product(world: World) -> Done:
    return verify(world, world.file(world.claims(aud="other")))


@reaches("host-unidentifiable")
def _nobody(world: World) -> Done:
    hosts.container(world.host, machine_id=None, container_id=None)
    return world.run("get_host_key")


@reaches("host-machine-id-not-bound")
def _not_bound(world: World) -> Done:
    return world.run("get_host_key", "--profile", "hk1-host")


@reaches("host-cluster-unknown")
def _no_cluster(world: World) -> Done:
    return world.run("get_host_key", "--profile", "hk1-cluster")


@reaches("host-site-unknown")
def _no_site(world: World) -> Done:
    return world.run("get_host_key", "--profile", "hk1-site")


def _on_a_site(world: World, *arguments: str) -> Done:
    """A command in a container with the machine id of its machine and a folder for a site."""
    (world.host / "site").mkdir(exist_ok=True)
    return world.run(*arguments, env={"LICENSE_SITE": "/site"})


@reaches("host-not-in-site")
def _copied_site(world: World) -> Done:
    bound(machine_id="1d" * 16)(world.host)
    _on_a_site(world, "site", "init")
    bound(machine_id="2e" * 16)(world.host)
    return _on_a_site(world, "get_host_key", "--profile", "hk1-site")


@reaches("site-exists")
def _second_site(world: World) -> Done:
    bound()(world.host)
    _on_a_site(world, "site", "init")
    return _on_a_site(world, "site", "init")


@reaches("gpus-not-licensed")
def _gpus(world: World) -> Done:
    hosts.container(world.host, gpus=5)
    return verify(world)


@reaches("feature-not-licensed")
def _feature(world: World) -> Done:
    world.put()
    return world.run("verify", "--require", "export", "--require", "train")


@reaches("pinned-address-differs")
def _pinned(world: World) -> Done:
    return world.run("get_host_key", env={"LICENSE_PINNED_IP": "172.30.0.10"})


@reaches("pinned-address-invalid")
def _pinned_to_nothing(world: World) -> Done:
    return world.run("get_host_key", env={"LICENSE_PINNED_IP": "172.30.0"})


@reaches("license-expired")
def _expired(world: World) -> Done:
    return verify(world, now=NOW + 365 * DAY)


@reaches("license-not-yet-valid")
def _not_yet(world: World) -> Done:
    return verify(world, world.file(world.claims(nbf=NOW + 5 * DAY)))


@reaches("clock-wrong")
def _clock_of_faketime(world: World) -> Done:
    script = (
        "import sys, time; sys.argv[0] = 'cmd/cli.py'\n"
        "def beyond(): raise OverflowError\n"
        "time.time = beyond\n"
        "from license_cli.app import main; sys.exit(main())"
    )
    return installed_client(world.folder, *world.options(), "verify", script=script)


@reaches("clock-set-back")
def _clock(world: World) -> Done:
    world.put()
    assert world.run("verify", now=NOW + 9 * DAY).exit_code == 0
    return world.run("verify", now=NOW + 7 * DAY)


@reaches("license-revoked")
def _revoked(world: World) -> Done:
    (world.conf / "license.revocations").write_bytes(world.revocations(NUMBER))
    return verify(world)


@reaches("license-returned")
def _given_back(world: World) -> Done:
    world.put()
    assert world.run("return", "--yes").exit_code == 0
    return verify(world)


@reaches("maintenance-ended")
def _maintenance(world: World) -> Done:
    (world.conf / "hostseal.toml").write_text('product = "darwin"\nreleased = 2027-02-01\n')
    return verify(world, world.file(world.claims(maintenance_until=NOW)))


def _failing(error: int) -> Callable[..., None]:
    def rename(*_: object) -> None:
        raise OSError(error, os.strerror(error))

    return rename


def _install_where(world: World, error: int) -> Done:
    """The system's refusal, as the file system gives it; the real ones are in test_install.py."""
    source = world.write(world.file())
    with patch("os.rename", _failing(error)):
        return world.run("install", source)


@reaches("file-is-mounted")
def _mounted(world: World) -> Done:
    return _install_where(world, errno.EBUSY)


@reaches("folder-not-writable")
def _read_only(world: World) -> Done:
    return _install_where(world, errno.EROFS)


@reaches("disk-full")
def _full(world: World) -> Done:
    return _install_where(world, errno.ENOSPC)


@reaches("write-failed")
def _failed(world: World) -> Done:
    return _install_where(world, errno.EIO)


@reaches("server-unreachable")
def _unreachable(world: World) -> Done:
    return world.run("install", f"http://127.0.0.1:{ports.REFUSES}/license.dat")


@reaches("not-found")
def _not_found(world: World) -> Done:
    document = b'{"type":"/problems/not-found","what":"licence","name":"HS-1","status":404}'
    with answering(404, document, "application/problem+json") as url:
        return world.run("install", url)


@reaches("output-failed")
def _no_output(world: World) -> Done:
    with open("/dev/full", "wb") as full:
        done = world.spawn("get_host_key", stdout=full, stderr=subprocess.PIPE)
    return Done(done.returncode, "", done.stderr.decode())


@reaches("program-not-started")
def _no_program(world: World) -> Done:
    world.now = int(time.time())  # guard's own check is a process of today
    world.put()
    done = world.run("guard", "--", "/nonexistent/scheduler")
    return done._replace(err=done.err[done.err.index("[E]: ") :])  # first, that the licence holds


@reaches("not-authenticated")
def _no_token(world: World) -> Done:
    document = b'{"type":"/problems/not-authenticated","reason":"nobody is signed in"}'
    with answering(401, document, "application/problem+json") as url:
        return world.run("install", url)


@reaches("rate-limited")
def _rate_limited(world: World) -> Done:
    document = b'{"type":"/problems/rate-limited","seconds":1,"limit":"60 requests a minute"}'
    with answering(429, document, "application/problem+json") as url:
        return world.run("install", url)


@reaches("revocations-too-large")
def _list_in_shards(world: World) -> Done:
    document = b'{"type":"/problems/revocations-too-large","number":7}'
    with answering(409, document, "application/problem+json") as url:
        return world.run("install", url)


@reaches("database-unavailable")
def _database_unavailable(world: World) -> Done:
    document = b'{"type":"/problems/database-unavailable","reason":"the log says more under 1"}'
    with answering(503, document, "application/problem+json") as url:
        return world.run("install", url)


@reaches("signer-unavailable")
def _signer_unavailable(world: World) -> Done:
    document = b'{"type":"/problems/signer-unavailable","reason":"the log says more under 1"}'
    with answering(503, document, "application/problem+json") as url:
        return world.run("install", url)


@reaches("folder-missing")
def _no_folder(world: World) -> Done:
    return world.run("request", "-o", str(world.folder / "missing" / "request.txt"))


@reaches("path-is-folder")
def _folder(world: World) -> Done:
    return world.run("request", "-o", str(world.folder))


@reaches("not-permitted")
def _not_permitted(world: World) -> Done:
    return world.run("install", "http://vendor.invalid/x", env={"LICENSE_TOKEN": "hst_x_y"})

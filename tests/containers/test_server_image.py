"""The server as a container runs it: no root, no capability, nothing to write but one volume.

In the suite it is this checkout on the tests' base image; `make torture` takes the image that
`make image` builds.
"""

import hashlib
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from deploy import packed
from deploy.image import build
from license_core.publickey import PublicKey
from license_server.signing.signers import keyfiles
from tests.support import former_commit, page_commands, server
from tests.support.containers.engine import PATH, Container, Engine
from tests.support.containers.image import BASE_IMAGE
from tests.support.need import need
from tests.support.server import PASSPHRASE, REPOSITORY
from tests.support.waiting import until

pytestmark = pytest.mark.xdist_group("docker")

USER = 10001
SECRET = rb"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----\s+[A-Za-z0-9+/]{20}"
SAFE = ("--read-only", "--cap-drop", "ALL", "--user", f"{USER}:{USER}", "--network", "none")
ENVIRONMENT = (
    "LICENSE_SERVER_DATA=/data/hostseal",
    "LICENSE_SERVER_PASSPHRASE_FILE=/run/secrets/passphrase",
    "LICENSE_SERVER_PUBLIC_URL=https://licences.example.com",
    "TMPDIR=/data",
    "PYTHONDONTWRITEBYTECODE=1",
)
GRANTED = [
    word
    for name in ("licenses:read", "licenses:issue", "products:write", "customers:write")
    for word in ("--scope", name)
]
ISSUE = """
import json, sys, urllib.request
head = {"Content-Type": "application/json", "Authorization": "Bearer " + sys.argv[1]}
for number in range(10**6):
    order = dict(customer="ACME", product="darwin", days=30)
    order["host"] = '["%040x", "gpu%d"]' % (number + 1, number)
    asked = urllib.request.Request(
        "http://127.0.0.1:8080/api/v1/licenses", json.dumps(order).encode(), head
    )
    print(json.load(urllib.request.urlopen(asked))["id"], flush=True)
"""
IMPORT = """
import sys, urllib.error, urllib.request
head = {"Content-Type": "text/csv", "Authorization": "Bearer " + sys.argv[1]}
url = "http://127.0.0.1:8080/api/v1/imports"
try:
    urllib.request.urlopen(urllib.request.Request(url, b"x" * (16 << 20), head))
except urllib.error.HTTPError as error:
    print(error.code)
"""
WAIT = """
import time, urllib.request
end = time.monotonic() + 240
while True:
    try:
        urllib.request.urlopen("http://127.0.0.1:8080/readyz")
        break
    except OSError:
        if time.monotonic() > end:
            raise
        time.sleep(0.05)
"""


class Served(NamedTuple):
    """How the server is run in a container, with one folder for its data."""

    engine: Engine
    image: str
    program: tuple[str, ...]
    """What the image's entry point is; empty where the image has one."""
    python: str
    options: tuple[str, ...]
    binds: tuple[str, ...]

    def start(self, name: str, *words: str) -> Container:
        """Start `license-server` with *words*."""
        return self.engine.run(
            name,
            *self.program,
            *words,
            image=self.image,
            binds=self.binds,
            options=self.options,
            is_apart=not self.program,
        )

    def serve(self, name: str = "server") -> Container:
        """Start the server, and wait until it is ready."""
        container = self.start(name, "serve", "--host", "0.0.0.0", "--upgrade")
        self.until_ready(container)
        return container

    def until_ready(self, container: Container) -> None:
        done = container.exec(self.python, "-c", WAIT)
        assert done.returncode == 0, done.stderr + self.logs(container)

    @property
    def ready(self) -> str:
        return str(REPOSITORY / "deploy/image/ready") if self.program else "/opt/hostseal/bin/ready"

    def command(self, container: Container, *words: str) -> str:
        """What `license-server` says in a running container."""
        line = self.program[2:] if self.program else ("license-server",)
        done = container.exec(*line, *words)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def once(self, name: str, *words: str) -> str:
        """What `license-server` says in a container of its own."""
        container = self.start(name, *words)
        code = self.engine.call("wait", container.name).stdout.strip()
        said = self.logs(container)
        assert code == "0", said
        return said

    def logs(self, container: Container) -> str:
        done = self.engine.call("logs", container.name)
        return done.stdout + done.stderr


def built(engine: Engine) -> str:
    """Builds the image with Debian's newest packages, and loads it; its name."""
    archive = engine.home / "server.tar"
    if not archive.exists():
        make_archive(archive)
    engine.call("load", "--input", str(archive))
    return f"hostseal-server:{packed.version()}"


def make_archive(archive: Path) -> str:
    """Build the server's image into a file; its digest. Skips where that cannot be done here."""
    if shutil.which("buildah") is None:
        need("buildah", "apt-get install buildah")
    try:
        name = build.build("server", packed.here(), "scratch", newest=True)
    except packed.UnavailableError as error:
        need("Debian's packages", str(error))
    build.export(name, archive)
    look = ["buildah", "inspect", "--type", "image", "--format", "{{.FromImageDigest}}", name]
    return subprocess.run(look, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture(params=["checkout", pytest.param("image", marks=pytest.mark.torture)])
def served(request: pytest.FixtureRequest, engine: Engine, tmp_path: Path) -> Iterator[Served]:
    """The server of this checkout, or the image."""
    data, passphrase = tmp_path / "data", tmp_path / "passphrase"
    data.mkdir(mode=0o700)
    passphrase.write_text("a passphrase of this test\n")
    passphrase.chmod(0o400)
    for path in (data, passphrase):
        os.chown(path, USER, USER)
    binds = (f"{data}:/data", f"{passphrase}:/run/secrets/passphrase:ro")
    told: Any = [word for text in ENVIRONMENT for word in ("--env", text)]
    if request.param == "image":
        told = [word for text in ENVIRONMENT[1:3] for word in ("--env", text)]
        yield Served(engine, built(engine), (), "python3", (*SAFE, *told), binds)
        return
    if shutil.which("tini") is None:
        need("tini", "apt-get install tini")
    told += ["--env", f"PYTHONPATH={REPOSITORY}", "--workdir", "/data"]
    program = ("/usr/bin/tini", "--", sys.executable, "-m", "tests.support.quick_keys")
    yield Served(engine, BASE_IMAGE, program, sys.executable, (*SAFE, *told), binds)


def test_container_is_set_up_issues_and_survives_a_kill(served: Served, tmp_path: Path) -> None:
    said = served.once("init", "init", "--invite", "--vendor", "Vendor", "--admin", "a@example.com")
    data = tmp_path / "data" / "hostseal"
    key = PublicKey.from_pem((data / "root.pub.pem").read_text("ascii"))
    assert f"The fingerprint of the root key: {key.kid}\n" in said
    assert re.search(
        r"^https://licences\.example\.com/invitation\?secret=[\w-]{40,}$", said, re.MULTILINE
    )
    server = served.serve()

    # It cannot write elsewhere, and needs not: an import is larger than what is kept in memory.
    assert server.exec("touch", "/x").returncode != 0
    token = served.command(server, "token", "create", "test", *GRANTED).split()[-1]
    assert server.exec(served.python, "-c", IMPORT, token).stdout == "422\n"

    # Process 1 reaps what others leave behind.
    server.exec("sh", "-c", "sleep 0 & sleep 0 &")

    def states() -> str:
        return server.exec("sh", "-c", "cat /proc/[0-9]*/stat").stdout

    until(lambda: not re.search(r"^\d+ \(.*\) Z ", states(), re.MULTILINE), states)

    # Killed in the middle of issuing: what was acknowledged is there. Then stopped in order.
    line = [*served.engine.command, "exec", server.name, served.python, "-c", ISSUE, token]
    with subprocess.Popen(line, env=served.engine.environment, stdout=subprocess.PIPE) as issuing:
        assert issuing.stdout is not None
        issued = [issuing.stdout.readline().decode().strip() for _ in range(5)]
        served.engine.call("kill", server.name)
        issued += issuing.stdout.read().decode().split("\n")[:-1]
    server.start()
    served.until_ready(server)
    served.command(server, "fsck")
    assert server.exec(served.python, served.ready).returncode == 0
    served.engine.call("stop", "--time", "40", server.name)
    state = served.engine.call("inspect", "--format", "{{.State.ExitCode}}", server.name)
    assert state.stdout.strip() == "0", served.logs(server)
    server.start()
    served.until_ready(server)
    with closing(sqlite3.connect(data / "hostseal.db")) as connection:
        listed = {number for (number,) in connection.execute("select number from licenses")}
    assert [number for number in issued if number not in listed] == []


@pytest.mark.torture
@pytest.mark.parametrize("commit", [former_commit.SUPPORT_DESK, "b88c707"])
def test_container_takes_up_what_an_older_commit_wrote(
    served: Served, tmp_path: Path, commit: str
) -> None:
    """As a new image does with the volume of the former one."""
    written = tmp_path / "former"
    written.mkdir()
    place = tmp_path / "data" / "hostseal"
    shutil.move(former_commit.make(written, commit), place)
    shutil.copy(written / "checkpoint.txt", place)
    (tmp_path / "passphrase").write_text(f"{PASSPHRASE}\n")
    for path in (place, *place.rglob("*")):
        os.chown(path, USER, USER)
    with closing(sqlite3.connect(place / "hostseal.db")) as connection:
        (before,) = connection.execute("select count(*) from licenses").fetchone()
    server = served.serve()
    assert server.exec(served.python, served.ready).returncode == 0
    served.command(server, "fsck", "--checkpoint", "/data/hostseal/checkpoint.txt")
    assert served.command(server, "list", "--limit", "100").count("HS-2026-") >= before


@pytest.mark.torture
def test_image_is_the_same_twice_without_secrets_setuid_or_paths_of_its_builder(
    tmp_path: Path,
) -> None:
    one, other = (make_archive(tmp_path / name) for name in ("one.tar", "other.tar"))
    assert one == other != ""
    assert (tmp_path / "one.tar").read_bytes() == (tmp_path / "other.tar").read_bytes()
    found = []
    with tarfile.open(tmp_path / "one.tar") as archive:
        (manifest,) = json.load(archive.extractfile("manifest.json"))  # type: ignore[arg-type]
        for layer in manifest["Layers"]:
            with tarfile.open(fileobj=archive.extractfile(layer)) as files:
                for member in files:
                    told = f"{member.name} {member.mode:o} {member.uid}"
                    owner = USER if member.name.startswith("data") else 0
                    if member.mode & 0o6000 or member.uid != owner or member.gid != owner:
                        found.append(told)
                    held = files.extractfile(member).read() if member.isreg() else b""  # type: ignore[union-attr]
                    if re.search(SECRET, held) or str(REPOSITORY).encode() in held:
                        found.append(told)
    assert found == []


@pytest.mark.torture
def test_openssl_alone_verifies_the_archive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LICENSE_SERVER_PASSPHRASE", server.PASSPHRASE)
    make_archive(tmp_path / "first.tar")
    key, public = tmp_path / "release.key.pem", tmp_path / "release.pub.pem"

    def openssl(*words: str | Path) -> int:
        return subprocess.run(["openssl", *words], capture_output=True).returncode

    private = Ed25519PrivateKey.generate()
    keyfiles.write_private(key, private, server.PASSPHRASE.encode(), os.urandom)
    path = build.archive("server", packed.here(), tmp_path, str(key))
    verify = ("pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", public, "-sigfile", f"{path}.sig")
    assert openssl(*verify, "-in", path) == 0
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert path.with_name(f"{path.name}.sha256").read_text() == f"{digest}  {path.name}\n"
    with path.open("r+b") as stream:
        stream.seek(-2000, os.SEEK_END)
        stream.write(b"!")
    assert openssl(*verify, "-in", path) == 1


@pytest.mark.torture
def test_image_of_the_client_tells_its_host_and_starts_no_product_without_a_licence(
    engine: Engine, tmp_path: Path
) -> None:
    name = build.build("client", packed.here(), "scratch", newest=True)
    build.export(name, tmp_path / "client.tar")
    engine.call("load", "--input", str(tmp_path / "client.tar"))
    options = ("--read-only", "--cap-drop", "ALL")
    told = {}
    for one, words, more in (
        ("asking", ["get_host_key"], ("--entrypoint", "license-cli")),
        ("product", ["sh", "-c", "echo started"], ()),
    ):
        engine.run(one, *words, image=name, options=(*options, *more), is_apart=True)
        code = engine.call("wait", one).stdout.strip()
        done = engine.call("logs", one)
        told[one] = (code, done.stdout, done.stderr)
    assert told["asking"][0] == "0", told
    assert re.fullmatch(r"[0-9a-f]{40}", json.loads(told["asking"][1])[0])
    code, out, err = told["product"]
    assert code != "0"
    assert out == ""
    assert err.startswith("[E]: "), told


@pytest.mark.torture
def test_readme_of_the_image_leads_to_a_server(engine: Engine, tmp_path: Path) -> None:
    """Its commands as they are written, the archive beside them."""
    make_archive(tmp_path / f"hostseal-server-{packed.version()}-amd64.tar")
    typed = [
        line
        for block in page_commands.blocks("deploy/image/README.md")
        for line in page_commands.lines(block)
    ]
    (backup,) = (
        one for one in page_commands.inline("deploy/image/README.md") if "exec hostseal " in one
    )

    def sh(line: str) -> str:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", line],
            cwd=tmp_path,
            env=engine.environment | {"PATH": PATH, "HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    load, passphrase, init, start = typed[-4:]
    assert load.startswith("docker load ")
    for line in (load, passphrase):
        sh(line)
    assert "The fingerprint of the root key: " in sh(init)
    sh(start)
    health = "docker inspect --format '{{.State.Health.Status}}' hostseal"
    sh(f"until [ $({health}) = healthy ]; do sleep 0.2; done")
    sh(backup)
    with tarfile.open(tmp_path / "hostseal.tar") as archive:
        assert archive.getnames() != []

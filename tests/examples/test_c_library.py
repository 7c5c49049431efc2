"""The library for C, linked into the example, gives the answers of the client in Python."""

import json
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from license_core import hostkey
from license_core.keyset import Keyset
from license_core.probe import read_facts
from license_core.publickey import PublicKey
from license_core.settings import Settings
from license_core.verify import check
from tests.support.cli import REPOSITORY
from tests.support.need import need
from tests.vectors import material
from tests.vectors.ours import CASES, ROOT, Vector

NATIVE = REPOSITORY / "native"
EXAMPLE = REPOSITORY / "examples" / "verifiers" / "c" / "check.c"
HARD_USE = Path(__file__).with_name("hard_use.c")
SAID_OF_HARD_USE = """\
starter: 10 license-missing
set: 0 holds
child asks: 0 holds
child has export: 1
child checks: 2 usage
limits: -1 0
has: 0 0
unset: 5 folder-unnamed
no bytes: 2 usage
no size: 2 usage
a large size: 12 file-too-large
no root: 21 trusted-key-invalid
no name: 2 usage
no report: 2 usage
freed: 2 usage
freed has: 0, limit: 0
This is no report of hostseal, or it has been freed.
"""
ROOTS = (PublicKey.from_pem(ROOT.read_text("ascii")),)
VECTORS = [vector for vector in map(Vector, CASES) if vector.lines["kind"] == "license"]


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    for tool, package in (("go", "golang-go"), ("cc", "gcc")):
        if shutil.which(tool) is None:
            need(tool, f"apt-get install {package}")
    subprocess.run(["make", "-s", "native-c"], cwd=REPOSITORY, check=True)
    return built(EXAMPLE, tmp_path_factory.mktemp("c"), "-std=c99")


def built(source: Path, folder: Path, standard: str) -> Path:
    """The program that *source* is, linked with the library."""
    program = folder / source.stem
    strict = [standard, "-Wall", "-Wextra", "-Werror", "-pedantic"]
    linked = [f"-I{NATIVE}/c", str(source), f"{NATIVE}/libhostseal.a", "-lpthread"]
    subprocess.run(["cc", *strict, *linked, "-o", str(program)], check=True)
    return program


@pytest.fixture
def claims(tmp_path: Path) -> dict[str, object]:
    """Those of a licence that holds here; it and its root key are in the folder."""
    now = int(time.time())
    facts = read_facts("/", {})
    own = {"key": hostkey.derive(facts).key, "name": facts.hostname, "profile": "hk1"}
    claims = material.claims(iat=now, nbf=now, exp=now + 86400)
    claims["host"] = {**own, "match": "exact", "tags": hostkey.tags(facts)}
    entry = material.signing_key(nbf=now, exp=now + 86400)
    keyset = Keyset("Example Vendor", 1, now, (entry,)).sign(material.ROOT)
    token = material.token(material.dumps(claims).encode())
    (tmp_path / "license.dat").write_bytes(material.file(token, keyset))
    (tmp_path / "root.pub.pem").write_bytes(ROOT.read_bytes())
    return claims


def said(program: Path, folder: Path, data: bytes) -> subprocess.CompletedProcess[str]:
    path = folder / "license.dat"
    path.write_bytes(data)
    command = [str(program), str(path), str(ROOT), "darwin"]
    return subprocess.run(command, capture_output=True, text=True, env={"LANG": "C"})


def installed(program: Path, folder: Path, product: str) -> subprocess.CompletedProcess[str]:
    """What it says of a place whose two folders are one."""
    folders = {"LICENSE_CONF": str(folder), "LICENSE_KEYS": str(folder), "LANG": "C"}
    return subprocess.run([program, product], capture_output=True, text=True, env=folders)


@pytest.mark.torture  # building the library takes a quarter of a minute
def test_program_in_c_tells_what_is_licensed(
    program: Path, tmp_path: Path, claims: dict[str, object]
) -> None:
    data = (tmp_path / "license.dat").read_bytes()
    for done in (said(program, tmp_path, data), installed(program, tmp_path, "darwin")):
        assert done.returncode == 0, done.stderr
        first, *rest = done.stdout.splitlines()
        assert json.loads(first) == claims
        assert rest == ["export: licensed", "gpus: 4"]
    assert installed(program, tmp_path, "other").stderr.startswith("wrong-product\n")
    (tmp_path / "root.pub.pem").unlink()
    assert installed(program, tmp_path, "darwin").returncode == 20


@pytest.mark.torture
def test_program_in_c_refuses_as_the_client_in_python_does(program: Path, tmp_path: Path) -> None:
    facts = read_facts("/", {})
    for vector in VECTORS:
        done = said(program, tmp_path, vector.body)
        now = int(time.time())
        report = check(
            vector.body, roots=ROOTS, facts=facts, now=now, settings=Settings("darwin"), memory=None
        )
        assert done.returncode == report.exit_code
        slug, *words = done.stderr.splitlines()
        assert (slug, len(words) > 0) == (report.problems[0].slug, True)


@pytest.mark.torture
@pytest.mark.usefixtures("program", "claims")
def test_environment_forks_and_wrong_arguments_get_an_answer(tmp_path: Path) -> None:
    program = built(HARD_USE, tmp_path, "-std=gnu99")
    nobodys = {"LICENSE_CONF": "/nonexistent", "LICENSE_KEYS": "/nonexistent", "LANG": "C"}
    command = [str(program), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, env=nobodys)
    assert (done.stdout, done.stderr, done.returncode) == (SAID_OF_HARD_USE, "", 0)

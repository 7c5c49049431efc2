"""What ``make release`` makes: the same bytes each time, a bill of materials, a signature."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import pins, release, sbom
from tests.support.server import PASSPHRASE, REPOSITORY, at_once


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The first of two, as somebody else in another place makes it."""
    out = tmp_path_factory.mktemp("first") / "release"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "Asia/Shanghai")
        before = os.umask(0o077)
        try:
            release.make(out)
        finally:
            os.umask(before)
    yield out


def test_two_builds_give_the_same_bytes(made: Path, tmp_path: Path) -> None:
    again = release.make(tmp_path / "again")
    names = sorted(path.name for path in again)
    assert names == sorted(
        path.name for path in made.iterdir() if path.suffix not in (".sig", ".pem")
    )
    assert [name for name in names if name.endswith((".whl", ".tar.gz"))] != []
    for path in again:
        assert path.read_bytes() == (made / path.name).read_bytes(), path.name


def test_openssl_verifies_the_signature_and_refuses_other_bytes(made: Path, tmp_path: Path) -> None:
    key = tmp_path / "release.key.pem"
    secret = {"LICENSE_SERVER_PASSPHRASE": PASSPHRASE, "PATH": os.environ["PATH"]}
    assert at_once("root", "create", str(key), env=secret).returncode == 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LICENSE_SERVER_PASSPHRASE", PASSPHRASE)
        release.sign(made, str(key))
    verify = "openssl pkeyutl -verify -pubin -inkey release.pub.pem -rawin -in SHA256SUMS "
    verify += "-sigfile SHA256SUMS.sig"

    def run(line: str) -> int:
        return subprocess.run(line.split(), cwd=made, capture_output=True).returncode

    assert run(verify) == 0
    assert run("sha256sum --check SHA256SUMS") == 0
    sums = made / release.SUMS
    whole = sums.read_bytes()
    sums.write_bytes(whole.replace(b"a", b"b", 1))
    assert run(verify) != 0
    assert run("sha256sum --check SHA256SUMS") != 0
    sums.write_bytes(whole)


def test_bills_of_materials_are_cyclonedx_and_name_what_is_pinned(made: Path) -> None:
    cyclonedx = pytest.importorskip("cyclonedx.schema", reason="`make test` installs it")
    import jsonschema_rs

    folder = Path(cyclonedx.__file__).parent / "_res"
    schema: dict[str, Any] = json.loads((folder / "bom-1.6.SNAPSHOT.schema.json").read_text())
    others = {}
    for name in ("spdx", "jsf-0.82", "cryptography-defs"):
        other = json.loads((folder / f"{name}.SNAPSHOT.schema.json").read_text())
        others[other["$id"]] = other
        others[f"http://cyclonedx.org/schema/{name}.SNAPSHOT.schema.json"] = other
    registry = jsonschema_rs.Registry(list(others.items()))
    for kind in sbom.KINDS:
        (path,) = made.glob(f"*-{kind}.cdx.json")
        bill = json.loads(path.read_text("utf-8"))
        jsonschema_rs.validate(schema, bill, registry=registry)
        named = {(one["name"], one["version"]) for one in bill["components"]}
        pinned = sbom.pins(REPOSITORY / "requirements" / f"{kind}.txt")
        assert named == {(pin.name, pin.version) for pin in pinned}
        (ours,) = (
            one for one in bill["dependencies"] if one["ref"].startswith("pkg:pypi/hostseal@")
        )
        assert any(ref.startswith("pkg:pypi/cryptography@") for ref in ours["dependsOn"])
        with pytest.raises(jsonschema_rs.ValidationError):
            jsonschema_rs.validate(schema, bill | {"specVersion": 1}, registry=registry)


@pytest.mark.parametrize("name", pins.SETS)
def test_every_package_that_builds_tests_or_runs_is_pinned_by_hash(name: str) -> None:
    assert sbom.pins(REPOSITORY / "requirements" / f"{name}.txt")


def test_update_of_pins_says_what_changed() -> None:
    before, after = {"a": "1", "b": "1", "c": "1"}, {"a": "2", "c": "1", "d": "1"}
    lines = ["a 1 → 2", "b 1 is gone", "d 1 is new"]
    assert pins.changes(before, after) == lines
    told = pins.entry("2026-11-30", {"client": lines[:1], "dev": lines})
    assert "- a 1 → 2 (client, dev)\n- b 1 is gone (dev)\n" in told
    assert pins.entry("2026-11-30", {"dev": []}) == ""

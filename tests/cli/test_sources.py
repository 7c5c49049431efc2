"""Where a licence comes from, and where what is remembered lives."""

import base64
import errno
import os
from pathlib import Path

import pytest

from license_core import Report, check_license
from license_core.paths import Source, content
from tests.support.cli import DAY, NOW, World, code
from tests.support.failing_call import failing
from tests.support.secrets import Secret


@pytest.fixture
def secret(tmp_path: Path, world: World) -> Secret:
    """A Secret that Kubernetes mounted as a folder, with the licence."""
    made = Secret(tmp_path / "secret")
    made.swap({"license.dat": world.file()})
    return made


def test_license_file_counts_and_is_named(world: World, secret: Secret) -> None:
    path = str(secret.folder / "license.dat")
    answer = world.json("verify", env=secret.env()).json()
    assert answer["ok"]
    assert answer["source"] == {"kind": "file", "path": path}
    assert world.json("show", env=secret.env()).json()["source"] == answer["source"]
    assert f"{path} (LICENSE_FILE)" in world.run("show", env=secret.env()).out
    page = "".join(world.run("doctor", env=secret.env()).out.split())
    assert f"takenfrom{path}(LICENSE_FILE)" in page


@pytest.mark.parametrize("form", ["text", "one line", "base64", "base64 in lines"])
def test_license_variable_has_the_text_or_base64_of_it(world: World, form: str) -> None:
    data = world.file()
    text = {
        "text": data.decode(),
        "one line": " ".join(data.decode().split()),
        "base64": base64.b64encode(data).decode(),
        "base64 in lines": base64.encodebytes(data).decode(),
    }[form]
    answer = world.json("verify", env={"LICENSE": text}).json()
    assert answer["ok"]
    assert answer["source"] == {"kind": "environment", "path": None}
    assert "LICENSE\n" in world.run("show", env={"LICENSE": text}).out


@pytest.mark.parametrize(
    ("value", "meant"),
    [
        (b"aGk=", b"hi"),
        (b" aG\tk=\r\n", b"hi"),
        (b"aGk", b"aGk"),
        (b"aGk=====", b"aGk====="),
        (b"a=Gk", b"a=Gk"),
        (b"====", b"===="),
        (b"accept", b"accept"),
        (b"a-_k", b"a-_k"),
        (b"aGl=", b"hi"),
        (b"++//", b"++//"),
    ],
)
@pytest.mark.python_only("functions of the client in Python")
def test_value_is_base64_where_it_can_be_nothing_else(value: bytes, meant: bytes) -> None:
    assert content(value) == meant


def test_first_source_counts_alone_and_an_empty_variable_is_none(
    world: World, secret: Secret
) -> None:
    world.put()
    text = world.file().decode()
    for env, slug in (
        ({"LICENSE_FILE": str(secret.folder / "none"), "LICENSE": text}, "license-missing"),
        ({"LICENSE": "accept"}, "license-block-missing"),
        ({"LICENSE": text.replace("END LICENSE KEYSET", "")}, "license-damaged"),
        ({"LICENSE_FILE": str(secret.folder)}, "file-unreadable"),
    ):
        done = world.json("verify", env=env)
        assert done.slugs() == [slug], env
        assert "LICENSE" in done.json()["problems"][0]["remedy"]
    empty = dict.fromkeys(("LICENSE_FILE", "LICENSE", "LICENSE_STATE"), "")
    answer = world.json("verify", env=empty).json()
    assert answer["source"] == {"kind": "conf", "path": str(world.license)}


def test_both_variables_set_is_said(world: World, secret: Secret) -> None:
    done = world.json("verify", env={**secret.env(), "LICENSE": "accept"})
    assert done.exit_code == 0
    assert "license-set-twice" in done.notices()
    assert "license-set-twice" not in world.json("verify", env=secret.env()).notices()


@pytest.mark.python_only("functions of the client in Python")
def test_code_hands_in_the_licence_whatever_the_environment_says(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LICENSE", "accept")

    def look(data: bytes | bytearray | memoryview) -> Report:
        return check_license(data, world.conf, world.keys, root=world.host, now=NOW + DAY)

    report = look(world.file())
    assert report.ok
    assert report.source == Source("code", data=world.file())
    report = look(b"")
    assert [error.slug for error in report.problems] == ["license-block-missing"]
    assert look(bytearray(world.file())).source == Source("code", data=world.file())
    assert look(memoryview(world.file())).ok


@pytest.mark.parametrize("data", [None, "a text", 5])
def test_what_is_no_bytes_is_refused_before_anything_is_checked(world: World, data: object) -> None:
    world.put()
    with pytest.raises(TypeError, match="bytes-like"):
        check_license(data, world.conf, world.keys, root=world.host)  # type: ignore[arg-type]


def test_install_writes_the_file_that_is_in_force(world: World, tmp_path: Path) -> None:
    elsewhere = tmp_path / "apart" / "bought.lic"
    elsewhere.parent.mkdir()
    env = {"LICENSE_FILE": str(elsewhere)}
    done = world.run("install", world.write(world.file()), env=env)
    assert done.exit_code == 0
    assert f"Installed as {elsewhere}." in done.out
    assert elsewhere.read_bytes() == world.file()
    assert not world.license.exists()
    assert (world.conf / "license.state").exists()


def test_install_refuses_where_no_file_would_be_in_force(world: World, secret: Secret) -> None:
    later = world.write(world.file(world.claims(jti="HS-LATER")))
    done = world.run("install", later, env={"LICENSE": world.file().decode()})
    assert done.exit_code == code("usage")
    assert f"nothing was written to {world.license}" in done.err
    before = (secret.folder / "license.dat").read_bytes()
    done = world.run("install", later, env=secret.env())
    assert done.exit_code == code("folder-not-writable")
    assert "kubectl create secret" in done.err
    assert (secret.folder / "license.dat").read_bytes() == before
    assert not world.license.exists()
    secret.swap({"license.dat": before[:400]})
    (damaged,) = world.json("verify", env=secret.env()).json()["problems"]
    assert damaged["slug"] == "license-damaged"
    assert damaged["remedy"].startswith(f"Kubernetes keeps {secret.folder}")


@pytest.mark.parametrize("way", ["behind its link", "by a link", "by a link that leads nowhere"])
def test_install_refuses_a_secret_however_it_is_named(
    world: World, secret: Secret, way: str
) -> None:
    name = "new.lic" if way.endswith("nowhere") else "license.dat"
    env = {}
    if way == "behind its link":
        env["LICENSE_FILE"] = str(secret.folder / "..data" / name)
    else:
        world.license.symlink_to(secret.folder / name)
    before = sorted(path.read_bytes() for path in secret.folder.glob("*/*"))
    later = world.write(world.file(world.claims(jti="HS-LATER")))
    (refused,) = world.json("install", later, env=env).json()["problems"]
    assert refused["slug"] == "folder-not-writable"
    assert f"Kubernetes keeps {secret.folder}, " in refused["remedy"]
    assert f"--from-file={name}=FILE" in refused["remedy"]
    assert sorted(path.read_bytes() for path in secret.folder.glob("*/*")) == before


def test_a_folder_beside_a_secret_is_none(world: World, secret: Secret) -> None:
    apart = secret.folder / "apart"
    apart.mkdir()
    env = {"LICENSE_FILE": str(apart / "license.dat")}
    assert world.run("install", world.write(world.file()), env=env).exit_code == 0


@pytest.mark.python_only("a failure put into the process of Python")
def test_a_source_that_is_mounted_read_only_is_replaced_where_it_comes_from(
    world: World, tmp_path: Path
) -> None:
    (tmp_path / "apart").mkdir()
    env = {"LICENSE_FILE": str(tmp_path / "apart" / "license.dat")}
    with failing("os.open", 1, errno.EROFS, str(tmp_path / "apart")):
        done = world.json("install", world.write(world.file()), env=env)
    (refused,) = done.json()["problems"]
    assert refused["slug"] == "folder-not-writable"
    assert "mv HOST_FOLDER/license.dat.new HOST_FOLDER/license.dat`" in refused["remedy"]


def test_state_folder_keeps_what_is_remembered_and_learned(world: World, tmp_path: Path) -> None:
    world.put()
    kept = tmp_path / "kept"
    kept.mkdir()
    env = {"LICENSE_STATE": str(kept)}
    assert "memory-missing" in world.json("verify", env=env).notices()
    assert world.json("verify", env=env).notices() == world.json("verify", env=env).notices()
    assert "memory-missing" not in world.json("verify", env=env).notices()
    assert sorted(os.listdir(kept)) == ["license.state"]
    assert sorted(os.listdir(world.conf)) == ["hostseal.toml", "license.dat"]
    done = world.run("install", world.write(armoured_keyset(world)), env=env)
    assert done.exit_code == 0
    assert sorted(os.listdir(kept)) == ["license.state", "license.trust"]
    back = world.json("verify", env=env, now=world.now - 2 * DAY)
    assert "clock-set-back" in back.slugs()


def test_none_remembers_nothing_and_verify_says_no_more_of_it(world: World) -> None:
    world.put()
    env = {"LICENSE_STATE": "none"}
    for _ in range(2):
        assert world.json("verify", env=env).notices()[0] == "memory-off"
        assert world.json("verify", env=env).notices().count("memory-missing") == 0
        assert "LICENSE_STATE" not in world.run("verify", env=env).err
    assert "LICENSE_STATE" in world.run("install", world.write(world.file()), env=env).err
    world.run("get_host_key", env=env)
    assert sorted(os.listdir(world.conf)) == ["hostseal.toml", "license.dat"]


@pytest.mark.parametrize("variable", ["LICENSE_FILE", "LICENSE_STATE"])
def test_nothing_is_taken_from_the_working_folder(world: World, variable: str) -> None:
    world.put()
    for command in ("verify", "get_host_key"):
        done = world.json(command, env={variable: "apart"})
        assert (done.slugs(), done.exit_code) == (["file-unreadable"], code("file-unreadable"))
        (one,) = done.json()["problems"]
        assert one["sentence"] == "Cannot read apart: it does not begin with a slash."
        assert one["remedy"].startswith(f"{variable} names a path from / on")


def test_memory_that_cannot_be_written_is_told_once(world: World, tmp_path: Path) -> None:
    world.put()
    done = world.json("verify", env={"LICENSE_STATE": str(tmp_path / "gone")})
    assert done.exit_code == 0
    about_memory = [slug for slug in done.notices() if slug.startswith("memory")]
    assert about_memory == ["memory-not-written"]


def armoured_keyset(world: World) -> bytes:
    """A keyset as a vendor mails it."""
    from license_core import armor

    return armor.wrap(armor.KEYSET, world.keyset()).encode()

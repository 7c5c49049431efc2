"""The wheel installed without extras: the client, and what of the server needs no server."""

import re
import sys
import tomllib
from pathlib import Path

import pytest

from license_core.publickey import PublicKey
from license_server import start
from tests.support import installed, release
from tests.support.problems import exit_code
from tests.support.server import PASSPHRASE, REPOSITORY


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return release.wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def base(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment of the base install."""
    env = installed.install(wheel, tmp_path_factory.mktemp("base"))
    return env | {"LICENSE_SERVER_PASSPHRASE": PASSPHRASE}


def test_client_runs_from_the_base_install(base: dict[str, str], tmp_path: Path) -> None:
    done = installed.run(base, "license-cli", "--help", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "get_host_key" in done.stdout


def test_root_ceremony_runs_from_the_base_install(base: dict[str, str], tmp_path: Path) -> None:
    """Two keys take the place of the first one, on machines without a server."""
    for name in "ab":
        made = installed.run(
            base, "license-server", "root", "create", f"{name}.key.pem", cwd=tmp_path
        )
        assert made.returncode == 0, made.stderr
        PublicKey.from_pem((tmp_path / f"{name}.pub.pem").read_text())
    trusted = [word for name in "ab" for word in ("--trust", f"{name}.pub.pem")]
    about = ["--vendor", "Example", "--former", "0", "--needed", "2"]
    line = ["rotate", *about, *trusted, "--key", "a.key.pem", "-o", "roots.txt", "--yes"]
    assert installed.run(base, "license-server", "root", *line, cwd=tmp_path).returncode == 0
    line = ["rotate", "roots.txt", "--key", "b.key.pem", "-o", "roots.txt", "--yes"]
    done = installed.run(base, "license-server", "root", *line, cwd=tmp_path)
    assert "the file now has 2 signatures" in done.stderr
    wrong = base | {"LICENSE_SERVER_PASSPHRASE": "another passphrase"}
    done = installed.run(wrong, "license-server", "root", *line, cwd=tmp_path)
    assert done.returncode == exit_code("passphrase-wrong")
    token = ["rotate", "roots.txt", "--key", "pkcs11:token=t;object=o?module-path=/m&pin-source=/p"]
    done = installed.run(base, "license-server", "root", *token, "-o", "-", cwd=tmp_path)
    assert "run `pip install 'hostseal[pkcs11]'`" in done.stderr


@pytest.mark.parametrize("words", [["init"], ["nonsense", "--days", "9"]])
def test_what_needs_the_server_names_the_extra(
    base: dict[str, str], tmp_path: Path, words: list[str]
) -> None:
    done = installed.run(base, "license-server", *words, cwd=tmp_path)
    assert done.returncode == exit_code("extra-missing")
    assert "This needs the extra “server”" in done.stderr
    assert f"`{sys.executable} -m pip install 'hostseal[server]'`" in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_every_package_of_the_extra_is_looked_for() -> None:
    """But for uvloop, without which a server runs, too."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))["project"]
    names = [re.split("[<>=]", one)[0] for one in project["optional-dependencies"]["server"]]
    imported = {one.removesuffix("-cffi").replace("-", "_") for one in names}
    assert {*start.PACKAGES, "uvloop"} == imported


def test_help_of_the_base_install_says_what_there_is(base: dict[str, str], tmp_path: Path) -> None:
    done = installed.run(base, "license-server", "--help", cwd=tmp_path)
    assert done.returncode == 0
    assert "pip install 'hostseal[server]'" in " ".join(done.stdout.split())
    assert "root" in done.stdout


def test_server_is_set_up_from_the_install_with_its_extra(wheel: Path, tmp_path: Path) -> None:
    env = installed.install(wheel, tmp_path / "whole", "server")
    env |= {"LICENSE_SERVER_PASSPHRASE": PASSPHRASE, "LICENSE_SERVER_DATA": "vendor"}
    done = installed.run(env, "license-server", "init", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert installed.run(env, "license-server", "fsck", cwd=tmp_path).returncode == 0
    env["LICENSE_SERVER_DATABASE"] = "postgresql://127.0.0.1:1/none"
    done = installed.run(env, "license-server", "fsck", cwd=tmp_path)
    assert "pip install 'hostseal[postgresql]'" in done.stderr
    assert "Traceback" not in done.stderr

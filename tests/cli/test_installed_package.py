"""An installed package trusts no folder by accident: the one where it is called chooses nothing."""

import os
from pathlib import Path

import pytest

from tests.support.cli import World, code
from tests.support.client_problems import installed_client

pytestmark = pytest.mark.python_only("packages, and other Pythons")

ASK = "from license_core import check_installed; print(check_installed().exit_code)"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    return tmp_path / "site"


@pytest.mark.parametrize("command", ["verify", "get_host_key", "request", "show", "doctor"])
def test_the_folders_where_it_is_called_are_not_taken(
    present: World, site: Path, command: str
) -> None:
    present.put()
    done = installed_client(site, command, cwd=present.folder)
    assert done.exit_code == code("folder-unnamed")
    assert "`license-cli --conf DIR --keys DIR`" in done.err


def test_check_installed_takes_no_folder_from_where_it_is_called(
    present: World, site: Path
) -> None:
    present.put()
    installed_client(site, "--version")
    done = installed_client(site, cwd=present.folder, script=ASK)
    assert done.out == f"{code('folder-unnamed')}\n"


@pytest.mark.parametrize("way", ["options", "environment", "half of each"])
def test_folders_that_are_named_are_taken(present: World, site: Path, way: str) -> None:
    present.put()
    conf, keys, root = (
        f"--conf={present.conf}",
        f"--keys={present.keys}",
        f"--root={present.host}",
    )
    environment = {"LICENSE_CONF": str(present.conf), "LICENSE_KEYS": str(present.keys)}
    done = {
        "options": lambda: installed_client(site, conf, keys, root, "verify"),
        "environment": lambda: installed_client(site, root, "verify", env=environment),
        "half of each": lambda: installed_client(
            site, root, "verify", conf, env={"LICENSE_KEYS": str(present.keys)}
        ),
    }[way]()
    assert done.exit_code == 0, done.err


def test_the_one_that_is_not_named_is_told(present: World, site: Path) -> None:
    done = installed_client(site, f"--conf={present.conf}", "verify", cwd=present.folder)
    assert done.err.startswith("[E]: The folder `keys` is not named.")


def test_a_product_that_installs_its_folders_with_the_package_needs_no_names(
    present: World, site: Path
) -> None:
    shared = site / "prefix" / "share" / "hostseal"
    shared.mkdir(parents=True)
    present.put()
    for folder in (present.conf, present.keys):
        os.symlink(folder, shared / folder.name)
    prefix = f"import sys; sys.prefix = {str(site / 'prefix')!r}; "
    installed_client(site, "--version")
    ask = f"print(check_installed(root={str(present.host)!r}).exit_code)"
    script = f"{prefix}from license_core import check_installed; {ask}"
    assert installed_client(site, script=script).out == "0\n"


def test_its_help_speaks_of_no_folder_beside_cmd_and_calls_it_by_its_name(site: Path) -> None:
    for arguments in (["--help"], ["verify", "--help"], ["--lang=zh", "--help"]):
        done = installed_client(site, *arguments)
        assert done.exit_code == 0
        assert "cmd" not in done.out
        assert "license-cli" in done.out.splitlines()[0]
    beside = World(site / "world").run("--help")
    assert "conf/ in the product's folder" in " ".join(beside.out.split())


def test_what_is_wrong_with_a_line_is_said_in_the_name_it_was_called_by(site: Path) -> None:
    done = installed_client(site, "verify", "--nonsense")
    assert "Run `license-cli verify --help`" in done.err

"""The client as one file, with nothing installed beside the Python that runs it."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.support import onefile
from tests.support.cases import CASES, Case, see
from tests.support.cli import NUMBER, REPOSITORY, Done, World, code
from tests.support.pythons import OTHERS, another, oldest
from tests.support.served import serving

pytestmark = pytest.mark.python_only("packages, and other Pythons")

BARE = ("-S", "-s", "-E")
"""No packages beside the standard library, and nothing of the environment."""


def run(python: str, *line: object, **more: Any) -> Done:
    """A command of a bare Python, by default without any environment."""
    done = subprocess.run(
        [python, *BARE, *map(str, line)], capture_output=True, text=True, **{"env": {}} | more
    )
    assert "Traceback" not in done.stderr, done.stderr
    return Done(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def product(present: World) -> World:
    """A product's folder, with the one file beside conf/ and keys/."""
    shutil.copy(onefile.kept(), present.folder / "hostseal.pyz")
    return present


def client(product: World, *arguments: str, python: str = "", **more: Any) -> Done:
    """A command of the one file in the product's folder."""
    archive = product.folder / "hostseal.pyz"
    return run(python or oldest(), archive, "--root", product.host, *arguments, **more)


def test_operator_gets_from_the_request_to_a_watched_product(product: World) -> None:
    asked = client(product, "get_host_key")
    assert asked.out == product.spawn("get_host_key").stdout.decode()
    assert "-----END LICENSE REQUEST-----" in client(product, "request").out
    assert client(product, "verify").exit_code == code("license-missing")
    (product.conf / "hostseal.toml").write_text('product = "\\u0064arwin"\n')
    mailed = product.write(b"\n> ".join(product.file().split(b"\n")))
    assert client(product, "install", mailed).exit_code == 0
    assert client(product, "verify").out.startswith(f"[N]: Licence {NUMBER} ")
    assert json.loads(client(product, "--json", "doctor").out)["host_key"]
    shell = ("/bin/sh", "-c", "echo started; exit 7")
    watched = client(product, "guard", "--on-end", "true", "--", *shell)
    assert (watched.exit_code, watched.out) == (7, "started\n")


@pytest.fixture(params=["oldest", "this"])
def python(request: pytest.FixtureRequest) -> str:
    """The oldest Python of this machine, and this one."""
    return oldest() if request.param == "oldest" else sys.executable


def seen_alike(python: str, cases: Sequence[Case], folder: Path) -> None:
    """Hold the table of docs/CASES.md against the one file, which has no netifaces to ask."""
    with serving(python, onefile.kept()) as world:
        for number, case in enumerate(cases):
            there = see(case, folder / f"{number}-there", world)
            assert there == see(case, folder / f"{number}-here"), case.what


def test_hosts_change_alike(tmp_path: Path) -> None:
    seen_alike(oldest(), CASES[::8], tmp_path)


@pytest.mark.torture
@pytest.mark.parametrize("version", OTHERS)
def test_every_host_of_the_table_changes_alike(version: str, tmp_path: Path) -> None:
    seen_alike(another(version), CASES, tmp_path)


@pytest.mark.parametrize("version", OTHERS)
def test_each_python_says_the_same_whether_it_was_there_when_the_file_was_made_or_not(
    product: World, version: str
) -> None:
    product.put(product.file(product.claims(exp=None)))
    done = client(product, "--lang=zh", "verify", python=another(version))
    here = product.run("--lang=zh", "verify")
    assert (done.exit_code, done.out) == (0, here.out)


def test_called_by_a_relative_path_it_speaks_chinese_too(product: World, python: str) -> None:
    line = ("hostseal.pyz", "--root", product.host, "--lang=zh", "verify")
    assert "没有许可证" in run(python, *line, cwd=product.folder).err


def test_where_big5_is_spoken_it_speaks_english(product: World, python: str) -> None:
    done = client(product, "--lang=zh", "verify", python=python, env={"LANG": "zh_TW.Big5"})
    assert done.err.startswith("[E]: There is no licence file at ")


@pytest.mark.parametrize(
    "line", [["verify", "--bogus"], ["verify", "--warn-day=9"], ["install"], ["site"]], ids=str
)
def test_its_click_is_an_older_one_and_says_the_same_in_one_line(
    product: World, line: list[str]
) -> None:
    said = client(product, "--lang=zh", *line).err.splitlines()[0]
    assert said == product.run("--lang=zh", *line).err.splitlines()[0]
    assert "\\u" not in said


def test_folders_beside_it_are_the_products_also_through_a_link(
    product: World, tmp_path: Path
) -> None:
    product.put()
    link = tmp_path / "elsewhere" / "hostseal"
    link.parent.mkdir()
    link.symlink_to(product.folder / "hostseal.pyz")
    done = run(oldest(), link, "--root", product.host, "verify", cwd=link.parent)
    assert done.exit_code == 0, done.err


def test_outside_of_a_product_it_takes_no_folder_from_where_it_is_called(
    product: World, tmp_path: Path
) -> None:
    product.put()
    apart = tmp_path / "bin" / "hostseal.pyz"
    apart.parent.mkdir()
    shutil.copy(onefile.kept(), apart)
    done = run(oldest(), apart, "verify", cwd=product.folder)
    assert done.exit_code == code("folder-unnamed")
    assert f"Move {apart} into the product's folder, beside its `keys`" in done.err
    named = [f"--conf={product.conf}", f"--keys={product.keys}", f"--root={product.host}"]
    assert run(oldest(), apart, *named, "verify").exit_code == 0
    environment = {"LICENSE_CONF": str(product.conf), "LICENSE_KEYS": str(product.keys)}
    told = subprocess.run(
        [oldest(), "-S", apart, f"--root={product.host}", "verify"], env=environment, check=True
    )
    assert told.returncode == 0


def test_conf_beside_it_without_keys_is_said_and_so_is_that_it_fetches_nothing(
    product: World,
) -> None:
    done = client(product, "install", "https://vendor.example/license.dat")
    assert (done.exit_code, "some other way" in done.err) == (code("dependency-missing"), True)
    product.keys.rename(product.folder / "away")
    refused = client(product, "verify")
    assert refused.exit_code == code("folder-unnamed")
    assert "The folder `keys` is not named." in refused.err
    assert "there is a `conf`, but no `keys`" in refused.err


def test_launcher_takes_it_in_for_what_is_missing(present: World, tmp_path: Path) -> None:
    """From beside cmd/ alone: what lies in the working folder is nobody's."""
    home = tmp_path / "product"
    for name in ("license_core", "license_cli"):
        shutil.copytree(REPOSITORY / name, home / name)
    (home / "cmd").mkdir()
    cli = Path(shutil.copy(REPOSITORY / "cmd" / "cli.py", home / "cmd"))
    shutil.copy(onefile.kept(), present.folder / "hostseal.pyz")
    refused = run(oldest(), cli, "--help", cwd=present.folder)
    assert refused.exit_code == code("dependency-missing")
    shutil.copy(onefile.kept(), home / "hostseal.pyz")
    taken = run(oldest(), cli, "--help", cwd=present.folder)
    assert taken.exit_code == 0
    assert taken.out.startswith("Usage: cli.py ")


def test_launcher_alone_beside_it_and_a_products_own_code_find_all_of_the_client(
    product: World,
) -> None:
    product.put()
    (product.folder / "cmd").mkdir()
    cli = shutil.copy(REPOSITORY / "cmd" / "cli.py", product.folder / "cmd")
    done = run(oldest(), cli, "--root", product.host, "verify")
    assert done.out.startswith(f"[N]: Licence {NUMBER} ")
    script = (
        "import sys; sys.path.insert(0, sys.argv[1]); from license_core import check_installed; "
        "print(check_installed(root=sys.argv[2]).limits['gpus'])"
    )
    asked = run(oldest(), "-c", script, product.folder / "hostseal.pyz", product.host)
    assert asked.out == "4\n", asked.err


def test_two_builds_in_two_folders_are_the_same_bytes(tmp_path: Path) -> None:
    for name in ("license_core", "license_cli", "cmd", "tests/support"):
        shutil.copytree(REPOSITORY / name, tmp_path / name)
    shutil.copy(REPOSITORY / "pyproject.toml", tmp_path)
    other = {"TZ": "Asia/Shanghai", "LC_ALL": "zh_CN.UTF-8", "PYTHONHASHSEED": "7"}
    again = tmp_path / "again.pyz"
    script = (
        "import sys; from pathlib import Path; from tests.support import onefile, pythons; "
        "assert pythons.REPOSITORY == Path.cwd(); onefile.build(Path(sys.argv[1]), sys.argv[2:])"
    )
    line = 'umask 077; exec "$@"'
    words = [sys.executable, "-c", script, str(again), *onefile.makers()]
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(tmp_path)} | other
    subprocess.run(["sh", "-c", line, "sh", *words], cwd=tmp_path, env=env, check=True)
    assert again.read_bytes() == onefile.kept().read_bytes()
    assert again.stat().st_mode == onefile.kept().stat().st_mode


def test_a_working_folder_that_was_removed_is_told(tmp_path: Path) -> None:
    (tmp_path / "gone").mkdir()
    shutil.copy(onefile.kept(), tmp_path / "hostseal.pyz")
    script = 'rmdir "$PWD" && exec "$@"'
    line = ["sh", "-c", script, "sh", oldest(), *BARE, "../hostseal.pyz", "verify"]
    done = subprocess.run(line, cwd=tmp_path / "gone", capture_output=True, text=True)
    assert done.returncode == 3
    assert "[E]: The folder in which this shell stands was removed." in done.stderr
    assert "Traceback" not in done.stderr


def test_launcher_names_a_one_file_that_is_not_whole(tmp_path: Path) -> None:
    (tmp_path / "cmd").mkdir()
    shutil.copy(REPOSITORY / "cmd" / "cli.py", tmp_path / "cmd" / "cli.py")
    (tmp_path / "hostseal.pyz").write_bytes(onefile.kept().read_bytes()[:5000])
    done = run(oldest(), tmp_path / "cmd" / "cli.py", "verify")
    assert done.exit_code == code("file-unreadable")
    assert f"code in {tmp_path / 'hostseal.pyz'}" in done.err


def test_it_holds_the_client_and_nothing_that_signs() -> None:
    held = onefile.sources()
    assert {"license_core/verify.py", "license_cli/app.py", "click/core.py"} <= held.keys()
    signs = [name for name, source in held.items() if b"MemorySigner(" in source]
    assert signs == []

"""The test kit for products: every state, a clock that moves, and no client that trusts it."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from license_core import check_installed, check_license, installed
from license_core.testkit import STATES, Kit
from tests.support.cli import REPOSITORY, World

PAGE = (REPOSITORY / "docs" / "PYTHON.md").read_text("utf-8")


@pytest.mark.parametrize("state", STATES)
def test_licence_in_each_state_is_told_as_such_and_as_nothing_else(
    tmp_path: Path, state: str
) -> None:
    kit = Kit(tmp_path / "kit")
    kit.put(state)
    report = kit.check()
    assert [one.slug for one in report.problems] == [one for one in [STATES[state].problem] if one]
    assert [one.slug for one in report.notices] == [one for one in [STATES[state].notice] if one]


def test_page_names_every_state(tmp_path: Path) -> None:
    text = PAGE.partition("`STATES` names each state")[2].partition("For `unittest`")[0]
    assert set(re.findall(r"`([a-z-]+)`", text)) >= STATES.keys()
    with pytest.raises(KeyError, match="'vaild' is none of STATES: valid, "):
        Kit(tmp_path / "kit").data("vaild")


def test_claims_are_those_of_the_licence_and_the_former_one_is_gone(tmp_path: Path) -> None:
    kit = Kit(tmp_path / "kit", "darwin")
    kit.put("revoked")
    kit.put(features=("export",), limits={"jobs": 8}, edition="pro")
    report = kit.check(product="darwin")
    assert (report.features, report.limits, report.edition) == (("export",), {"jobs": 8}, "pro")
    assert kit.check(product="studio").problems[0].slug == "wrong-product"


def test_clock_and_host_move_as_the_test_moves_them(tmp_path: Path) -> None:
    with Kit(tmp_path / "kit").in_force() as kit:
        kit.put()
        assert check_installed().ok
        assert check_license(kit.data()).ok
        kit.clock.move(days=400)
        assert check_installed().state == "expired"
        kit.clock.move(days=-400)
        assert check_installed().ok
    kit.facts = kit.facts._replace(hostname="elsewhere")
    assert [one.slug for one in kit.check(now=kit.clock.now + 1).problems] == ["wrong-host"]


def test_kit_that_is_no_longer_in_force_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LICENSE_FILE", "/nowhere")
    before = dict(os.environ), dict(vars(installed))
    with pytest.raises(RuntimeError), Kit(tmp_path / "kit").in_force() as kit:
        kit.put()
        assert check_installed().ok  # whatever the environment said
        raise RuntimeError
    assert (dict(os.environ), dict(vars(installed))) == before


def test_no_other_client_trusts_a_kit(world: World, tmp_path: Path) -> None:
    kit, other = Kit(tmp_path / "kit"), Kit(tmp_path / "other")
    for product in (world.conf, other.conf):
        (product / "license.dat").write_bytes(kit.data())
    assert world.json("verify").slugs() == ["keyset-untrusted"]
    assert [one.slug for one in other.check().problems] == ["keyset-untrusted"]


def test_kit_writes_no_private_key(tmp_path: Path) -> None:
    kit = Kit(tmp_path / "kit")
    kit.put("revoked")
    files = {path.name for path in tmp_path.rglob("*") if path.is_file()}
    assert files == {
        "root.pub.pem",
        "hostseal.toml",
        "license.dat",
        "license.revocations",
        "license.state",
    }


def test_no_client_imports_the_kit() -> None:
    kit = re.compile(r"license_core(\.| import .*)\b(testkit|testing)\b")
    found = [
        path.name
        for folder in ("license_core", "license_cli", "license_server", "cmd")
        for path in (REPOSITORY / folder).rglob("*.py")
        if kit.search(path.read_text("utf-8"))
    ]
    assert sorted(found) == ["testing.py"]  # which pytest imports


def test_page_example_runs_as_a_plugin_of_pytest(tmp_path: Path) -> None:
    blocks = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    (plugins,) = [block for block in blocks if block.startswith("pytest_plugins")]
    (example,) = [block for block in blocks if block.startswith('"""test_licence.py')]
    (tmp_path / "conftest.py").write_text(plugins)
    (tmp_path / "test_licence.py").write_text(example)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error"],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(STATES) + 2} passed" in done.stdout


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A product that trusts its own vendor."""
    return World(tmp_path / "world")

"""docs/PYTHON.md: names exactly the public attributes, and its examples run."""

import ast
import inspect
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from license_core import Change, Watcher, check_installed
from license_core.errors import FeatureNotLicensedError, LicenseError, LicenseExpiredError, Notice
from license_core.hostkey import HostKey
from license_core.license import HostBinding, License
from license_core.verify import Report
from tests.support.cli import DAY, NOW, REPOSITORY, World, code

PAGE = (REPOSITORY / "docs" / "PYTHON.md").read_text("utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def section(title: str) -> str:
    """A chapter of the page."""
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert found, title
    return found[1]


def named(text: str) -> set[str]:
    """What the first column of a table names, without arguments."""
    cells = re.findall(r"^\| (`.+?) \|", text, re.MULTILINE)
    return {name for cell in cells for name in re.findall(r"`(\w+)(?:\(.*?\))?`", cell)}


def public(kind: type) -> set[str]:
    """The attributes of a class that are not private, and not of every tuple or error."""
    return {n for n in dir(kind) if not n.startswith("_")} - set(dir(tuple)) - set(dir(Exception))


@pytest.mark.parametrize(
    ("title", "kind"),
    [("The report", Report), ("The licence", License), ("Being told of a change", Watcher)],
    ids=str,
)
def test_tables_name_exactly_the_public_attributes(title: str, kind: type) -> None:
    assert named(section(title)) == public(kind)


def test_problems_table_names_exactly_the_public_attributes() -> None:
    text = section("Problems and notices")
    error = LicenseExpiredError(ended_at=NOW, now_at=NOW)
    assert named(text) == public(LicenseError) | {"facts"}
    assert named(text) - {"exit_code"} | {"level"} == public(Notice) | {"slug", "facts"}
    assert (error.slug, error.exit_code) == ("license-expired", 40)
    assert error.ended_at == NOW


def test_documented_parameters_match_check_installed() -> None:
    parameters = inspect.signature(check_installed).parameters
    text = section("`check_installed`")
    assert named(text) == set(parameters)
    defaults = {name: one.default for name, one in parameters.items()}
    told = re.search(r"`check_installed\((.+?)\)`", text)
    assert told
    for name, default in defaults.items():
        assert f"{name}={default!r}".replace("'", '"') in told[1]


def test_every_function_of_the_examples_is_typed() -> None:
    found = [node for block in BLOCKS for node in ast.walk(ast.parse(block))]
    functions = [node for node in found if isinstance(node, ast.FunctionDef)]
    for one in functions:
        named = [*one.args.args, *([one.args.kwarg] if one.args.kwarg else [])]
        assert one.returns and all(argument.annotation for argument in named), one.name
    assert functions


@pytest.mark.parametrize(
    ("row", "kind"), [("`HostKey` or `None`", HostKey), ("`HostBinding`", HostBinding)], ids=str
)
def test_documented_host_attributes_match_the_classes(row: str, kind: type) -> None:
    (cell,) = re.findall(rf"^\| `host` \| {re.escape(row)} \| (.+) \|$", PAGE, re.MULTILINE)
    names = set(re.findall(r"`(\w+)`", cell))
    assert names == public(kind)


def where(world: World, **more: Any) -> dict[str, Any]:
    """The arguments of check_installed for a test's host."""
    return {"conf": world.conf, "keys": world.keys, "root": world.host, "now": NOW + DAY} | more


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A product in a container, whose vendor's key it trusts."""
    return World(tmp_path)


@pytest.fixture
def scheduler() -> SimpleNamespace:
    """The worked example, as a module."""
    (text,) = [block for block in BLOCKS if block.startswith('"""scheduler.py')]
    names: dict[str, Any] = {"__name__": "scheduler"}
    exec(compile(text, "scheduler.py", "exec"), names)  # it is the page's own
    return SimpleNamespace(**names)


def test_example_runs_as_many_jobs_as_the_licence_allows(
    world: World, scheduler: SimpleNamespace, capsys: pytest.CaptureFixture[str]
) -> None:
    world.put(world.file(world.claims(limits={"jobs": 8})))
    assert scheduler.main(**where(world)) == 0
    assert capsys.readouterr().out == "running 8 jobs at once\n"
    assert scheduler.export("resnet", **where(world)) == "resnet exported"


def test_example_falls_back_when_the_licence_has_no_limit(
    world: World, scheduler: SimpleNamespace
) -> None:
    world.put(world.file(world.claims(limits=None)))
    assert scheduler.allowed_jobs(**where(world)) == 2


def test_example_warns_before_expiry_and_still_runs(
    world: World, scheduler: SimpleNamespace, capsys: pytest.CaptureFixture[str]
) -> None:
    world.put(world.file(world.claims(exp=NOW + 10 * DAY)))
    assert scheduler.main(**where(world)) == 0
    assert "warning: " in capsys.readouterr().err


def test_example_exits_with_the_problems_code_and_remedy(
    world: World, scheduler: SimpleNamespace, capsys: pytest.CaptureFixture[str]
) -> None:
    world.put()
    later = where(world, now=NOW + 400 * DAY)
    assert scheduler.main(**later) == code("license-expired")
    assert "python cmd/cli.py request" in capsys.readouterr().err
    world.put(world.file(world.claims(features=())))
    with pytest.raises(FeatureNotLicensedError):
        scheduler.export("resnet", **where(world))


def test_short_examples_run(world: World) -> None:
    world.put()
    report = check_installed(product="darwin", **where(world))
    short = [block for block in BLOCKS if "import" not in block]
    assert short
    for block in short:
        exec(block, {"report": report})  # it is the page's own
    with pytest.raises(KeyError):
        report.limits["seats"]


def test_watching_example_follows_the_licence(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (text,) = [block for block in BLOCKS if "watch(licence_changed" in block]
    monkeypatch.setenv("LICENSE_CONF", str(world.conf))
    monkeypatch.setenv("LICENSE_KEYS", str(world.keys))
    sizes: list[int] = []
    pool = SimpleNamespace(resize=sizes.append, drain=lambda: sizes.append(0))
    names: dict[str, Any] = {"pool": pool}
    exec(compile(text, "watching.py", "exec"), names)  # it is the page's own
    names["watcher"].stop()
    sizes.clear()
    world.put(world.file(world.claims(limits={"jobs": 8})))
    for later in (1, 400):
        report = check_installed(**where(world, now=NOW + later * DAY))
        names["licence_changed"](Change(report, None))
    assert sizes == [8, 0]
    assert capsys.readouterr().out.endswith("licence: active\nlicence: expired\n")

"""Import rules (docs/adr/0002-layers.md), module size, and what the repository must not contain."""

import ast
import re
import subprocess
import sys
from pathlib import Path

from tests.support import house

REPOSITORY = Path(__file__).resolve().parents[1]


def test_import_contracts_hold() -> None:
    command = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([command], cwd=REPOSITORY, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_modules_are_documented_short_and_free_of_import_circles() -> None:
    assert house.faults(house.modules()) == []


def test_house_lists_every_module_with_its_first_line() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.house"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    listed = [line.split(maxsplit=1) for line in done.stdout.splitlines() if line[:2] == "  "]
    assert ["verify", house.modules()["license_core.verify"].docstring.splitlines()[0]] in listed


def test_house_reports_missing_docstrings_long_modules_and_circles() -> None:
    one = house.Module("a.one", "a", 501, "", frozenset({"a.two.Name"}))
    two = house.Module("a.two", "a", 1, "Two.", frozenset({"a.one"}))
    assert house.faults({"a.one": one, "a.two": two}) == [
        "a.one has no docstring",
        "a.one has 501 lines",
        "import circle: a.one -> a.two -> a.one",
    ]


def _files() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files"], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    return [REPOSITORY / name for name in listed.stdout.splitlines()]


def test_repository_contains_no_private_key() -> None:
    pattern = re.compile(rb"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----\s+[A-Za-z0-9+/]{20}")
    assert [path for path in _files() if path.is_file() and pattern.search(path.read_bytes())] == []


def test_no_package_shadows_cmd_alembic_or_tests() -> None:
    for name in ("cmd", "alembic", "tests"):
        assert not (REPOSITORY / name / "__init__.py").exists()


def test_pinned_requirements_contain_no_url() -> None:
    for path in (REPOSITORY / "requirements").iterdir():
        assert "://" not in path.read_text("utf-8")


def test_no_test_imports_another_test_or_a_conftest() -> None:
    for path in (REPOSITORY / "tests").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom):
                names = [node.module or "", *(alias.name for alias in node.names)]
            elif isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            else:
                continue
            parts = {part for name in names for part in name.split(".")}
            assert not {p for p in parts if p == "conftest" or p.startswith("test_")}, path


def test_no_test_patches_a_private_name() -> None:
    private = re.compile(r"(?:^|\.)_[A-Za-z]")
    for path in (REPOSITORY / "tests").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(
                ("setattr", "patch", "patch.object")
            ):
                names = [one.value for one in node.args if isinstance(one, ast.Constant)]
                assert not [n for n in names[:1] if private.search(str(n))], path

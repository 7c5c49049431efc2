"""Every text that the client may say, found in its source."""

import ast
from collections.abc import Iterator
from pathlib import Path

from license_cli import page, render, watch
from license_core import diagnosis
from license_core.problems import NOTICES, PROBLEMS
from tests.cli.test_problems import SERVER_ONLY

REPOSITORY = Path(__file__).resolve().parents[2]
_SPEAKERS = {"tr", "note"}


def all_texts() -> list[str]:
    """The texts, each once, in an order that lasts."""
    found = [*_of_tables(), *_of_page(), *_literals()]
    return list(dict.fromkeys(found))


def _of_tables() -> Iterator[str]:
    for row in PROBLEMS.values():
        if row.slug not in SERVER_ONLY:
            yield from (row.title, row.sentence, row.remedy)
    for remark in NOTICES.values():
        yield from (remark.sentence, remark.remedy)
    yield "unknown"


def _of_page() -> Iterator[str]:
    yield from page._CLOCK.values()
    yield from page._MET.values()
    yield from render._VERDICTS.values()
    yield from render._EVIDENCE.values()
    yield from watch.STATES
    yield from (diagnosis.STABLE, diagnosis.REMADE, diagnosis.MAY_CHANGE, diagnosis.MISSING)
    yield from ("(not shown)", "free", "taken")
    tree = ast.parse((REPOSITORY / "license_core" / "diagnosis.py").read_text("utf-8"))
    for node in ast.walk(tree):  # the reasons: the last text of each part
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Part":
            texts = (c.value for c in node.args[3:4] if isinstance(c, ast.Constant))
            yield from (text for text in texts if isinstance(text, str))
        if isinstance(node, ast.Tuple) and len(node.elts) == 2:
            last = node.elts[1]
            if isinstance(node.elts[0], ast.Name) and isinstance(last, ast.Constant):
                yield from [last.value] if isinstance(last.value, str) else []


def _literals() -> Iterator[str]:
    for path in sorted((REPOSITORY / "license_cli").rglob("*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and _name(node.func) in _SPEAKERS and node.args:
                first = node.args[0]
                if isinstance(first, ast.Constant):
                    yield str(first.value)
            # A text that is named before it is said: text = "…"
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
                names = [t.id for t in node.targets if isinstance(t, ast.Name)]
                if names == ["text"]:
                    yield str(node.value.value)
        if path.name == "show.py":
            yield from _keys_of_rows(tree)


def _keys_of_rows(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Dict):
            yield from (str(k.value) for k in node.keys if isinstance(k, ast.Constant))


def _name(function: ast.expr) -> str:
    return getattr(function, "id", "") or getattr(function, "attr", "")

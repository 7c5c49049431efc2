"""Every action of the audit log has a label in both languages."""

import ast
import re
from pathlib import Path

import license_server
from license_server.audit import audit_store
from license_server.audit.audit_store import EventFilter
from license_server.licenses.acts import ACTS
from license_server.web.event_labels import ACTIONS
from license_server.web.overview import MONTHS
from tests.support.catalogue import translated
from tests.support.ledger import new_ledger, walk


def recorded() -> set[str]:
    """Every action that the code records: a text with a dot that is given to what records."""
    found = {act.event for act in ACTS.values()}
    for path in Path(license_server.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = (
                node.func.attr
                if isinstance(node.func, ast.Attribute)
                else getattr(node.func, "id", "")
            )
            if name.lstrip("_") not in ("record", "event", "record_token", "NamedRows"):
                continue
            for given in node.args:
                text = given.value if isinstance(given, ast.Constant) else None
                if isinstance(text, str) and re.fullmatch(r"[a-z-]+\.[a-z-]+", text):
                    found.add(text)
    return found


def test_every_recorded_action_has_a_label_in_both_languages() -> None:
    assert recorded() == ACTIONS.keys()
    assert not {*ACTIONS.values(), *MONTHS, "others"} - translated()


def test_every_action_of_a_full_ledger_has_a_label(tmp_path: Path) -> None:
    made = new_ledger(tmp_path, None)
    walk(made)
    with made.site.database.reading() as connection:
        found = audit_store.events(connection, EventFilter(), before=None, limit=1000)
    assert len({one.action for one in found}) > 15
    assert {one.action for one in found} <= ACTIONS.keys()
    made.site.database.close()

"""docs/RUNNING.md matches the settings, metrics and limits in the code."""

import re
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from license_server.api import PREFIX
from license_server.api.sheets import IMPORT_CAPS
from license_server.db import passing, probe, sqlite, turns
from license_server.http import documents, protocols, server
from license_server.http.metrics import Metrics
from license_server.http.middleware import MAX_BODY
from license_server.settings import ServerSettings
from license_server.sheets import uploads
from license_server.web import drafts
from tests.support.desk import Desk
from tests.support.server import REPOSITORY

PAGE = (REPOSITORY / "docs" / "RUNNING.md").read_text("utf-8")
ROW = re.compile(r"^\| `(LICENSE_SERVER_\w+)` \| (.+?) \| .{10,} \|$", re.MULTILINE)


def told(default: Any) -> str:
    """A default, as the page has it."""
    if default is None or default in ((), frozenset()):
        return "none"
    if isinstance(default, tuple):
        return f"`{', '.join(str(network).removesuffix('/128') for network in default)}`"
    return f"`{default}`"


def test_running_page_lists_every_setting_and_its_default() -> None:
    page = dict(ROW.findall(PAGE))
    fields = {
        f"LICENSE_SERVER_{name.upper()}": told(field.get_default(call_default_factory=True))
        for name, field in ServerSettings.model_fields.items()
    }
    assert page == fields


def test_every_documented_variable_is_a_setting() -> None:
    known = {f"LICENSE_SERVER_{name.upper()}" for name in ServerSettings.model_fields}
    pages = [*REPOSITORY.glob("*.md"), *(REPOSITORY / "docs").rglob("*.md")]
    code = [*(REPOSITORY / "license_server").rglob("*.py"), *REPOSITORY.glob("examples/*.py")]
    for path in pages + code:
        for name in re.findall(r"\bLICENSE_SERVER_[A-Z_]*[A-Z]", path.read_text("utf-8")):
            assert name in known, (path, name)


def test_running_page_lists_every_metric(desk: Desk) -> None:
    counted = Metrics()
    counted.watch([], lambda: 0)
    counted.keys(desk.site.issuer)
    names = {
        f"{family.name}_total" if family.type == "counter" else family.name
        for family in text_string_to_metric_families(counted.text().decode())
        if not family.name.endswith("_created")
    }
    assert names == set(re.findall(r"^\| `(hostseal_\w+)` \|", PAGE, re.MULTILINE))


def test_running_page_states_the_limits() -> None:
    for limit in (
        f"| a request's body | {MAX_BODY // 1024} KiB |",
        f"headers | {protocols.LARGEST_HEAD // 1024} KiB |",
        f"a whole request | {protocols.PATIENCE} seconds |",
        f"one connection | {server.IDLE} seconds |",
        f"| the newest {drafts.MOST}, for a week |",
        f"| the newest {uploads.MOST}, for a week |",
        f"provider | {documents.LARGEST // 1024} KiB, within {documents.SECONDS} seconds |",
        f"a connection to the database | {turns.PATIENCE:g} seconds |",
        f"locked SQLite | {sqlite.PATIENCE:g} seconds to write, {sqlite.TRY:g} to read |",
        f"| the time to stop | {server.LIMIT} seconds |",
        f"the rest of a request | {protocols.LAST_WORDS} seconds |",
        f"a request that is there | {server.GRACE} seconds |",
        f"locked SQLite | {sqlite.TRY:g} seconds |",
        f"has less than {probe.LEAST_FREE // 1024 // 1024} MiB left",
        f"limit of its own, {IMPORT_CAPS[f'{PREFIX}/imports'] // 1024 // 1024} MiB",
    ):
        assert limit in PAGE, limit
    assert (passing.KEPT_SECONDS, documents.KEPT_SECONDS) == (7 * 86400, 10 * 60)

"""deploy/monitoring: rules and dashboard ask for metrics that there are, and the rules fire."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import yaml
from prometheus_client.parser import text_string_to_metric_families

from license_server.http.metrics import Metrics
from tests.support.need import need
from tests.support.server import REPOSITORY

FOLDER = REPOSITORY / "deploy" / "monitoring"
RULES, TESTS = FOLDER / "hostseal.rules.yml", FOLDER / "hostseal.rules.test.yml"
DASHBOARD = FOLDER / "hostseal.dashboard.json"
NAME = re.compile(r"\bhostseal_\w+")


def rules() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = yaml.safe_load(RULES.read_text())["groups"][0]["rules"]
    return found


def queries() -> list[str]:
    """What the panels of the dashboard ask for."""
    panels = json.loads(DASHBOARD.read_text())["panels"]
    return [one["expr"] for panel in panels for one in panel.get("targets", ())]


def metrics() -> set[str]:
    """The names of all series that /metrics can have."""
    counted = Metrics()
    counted.watch([], lambda: 0)
    names: set[str] = set()
    for family in text_string_to_metric_families(counted.text().decode()):
        endings = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum")}
        names |= {family.name + end for end in endings.get(family.type, ("",))}
    return names


def test_rules_and_dashboard_ask_for_metrics_that_exist() -> None:
    asked = {name for one in rules() for name in NAME.findall(one["expr"])}
    shown = {name for one in queries() for name in NAME.findall(one)}
    assert asked <= metrics()
    assert shown <= metrics()
    assert len(asked) > 15
    assert len(shown) > 15


def test_every_alert_says_how_grave_it_is_and_what_to_do() -> None:
    for one in rules():
        assert one["labels"]["severity"] in ("critical", "warning", "info"), one["alert"]
        assert one["annotations"].keys() == {"summary", "remedy"}, one["alert"]
    assert len({one["alert"] for one in rules()}) == len(rules())


def test_every_alert_is_in_the_rules_own_tests() -> None:
    *_, sick = yaml.safe_load(TESTS.read_text())["tests"]
    fired = str(sick["promql_expr_test"])
    assert [one["alert"] for one in rules() if f'"{one["alert"]}"' not in fired] == []


def promtool(*arguments: str | Path) -> str:
    tool = shutil.which("promtool") or need("promtool", "apt-get install prometheus")
    done = subprocess.run([tool, *arguments], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_rules_fire_and_rest_as_their_tests_say() -> None:
    promtool("check", "rules", RULES)
    assert "SUCCESS" in promtool("test", "rules", TESTS)


def test_queries_of_the_dashboard_are_promql(tmp_path: Path) -> None:
    each = [{"record": f"panel:{number}", "expr": one} for number, one in enumerate(queries())]
    (tmp_path / "panels.yml").write_text(yaml.safe_dump({"groups": [{"name": "a", "rules": each}]}))
    assert f"{len(each)} rules found" in promtool("check", "rules", tmp_path / "panels.yml")


def test_panels_have_places_of_their_own() -> None:
    panels = json.loads(DASHBOARD.read_text())["panels"]
    assert len({one["id"] for one in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for one in panels:
        at = one["gridPos"]
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert not cells & taken, one["title"]
        assert at["x"] + at["w"] <= 24
        taken |= cells

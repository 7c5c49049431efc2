"""The chart, as the real helm renders it, against Kubernetes' own schemas."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support import cache, helm
from tests.support.need import need
from tests.support.proxies import DEPLOY

pytestmark = pytest.mark.torture
CHART = DEPLOY / "helm"
URL = ("--set", "publicUrl=https://licences.example.com")
ONE = (*URL, "--set", "vendor=Your name", "--set", "admin=you@example.com")
SEVERAL = (
    *(*URL, "--set", "keysSecret=hostseal-keys", "--set", "replicas=2"),
    *("--set", "database.url=postgresql://hostseal@db/hostseal", "--set", "database.secret=db"),
)


@pytest.fixture(scope="module")
def program() -> Path:
    try:
        helm.schemas()
        return helm.helm()
    except cache.UnavailableError as error:
        need("helm", str(error))


def render(program: Path, *words: str) -> list[dict[str, Any]]:
    line = [str(program), "template", "hostseal", str(CHART), *words]
    done = subprocess.run(line, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return [one for one in yaml.safe_load_all(done.stdout) if one]


def kinds(objects: list[dict[str, Any]]) -> list[str]:
    return sorted(str(one["kind"]) for one in objects)


@pytest.mark.parametrize("version", ["1.25", "1.33", "1.37"])
@pytest.mark.parametrize("words", [ONE, SEVERAL], ids=["one", "several"])
def test_chart_is_valid_by_the_schemas(program: Path, words: tuple[str, ...], version: str) -> None:
    for one in render(program, *words, "--is-upgrade"):
        assert helm.faults(one, version) == [], one["kind"]
    wrong = {"apiVersion": "v1", "kind": "Service", "spec": {"port": []}}
    assert helm.faults(wrong, version)  # they do find something


def test_chart_of_one_pod_sets_itself_up_on_a_volume(program: Path) -> None:
    objects = render(program, *ONE)
    common = [
        "Deployment",
        "NetworkPolicy",
        "PersistentVolumeClaim",
        "PodDisruptionBudget",
        "Service",
    ]
    assert kinds(objects) == common
    (deployment,) = (one for one in objects if one["kind"] == "Deployment")
    pod = deployment["spec"]["template"]["spec"]
    (init,), (server,) = pod["initContainers"], pod["containers"]
    assert init["args"] == ["Your name", "you@example.com"]
    assert "--upgrade" in server["args"]
    for container in (init, server):
        security = container["securityContext"]
        assert security["capabilities"] == {"drop": ["ALL"]}
        assert security["readOnlyRootFilesystem"]
    assert (pod["securityContext"]["runAsUser"], pod["automountServiceAccountToken"]) == (
        10001,
        False,
    )
    asked = {name: server[name]["httpGet"]["path"] for name in server if name.endswith("Probe")}
    assert asked == {
        "startupProbe": "/healthz",
        "livenessProbe": "/healthz",
        "readinessProbe": "/readyz",
    }


def test_chart_of_several_pods_upgrades_by_a_job(program: Path) -> None:
    objects = render(program, *SEVERAL, "--is-upgrade")
    assert "Job" in kinds(objects)
    assert "PersistentVolumeClaim" not in kinds(objects)
    (deployment,) = (one for one in objects if one["kind"] == "Deployment")
    assert "--upgrade" not in deployment["spec"]["template"]["spec"]["containers"][0]["args"]


def test_chart_says_what_is_missing(program: Path) -> None:
    for words, told in (
        ((), "vendor is needed"),
        ((*ONE, "--set", "replicas=2"), "more than one replica needs"),
    ):
        line = [str(program), "template", "hostseal", str(CHART), *words]
        done = subprocess.run(line, capture_output=True, text=True)
        assert done.returncode == 1
        assert told in done.stderr

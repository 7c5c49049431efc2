"""The chart, as the real helm renders it, against Kubernetes' own schemas; the README's Secrets."""

import json
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support import cache, helm, page_commands, server
from tests.support.need import need
from tests.support.proxies import DEPLOY

CHART = DEPLOY / "helm"
INSTALL = ["helm", "install", "hostseal", "deploy/helm"]
SECRET = ["kubectl", "create", "secret", "generic"]
TYPED = [
    shlex.split(line)
    for block in page_commands.blocks("deploy/helm/README.md")
    for line in page_commands.lines(block)
]
"""What the README says, one command after the other."""
ONE, SEVERAL = (words[4:] for words in TYPED if words[:4] == INSTALL)


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


@pytest.mark.torture
@pytest.mark.parametrize("version", ["1.25", "1.33", "1.37"])
@pytest.mark.parametrize("words", [ONE, SEVERAL], ids=["one", "several"])
def test_chart_is_valid_by_the_schemas(program: Path, words: tuple[str, ...], version: str) -> None:
    for one in render(program, *words, "--is-upgrade"):
        assert helm.faults(one, version) == [], one["kind"]
    wrong = {"apiVersion": "v1", "kind": "Service", "spec": {"port": []}}
    assert helm.faults(wrong, version)  # they do find something


@pytest.mark.torture
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


@pytest.mark.torture
def test_chart_of_several_pods_upgrades_by_a_job(program: Path) -> None:
    objects = render(program, *SEVERAL, "--is-upgrade")
    assert "Job" in kinds(objects)
    assert "PersistentVolumeClaim" not in kinds(objects)
    (deployment,) = (one for one in objects if one["kind"] == "Deployment")
    assert "--upgrade" not in deployment["spec"]["template"]["spec"]["containers"][0]["args"]


@pytest.mark.torture
def test_chart_says_what_is_missing(program: Path) -> None:
    for words, told in (
        ((), "vendor is needed"),
        ((*ONE, "--set", "replicas=2"), "more than one replica needs"),
    ):
        line = [str(program), "template", "hostseal", str(CHART), *words]
        done = subprocess.run(line, capture_output=True, text=True)
        assert done.returncode == 1
        assert told in done.stderr


def test_secrets_of_the_readme_are_what_the_chart_mounts(tmp_path: Path) -> None:
    if shutil.which("kubectl") is None:
        need("kubectl", "apt-get install kubernetes-client")
    made = server.make(tmp_path / "server")
    secrets: dict[str, list[str]] = {}
    for words in (words for words in TYPED if words[:4] == SECRET):
        line = [*words, "--dry-run=client", "--output=json"]
        done = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        secret = json.loads(done.stdout)
        secrets[secret["metadata"]["name"]] = sorted(secret["data"])
    values = yaml.safe_load((CHART / "values.yaml").read_text("utf-8"))
    assert secrets[values["secret"]] == ["passphrase"]
    (keys,) = (one.removeprefix("keysSecret=") for one in SEVERAL if "keysSecret" in one)
    of_server = {path.name for path in (made.data, made.data / "keys") for path in path.iterdir()}
    assert {f"{made.root_key.name}", f"{made.database_file.name}"} <= of_server
    assert set(secrets[keys]) == {name for name in of_server if name.endswith(".pem")} - {
        made.root_key.name
    }


def test_values_that_the_readme_sets_are_the_charts() -> None:
    values = yaml.safe_load((CHART / "values.yaml").read_text("utf-8"))
    for words in (ONE, SEVERAL):
        assert set(words[::2]) == {"--set"}
        for path in (word.partition("=")[0].split(".") for word in words[1::2]):
            there: Any = values
            for name in path:
                assert name in there, path
                there = there[name]

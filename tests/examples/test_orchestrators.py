"""examples/kubernetes and examples/compose: well-formed, and what they run does what they say."""

import contextlib
import io
import ipaddress
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from license_cli import app
from license_cli.watch import STATES, Outcome, exposition
from license_core import hostkey
from license_core.errors import LicenseError
from tests.support.cli import DAY, NOW, REPOSITORY, World
from tests.support.secrets import Secret

FOLDER = REPOSITORY / "examples"
KUBERNETES, COMPOSE = FOLDER / "kubernetes", FOLDER / "compose"
SECONDS = 60
HOLDS = ("active", "notify", "grace")
CONTAINER = {
    "name": str,
    "image": str,
    "workingDir": str,
    "command": [str],
    "env": [
        {
            "name": str,
            "value": str,
            "valueFrom": {"configMapKeyRef": {"name": str, "key": str}},
        }
    ],
    "volumeMounts": [{"name": str, "mountPath": str, "readOnly": bool}],
    "readinessProbe": {
        "exec": {"command": [str]},
        "periodSeconds": int,
        "timeoutSeconds": int,
        "failureThreshold": int,
    },
    "resources": {"requests": {"cpu": str, "memory": str}},
    "securityContext": {
        "readOnlyRootFilesystem": bool,
        "allowPrivilegeEscalation": bool,
        "capabilities": {"drop": [str]},
    },
}
POD = {
    "automountServiceAccountToken": bool,
    "securityContext": {
        "runAsNonRoot": bool,
        "runAsUser": int,
        "runAsGroup": int,
        "fsGroup": int,
        "seccompProfile": {"type": str},
    },
    "volumes": [
        {"name": str, "secret": {"secretName": str, "optional": bool}, "emptyDir": {}},
    ],
    "initContainers": [CONTAINER],
    "containers": [CONTAINER],
}
DEPLOYMENT = {
    "apiVersion": str,
    "kind": str,
    "metadata": {"name": str, "labels": {"app": str}},
    "spec": {
        "replicas": int,
        "selector": {"matchLabels": {"app": str}},
        "template": {"metadata": {"labels": {"app": str}}, "spec": POD},
    },
}
"""The part of Kubernetes' API (apps/v1) that the example uses: a name that is wrong is in none."""


def misfits(value: Any, shape: Any, at: str = "") -> Iterator[str]:
    """Where *value* has another type or name than *shape*."""
    if isinstance(shape, dict):
        if not isinstance(value, dict):
            yield f"{at} is no mapping"
            return
        for name, inner in value.items():
            if name not in shape:
                yield f"{at}.{name} is unknown"
            else:
                yield from misfits(inner, shape[name], f"{at}.{name}")
    elif isinstance(shape, list):
        for number, inner in enumerate(value):
            yield from misfits(inner, shape[0], f"{at}[{number}]")
    elif type(value) is not shape:
        yield f"{at} is no {shape.__name__}"


@pytest.fixture(scope="module")
def deployment() -> Any:
    return yaml.safe_load((KUBERNETES / "deployment.yaml").read_text("utf-8"))


@pytest.fixture(scope="module")
def pod(deployment: Any) -> Any:
    return deployment["spec"]["template"]["spec"]


def container(pod: Any, name: str) -> Any:
    (found,) = [one for one in pod["initContainers"] + pod["containers"] if one["name"] == name]
    return found


def test_deployment_has_the_fields_and_types_of_the_api(deployment: Any, pod: Any) -> None:
    assert list(misfits(deployment, DEPLOYMENT)) == []
    assert (deployment["apiVersion"], deployment["kind"]) == ("apps/v1", "Deployment")
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert deployment["spec"]["selector"]["matchLabels"] == labels
    for one in pod["initContainers"] + pod["containers"]:
        assert {mount["name"] for mount in one["volumeMounts"]} <= {
            v["name"] for v in pod["volumes"]
        }
        assert one["securityContext"]["readOnlyRootFilesystem"]


def patched(document: Any, steps: Any) -> Any:
    """*document* after the *steps* of a JSON patch (RFC 6902)."""
    document = json.loads(json.dumps(document))
    for step in steps:
        *way, last = step["path"].split("/")[1:]
        at = document
        for name in way:
            at = at[int(name)] if isinstance(at, list) else at[name]
        key = last if isinstance(at, dict) else len(at) if last == "-" else int(last)
        if step["op"] == "test":
            assert at[key] == step["value"], step["path"]
        elif step["op"] == "add" and isinstance(at, list):
            at.insert(key, step["value"])
        else:
            at[key] = step["value"]
    return document


def test_the_patch_gives_every_container_the_uid_that_the_first_one_wrote(deployment: Any) -> None:
    steps = yaml.safe_load((KUBERNETES / "cluster-uid-patch.yaml").read_text("utf-8"))
    pod = patched(deployment, steps)["spec"]["template"]["spec"]
    asks, *others = pod["initContainers"] + pod["containers"]
    assert [one["name"] for one in (asks, *others)] == ["cluster-uid", "licence", "darwin", "guard"]
    volumes = {volume["name"] for volume in pod["volumes"]}
    folder = {mount["name"]: mount["mountPath"] for mount in asks["volumeMounts"]}["cluster"]
    assert f">{folder}/uid" in asks["command"][-1]
    for one in (asks, *others):
        assert {mount["name"] for mount in one["volumeMounts"]} <= volumes
    for one in others:
        uid = {"name": "LICENSE_CLUSTER_UID", "value": f"{folder}/uid"}
        assert uid in one["env"]
        assert sum(entry["name"] == uid["name"] for entry in one["env"]) == 1
        mounted = {"name": "cluster", "mountPath": folder, "readOnly": True}
        assert mounted in one["volumeMounts"]
    made = yaml.safe_load_all((KUBERNETES / "cluster-uid.yaml").read_text("utf-8"))
    names = {one["kind"]: one["metadata"]["name"] for one in made}
    assert set(names) == {"ServiceAccount", "Role", "RoleBinding"}
    assert names["ServiceAccount"] == pod["serviceAccountName"]


def test_everything_that_the_pods_need_is_created_by_the_readme(pod: Any) -> None:
    readme = (KUBERNETES / "README.md").read_text("utf-8")
    wanted = [volume["secret"]["secretName"] for volume in pod["volumes"] if "secret" in volume]
    assert wanted
    for name in wanted:
        assert f"create secret generic {name} --from-file=license.dat" in readme
    environment = {one["name"]: one for one in pod["containers"][0]["env"]}
    named = environment["LICENSE_CLUSTER_UID"]["valueFrom"]["configMapKeyRef"]
    assert f"create configmap {named['name']} " in readme
    assert f"--from-literal={named['key']}=" in readme
    places = {mount["mountPath"]: mount for mount in pod["containers"][0]["volumeMounts"]}
    secret, name = os.path.split(environment["LICENSE_FILE"]["value"])
    assert name == "license.dat"
    assert places[secret]["readOnly"]
    assert not places[environment["LICENSE_STATE"]["value"]].get("readOnly")


def test_every_variable_of_the_examples_is_in_the_specification(pod: Any) -> None:
    (service,) = compose()["services"].values()
    named = {one["name"] for one in pod["containers"][0]["env"]} | {*service["environment"]}
    spec = (REPOSITORY / "docs" / "SPEC.md").read_text("utf-8")
    assert [name for name in sorted(named) if f"`{name}`" not in spec] == []


def outcomes(world: World) -> dict[str, Outcome]:
    """One of each of STATES."""
    end = world.now + 40 * DAY
    license_ = world.claims(exp=end, notify_from=end - DAY, grace_until=end + DAY)
    instants = {
        "active": world.now,
        "notify": end - 1,
        "grace": end,
        "pending": world.now - 1,
        "expired": end + DAY,
    }
    made = {
        state: Outcome(0 if license_.state(at) in HOLDS else 40, (), license_, at)
        for state, at in instants.items()
    }
    return {**made, "refused": Outcome(30, (), license_, world.now), "unchecked": Outcome(70)}


def test_pod_is_ready_while_its_licence_holds_and_somebody_looks(
    pod: Any, world: World, tmp_path: Path
) -> None:
    metrics = tmp_path / "license.prom"
    assert not is_ready(pod, tmp_path)
    made = outcomes(world)
    assert {*made} == {*STATES}
    for state, outcome in made.items():
        assert outcome.state == state
        metrics.write_bytes(exposition(outcome))
        assert is_ready(pod, tmp_path) is (state in HOLDS)
    metrics.write_bytes(exposition(made["active"]))
    long_ago = metrics.stat().st_mtime - 600
    os.utime(metrics, (long_ago, long_ago))
    assert not is_ready(pod, tmp_path)


def is_ready(pod: Any, folder: Path) -> bool:
    """What the probe says of the metrics in *folder*."""
    *shell, script = container(pod, "guard")["readinessProbe"]["exec"]["command"]
    probe = [*shell, script.replace("/run/licence", str(folder))]
    return subprocess.run(probe, capture_output=True, check=False).returncode == 0


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A vendor, and this machine for a pod."""
    made = World(tmp_path / "world", now=int(time.time()))
    made.host = Path("/")
    try:
        hostkey.derive(made.facts())
    except LicenseError as error:
        pytest.skip(f"this machine has no host key: {error}")
    return made


@pytest.fixture
def start(
    pod: Any, world: World, tmp_path: Path
) -> Iterator[Callable[[str], subprocess.Popen[str]]]:
    """Starts a container of the pod as a process here, in haste."""
    begun: list[subprocess.Popen[str]] = []
    (tmp_path / "bin").mkdir()
    python = tmp_path / "bin" / "python"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')  # a link would lose its packages
    python.chmod(0o755)
    environment = {
        "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}",
        "LICENSE_CONF": str(world.conf),
        "LICENSE_KEYS": str(world.keys),
        "LICENSE_FILE": str(tmp_path / "secret" / "license.dat"),
        "LICENSE_STATE": str(tmp_path),
    }
    here = {"/run/licence": str(tmp_path), "sleep 15": "sleep 0.1", "sleep 5": "sleep 0.1"}
    here |= {"--interval 60": "--interval 1", "hk1-cluster": "hk1"}

    def run(name: str) -> subprocess.Popen[str]:
        *shell, script = container(pod, name)["command"]
        for there, instead in here.items():
            script = script.replace(there, instead)
        process = subprocess.Popen(
            [*shell, script],
            cwd=REPOSITORY,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        begun.append(process)
        return process

    yield run
    for process in begun:
        process.terminate()
        process.communicate(timeout=SECONDS)


def until_said(process: "subprocess.Popen[str]", words: str) -> None:
    """Reads what the process says up to the line with *words*."""
    assert process.stdout is not None
    for line in process.stdout:
        if words in line:
            return
    raise AssertionError(f"it ended without {words!r}")


def test_pod_waits_for_its_licence_and_follows_the_secret(
    pod: Any,
    world: World,
    start: Callable[[str], "subprocess.Popen[str]"],
    tmp_path: Path,
) -> None:
    secret = Secret(tmp_path / "secret")
    waiting = start("licence")
    until_said(waiting, "BEGIN LICENSE REQUEST")
    secret.swap({"license.dat": world.file()})
    waiting.communicate(timeout=SECONDS)
    assert waiting.returncode == 0
    guard = start("guard")
    until_said(guard, "Licence state: active")
    assert is_ready(pod, tmp_path)
    over = world.claims(jti="HS-OVER", iat=world.now - 9, nbf=world.now - 9, exp=world.now - 1)
    secret.swap({"license.dat": world.file(over)})
    until_said(guard, "Licence state: expired")
    assert not is_ready(pod, tmp_path)
    secret.swap({"license.dat": world.file(world.claims(jti="HS-RENEWED"))})
    until_said(guard, "Licence state: active")
    assert is_ready(pod, tmp_path)
    guard.terminate()
    guard.communicate(timeout=SECONDS)
    assert guard.returncode == 0


@pytest.mark.parametrize("code", [2, 127])
def test_pod_does_not_wait_where_the_client_cannot_run(
    start: Callable[[str], "subprocess.Popen[str]"], tmp_path: Path, code: int
) -> None:
    (tmp_path / "bin" / "python").write_text(f"#!/bin/sh\nexit {code}\n")
    failing = start("licence")
    failing.communicate(timeout=SECONDS)
    assert failing.returncode == code


def compose() -> Any:
    return yaml.safe_load((COMPOSE / "compose.yaml").read_text("utf-8"))


def test_compose_pins_the_address_and_mounts_the_folder_of_the_licence() -> None:
    assert len((COMPOSE / "compose.yaml").read_text("utf-8").splitlines()) < 40
    (service,) = compose()["services"].values()
    environment = service["environment"]
    ((network, joined),) = service["networks"].items()
    address = joined["ipv4_address"]
    assert environment["LICENSE_PINNED_IP"] == address
    (pool,) = compose()["networks"][network]["ipam"]["config"]
    assert ipaddress.ip_address(address) in ipaddress.ip_network(pool["subnet"])
    assert address != pool["gateway"]
    mounts = {one.split(":")[1]: one.split(":") for one in service["volumes"]}
    folder = os.path.dirname(environment["LICENSE_FILE"])
    assert mounts[folder][::2] == ["./licence", "ro"]
    assert mounts["/etc/machine-id"][::2] == ["/etc/machine-id", "ro"]
    assert mounts[environment["LICENSE_STATE"]][0] in compose()["volumes"]
    assert service["read_only"]
    assert service["hostname"]


@pytest.mark.parametrize("page", [KUBERNETES, COMPOSE], ids=lambda path: path.name)
def test_commands_of_the_client_in_the_examples_are_understood(page: Path) -> None:
    (service,) = compose()["services"].values()
    texts = [path.read_text("utf-8") for path in sorted(page.iterdir())]
    lines = [" ".join(service["command"]), *texts]
    called = [
        line for text in lines for line in re.findall(r"python cmd/cli\.py ([^|&;>`\n]*)", text)
    ]
    assert called
    for line in called:
        words = [word for word in line.split(" -- ")[0].split() if word != "darwin"]
        with contextlib.redirect_stdout(io.StringIO()) as told:
            assert app.main([*words, "--help"], NOW, str(REPOSITORY)) == 0, line
        assert "Usage" in told.getvalue()

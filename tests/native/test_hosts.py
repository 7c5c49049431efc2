"""The client in Go reads a host as this one does: facts, keys, tags, and what it says of them."""

import random
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from license_core import hostkey
from license_core.hostkey import VERSION_2
from tests.support import hosts, native_hosts, odd_hosts, other_engines
from tests.support.cases import CASES, bound
from tests.support.native_hosts import Host, Question, ours
from tests.support.other_engines import BOUND, IN_MEMORY, MACHINES, UNKNOWN
from tests.support.random_hosts import random_host, spoilt
from tests.vectors.members import FIRST, SECOND, SITE
from tests.vectors.members import MACHINES as MACHINES_OF_SITE

HOSTS, HOSTS_TORTURE = 60, 20_000
ODD_ONES, ODD_TORTURE = 500, 50_000
INSTANTS = [VERSION_2, VERSION_2 - 1, VERSION_2 + 1, 0, -1, 253402300799, 253402300800]
TEXTS = ["", "ACME", '\u6df1\u84dd "AG"\n\t\x01\x7f', "x" * 200, "\U0001f600" * 201]
ODD = r"[\0-,/:-`{-\x7f]"
UID = "0b6ff6b7-2a4d-4c0e-9d3f-6a1c1f2e3d4c"
ENVIRONMENTS: list[dict[str, str]] = [
    {},
    {"LICENSE_PINNED_IP": "172.17.0.2"},
    {"LICENSE_PINNED_IP": " \uff11\uff17\uff12\u3002\uff11\uff17.0.9 "},
    {"LICENSE_PINNED_IP": "[2001:DB8::2]"},
    {"LICENSE_PINNED_IP": "gpu1"},
    {"KUBERNETES_SERVICE_HOST": "10.0.0.1"},
    {"container": "podman"},
    {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "LICENSE_CLUSTER_UID": UID},
    {"LICENSE_CLUSTER_UID": "none", "LICENSE_SITE": "site"},
]


@pytest.fixture(scope="module")
def go(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    with native_hosts.answering(native_hosts.build(tmp_path_factory.mktemp("go"))) as host:
        yield host


def same(go: Host, of: Question) -> None:
    found, expected = go.answer(of), ours(of)
    if "checked" not in found and re.search(ODD, found.get("facts", {}).get("Hostname", "")):
        expected.pop("checked", None)  # it says no check code of such a name
    assert found == expected, of


def test_every_case_has_the_same_facts_keys_and_words(go: Host, tmp_path: Path) -> None:
    for number, case in enumerate(CASES):
        root = tmp_path / str(number)
        for make in (case.before, case.after):
            make(root)
            for profile in hostkey.PROFILES:
                same(go, Question(str(root), case.env, profile))


def test_every_engine_has_the_same_facts_keys_and_words(go: Host, tmp_path: Path) -> None:
    for number, record in enumerate((*UNKNOWN.values(), *MACHINES.values(), *OTHERS)):
        root = tmp_path / str(number)
        for more in ("", BOUND, IN_MEMORY):
            other_engines.write(root, record(1), more)
            profile, iat = ("hk1-host", VERSION_2) if more == BOUND else ("hk1", VERSION_2 - 1)
            same(go, Question(str(root), {}, profile, iat))


SITES = {
    "of two machines": f"hostseal-site 1\n{SITE}\n{FIRST} studio-1\r\n\n {SECOND}\n",
    "of others": f"hostseal-site 1\n{SITE}\n{SECOND}\n",
    "with one twice": f"hostseal-site 1\n{SITE}\n{FIRST}\n{FIRST}\n",
    "of nobody": f"hostseal-site 1\n{SITE}\n",
    "with another tag": f"hostseal-site 1\n{SITE}\n{FIRST[1:]}\n",
    "with another identity": f"hostseal-site 1\n{SITE} 1\n{FIRST}\n",
    "of another version": f"hostseal-site 2\n{SITE}\n{FIRST}\n",
    "that is empty": "",
}
UIDS = [UID, UID.upper(), f"'{UID}'\n", UID[1:], UID.replace("b", "g"), "0" * 8 + UID[8:], "x" * 99]


def test_clusters_and_sites_are_read_alike(go: Host, tmp_path: Path) -> None:
    bound(machine_id=MACHINES_OF_SITE[0])(tmp_path)
    pod = {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}
    for text in (*UIDS, "/uid", "/none"):
        hosts.write(tmp_path, {"/uid": f"{UID}\n"})
        for env in ({}, pod):
            same(go, Question(str(tmp_path), {**env, "LICENSE_CLUSTER_UID": text}, "hk1-cluster"))
        same(go, Question(str(tmp_path), {**pod, "LICENSE_CLUSTER_UID": text}))
    for text in SITES.values():
        hosts.write(tmp_path, {"/site/license.site": text})
        for folder in ("/site", "/site/", "site", "/none"):
            for profile in ("hk1", "hk1-site"):
                same(go, Question(str(tmp_path), {"LICENSE_SITE": folder}, profile))


OTHERS = (
    other_engines.docker_on_an_own_disk,
    other_engines.pod,
    other_engines.pod_of_crio,
    other_engines.podman_with_a_tmpfs_on_run,
)


@pytest.mark.parametrize("count", [HOSTS, pytest.param(HOSTS_TORTURE, marks=pytest.mark.torture)])
def test_hosts_at_random_are_read_alike_also_spoilt(count: int, go: Host, tmp_path: Path) -> None:
    chance, root = random.Random(count), tmp_path / "host"
    for number in range(count):
        if number % 2:
            spoilt(root, chance)
        else:
            random_host(chance).write(root)
        env = chance.choice(ENVIRONMENTS)
        profile = chance.choice(list(hostkey.PROFILES))
        iat = chance.choice(INSTANTS)
        customer, replaces = chance.choice(TEXTS), chance.choice(TEXTS)
        same(go, Question(str(root), env, profile, iat, customer, replaces))


@pytest.mark.parametrize("count", [ODD_ONES, pytest.param(ODD_TORTURE, marks=pytest.mark.torture)])
def test_hosts_that_no_engine_makes_are_read_alike(count: int, go: Host, tmp_path: Path) -> None:
    chance = random.Random(count)
    for number in range(count):
        odd_hosts.write(tmp_path, chance, 0.12 if number % 20 else 1.0)
        env = odd_hosts.environment(chance)
        for profile in chance.sample(list(hostkey.PROFILES), 2):
            same(go, Question(str(tmp_path), env, profile, chance.choice(INSTANTS)))


def test_this_machine_is_read_alike(go: Host) -> None:
    same(go, Question("/", {}))

"""Vectors of pods of a cluster, and of containers on the machines of a site (SPEC section 3.9)."""

from collections.abc import Iterator
from typing import Any

from license_core import hostkey
from license_core.sitefile import machine_tag
from tests.vectors.material import HOST, Case, file, host_claim, license_case, payload, token
from tests.vectors.ours import facts

POD = {**HOST, "engine": "kubernetes", "cluster_uid": "0b6ff6b7-2a4d-4c0e-9d3f-6a1c1f2e3d4c"}
OTHER_POD = {**POD, "cluster_uid": "0b6ff6b7-2a4d-4c0e-9d3f-6a1c1f2e3d4d"}
SITE = "c0ffee0123456789" * 4
MACHINES = ("5e1f0c7a9b3d4e2f8a6b1c0d9e8f7a6b", "1d" * 16, "2e" * 16)
FIRST, SECOND = (machine_tag(SITE, one) for one in MACHINES[:2])
ON_SITE = {
    **HOST,
    "machine_id_bound": True,
    "site": SITE,
    "roster": f"{FIRST},{SECOND}",
}
"""A container on the first of the two machines of a site."""
REMADE = {"hostname": "train-7c9-x2x", "ip": "10.1.2.3", "container_id": "ab" * 32}


def belonging() -> Iterator[tuple[str, dict[str, Any], str, str]]:
    """Name, host, profile and refusal of each case of a host."""
    cluster, site = "hk1-cluster", "hk1-site"
    unknown, not_bound = "host-cluster-unknown", "host-machine-id-not-bound"
    yield "cluster", POD, cluster, ""
    yield "cluster-other-pod", {**POD, **REMADE, "machine_id": None}, cluster, ""
    yield "cluster-other", OTHER_POD, cluster, ""
    yield "cluster-no-pod", {**POD, "engine": "docker"}, cluster, unknown
    yield "cluster-no-uid", {**POD, "cluster_uid": None}, cluster, unknown
    yield "cluster-under-hk1", POD, "hk1", ""
    yield "site", ON_SITE, site, ""
    yield "site-other-container", {**ON_SITE, **REMADE}, site, ""
    yield "site-other-machine", {**ON_SITE, "machine_id": MACHINES[1]}, site, ""
    bare = {**ON_SITE, "engine": None, "container_id": None, "machine_id_bound": False}
    yield "site-bare-machine", bare, site, ""
    yield "site-of-one", {**ON_SITE, "roster": FIRST}, site, ""
    yield "site-in-another-order", {**ON_SITE, "roster": f"{SECOND},{FIRST}"}, site, ""
    yield "site-copied-folder", {**ON_SITE, "machine_id": MACHINES[2]}, site, "host-not-in-site"
    yield "site-image-id", {**ON_SITE, "machine_id_bound": False}, site, not_bound
    yield "site-system-image", {**bare, "machine_id_of_image": True}, site, not_bound
    yield "site-missing", {**ON_SITE, "site": None}, site, "host-site-unknown"


def licensed() -> Iterator[Case]:
    """Licences for a cluster and for a site."""
    yield from _of_clusters()
    yield from _of_sites()


def _for(host: dict[str, Any], profile: str, **more: Any) -> bytes:
    known = facts(host)
    key, told = hostkey.derive(known, profile).key, hostkey.tags(known, profile)
    claim = host_claim(**{"key": key, "profile": profile, "tags": told, **more})
    return file(token(payload(host=claim, must_understand=[profile])))


def _of_clusters() -> Iterator[Case]:
    made = _for(POD, "hk1-cluster")
    bare = _for(POD, "hk1-cluster", tags=None)
    differs: dict[str, Any] = {"details": "cluster-uid-differs", "spec": "3.9"}
    yield license_case("cluster", made, host=POD, spec="3.9")
    yield license_case("cluster-pod-remade", made, host={**POD, **REMADE}, spec="3.9")
    pinned = {**POD, "pinned_ip": "172.17.0.9"}
    yield license_case("cluster-pinned-address", made, host=pinned, spec="3.9")
    yield license_case("cluster-other", made, "refused wrong-host", host=OTHER_POD, **differs)
    yield license_case("cluster-other-line", bare, "refused wrong-host", host=OTHER_POD, **differs)
    anchored = _for(POD, "hk1-cluster", match="anchored")
    yield license_case(
        "cluster-other-anchored", anchored, "refused wrong-host", host=OTHER_POD, **differs
    )
    yield license_case("cluster-no-pod", made, "refused host-cluster-unknown", spec="3.9")
    of_others = _for(POD, "hk1-cluster", tags={"hostname": "0123456789abcdef"})
    yield license_case(
        "cluster-tag-of-hk1", of_others, "refused license-claims-invalid", host=POD, spec="3.9"
    )
    told = host_claim(tags={"cluster_uid": "0123456789abcdef"})
    of_cluster = file(token(payload(host=told)))
    yield license_case("tag-of-a-cluster", of_cluster, "refused license-claims-invalid", spec="3.9")
    not_asked = file(token(payload(host=_claim(POD, "hk1-cluster"))))
    yield license_case("cluster-not-asked-for", not_asked, host=POD, spec="5.2")
    asked = file(token(payload(must_understand=["hk1-cluster", "hk1-site"])))
    yield license_case("profiles-asked-for", asked, spec="5.2")


def _claim(host: dict[str, Any], profile: str) -> dict[str, Any]:
    known = facts(host)
    return host_claim(key=hostkey.derive(known, profile).key, profile=profile, tags=None)


def _of_sites() -> Iterator[Case]:
    made, bare = _for(ON_SITE, "hk1-site"), _for(ON_SITE, "hk1-site", tags=None)
    grown = f"{FIRST},{SECOND},{machine_tag(SITE, MACHINES[2])}"
    second = {**ON_SITE, "machine_id": MACHINES[1], "roster": grown}
    third = {**ON_SITE, "machine_id": MACHINES[2], "roster": grown}

    def refused(name: str, host: dict[str, Any], details: str, data: bytes = made) -> Case:
        return license_case(
            f"site-{name}", data, "refused wrong-host", host=host, details=details, spec="3.9"
        )

    yield license_case("site", made, host=ON_SITE, spec="3.9")
    other_container = {**ON_SITE, **REMADE, "machine_id": MACHINES[1]}
    yield license_case("site-other-machine-and-container", made, host=other_container, spec="3.9")
    yield license_case("site-grown", made, host=second, notices="site-has-grown", spec="3.9")
    yield license_case("site-grown-line", bare, host=second, notices="site-has-grown", spec="3.9")
    yield refused("added-later", third, "machine-added-later")
    yield refused("added-later-line", third, "machine-added-later", bare)
    yield refused("fewer", {**ON_SITE, "roster": FIRST}, "roster-differs")
    turned = {**ON_SITE, "roster": f"{SECOND},{FIRST}"}
    yield refused("in-another-order", turned, "roster-differs")
    yield refused("in-another-order-line", turned, "change-unknown", bare)
    anchored = _for(ON_SITE, "hk1-site", match="anchored")
    yield refused("in-another-order-anchored", turned, "roster-differs", anchored)
    elsewhere = "dead" * 16
    roster = ",".join(machine_tag(elsewhere, one) for one in MACHINES[:2])
    yield refused("other", {**ON_SITE, "site": elsewhere, "roster": roster}, "site-differs")
    copied = {**ON_SITE, "machine_id": MACHINES[2]}
    yield license_case(
        "site-copied-folder", made, "refused host-not-in-site", host=copied, spec="3.9"
    )
    yield license_case("site-without-one", made, "refused host-site-unknown", spec="3.9")

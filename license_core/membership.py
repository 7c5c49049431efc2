"""Whether a host is what a profile other than hk1 is for (SPEC sections 3.3 and 3.9).

Pure. A key is of many hosts there, so it must be seen that this is one of them: it has its
machine's own id, is a pod of the cluster, or its machine is on the roster of the site.
"""

from __future__ import annotations

from license_core import sitefile
from license_core.facts import HostFacts
from license_core.membership_errors import (
    HostClusterUnknownError,
    HostNotInSiteError,
    HostSiteUnknownError,
    MachineIdNotBoundError,
)
from license_core.reason import Reason


def check(facts: HostFacts, profile: str) -> None:
    """Raises where the host has no key under *profile*.

    MachineIdNotBoundError where only the machine id of an image is found, and
    HostClusterUnknownError, HostSiteUnknownError or HostNotInSiteError.
    """
    if profile == "hk1-cluster":
        _check_cluster(facts)
    elif profile == "hk1-site":
        _check_site(facts)
    else:
        check_machine_id(facts, profile)


def check_machine_id(facts: HostFacts, profile: str) -> None:
    """Raises MachineIdNotBoundError where the host has no machine id, or that of an image."""
    if facts.machine_id is None or (facts.engine is not None and not facts.machine_id_bound):
        found = "none" if facts.machine_id is None else "only the one from the container's image"
        raise MachineIdNotBoundError(profile=profile, root=facts.root, found=found)


def _check_cluster(facts: HostFacts) -> None:
    if facts.engine != "kubernetes":
        raise HostClusterUnknownError(why=Reason("this is not a pod of Kubernetes"))
    if facts.cluster_uid is None:
        raise HostClusterUnknownError(why=no_cluster(facts))


def _check_site(facts: HostFacts) -> None:
    if facts.site is None:
        raise HostSiteUnknownError(why=no_site(facts))
    own_machine_id(facts)
    if place(facts) is None:
        count = len(_tags(facts))
        raise HostNotInSiteError(path=facts.site_file or sitefile.FILE, count=count)


def no_cluster(facts: HostFacts) -> str:
    """Why nothing is known of a cluster."""
    return facts.cluster_why or Reason("LICENSE_CLUSTER_UID is not set")


def no_site(facts: HostFacts) -> str:
    """Why nothing is known of a site."""
    return facts.site_why or Reason("LICENSE_SITE is not set")


def own_machine_id(facts: HostFacts) -> str:
    """The machine id by which a machine is on a roster. Raises MachineIdNotBoundError."""
    check_machine_id(facts, "hk1-site")
    if facts.machine_id is None or facts.machine_id_of_image:
        found = "only the one of the system image, the same in every copy"
        error = MachineIdNotBoundError(profile="hk1-site", root=facts.root, found=found)
        raise error.advised(("own-machine-id",))
    return facts.machine_id


def place(facts: HostFacts) -> int | None:
    """How many machines are on the roster before this one; None: it is not on it."""
    tags = _tags(facts)
    if facts.site is None or facts.machine_id is None:
        return None
    tag = sitefile.machine_tag(facts.site, facts.machine_id)
    return tags.index(tag) if tag in tags else None


def size(facts: HostFacts) -> int | None:
    """How many machines the site has; None where there is none."""
    return len(_tags(facts)) or None


def _tags(facts: HostFacts) -> list[str]:
    return facts.roster.split(",") if facts.roster else []

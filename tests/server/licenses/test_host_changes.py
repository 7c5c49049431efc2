"""What a vendor can tell of two hosts, from requests and host key lines of hosts in folders."""

import re
from pathlib import Path
from typing import Any

import pytest

from license_core.request import LicenseRequest
from license_server.catalog.client_commands import DEFAULT
from license_server.licenses import host_changes
from license_server.licenses.host_changes import HostChange
from tests.support.requests import line_of, of_container

OTHER_ID, OTHER_MACHINE = "6a" * 32, "7b" * 16
NUMBER = "HS-2026-AAAAAAAA"


def change(folder: Path, now: dict[str, Any], former: dict[str, Any] | None = None) -> HostChange:
    found = host_changes.between(
        of_container(folder, **(former or {})), of_container(folder, **now)
    )
    assert found is not None
    return found


def test_host_that_is_the_same_has_not_changed(tmp_path: Path) -> None:
    assert host_changes.between(of_container(tmp_path), of_container(tmp_path)) is None


@pytest.mark.parametrize(
    ("now", "said"),
    [
        ({"ip": "172.17.0.9"}, "Only the IP address differs"),
        ({"hostname": "renamed"}, "Only the hostname differs"),
        (
            {"ip": "172.17.0.9", "hostname": "renamed"},
            f"This differs from the host of {NUMBER}: hostname and IP address.",
        ),
    ],
    ids=["address", "hostname", "both"],
)
def test_change_within_one_container_is_told_whole_and_leaves_no_file_behind(
    tmp_path: Path, now: dict[str, Any], said: str
) -> None:
    found = change(tmp_path, now)
    assert said in found.what(NUMBER)
    assert (found.unknown, found.place) == ((), host_changes.HERE)
    assert found.may_recur


@pytest.mark.parametrize(
    "now",
    [
        {"container_id": OTHER_ID, "ip": "172.17.0.9"},
        {"container_id": OTHER_ID, "hostname": "elsewhere"},
        {"container_id": OTHER_ID, "machine_id": OTHER_MACHINE},
    ],
    ids=["recreated", "recreated under another name", "of another image under the same name"],
)
def test_recreated_container_may_have_the_folder_of_the_former_one(
    tmp_path: Path, now: dict[str, Any]
) -> None:
    found = change(tmp_path, now)
    assert "container_id" in found.differs
    assert "ip" in found.unknown  # its tag hangs on the container's id
    assert found.place == host_changes.PERHAPS
    assert not found.may_recur


def test_container_that_nobody_named_may_be_the_former_one(tmp_path: Path) -> None:
    drawn = {"container_id": OTHER_ID, "hostname": OTHER_ID[:12]}
    former = {"hostname": "5f0c1b7e5f0c", "machine_id": OTHER_MACHINE}
    assert change(tmp_path, drawn, former).place == host_changes.PERHAPS


def test_machine_with_another_name_and_id_is_elsewhere(tmp_path: Path) -> None:
    now = {"container_id": OTHER_ID, "machine_id": OTHER_MACHINE, "hostname": "other"}
    found = change(tmp_path, now)
    assert set(found.differs) == {"hostname", "machine_id", "container_id"}
    assert found.place == host_changes.ELSEWHERE


@pytest.mark.parametrize(("name", "place"), [(None, "perhaps"), ("other", "elsewhere")])
def test_host_key_lines_tell_of_the_name_alone(
    tmp_path: Path, name: str | None, place: str
) -> None:
    former = line_of(of_container(tmp_path))
    now = of_container(tmp_path, ip="172.17.0.9", **({"hostname": name} if name else {}))
    for one, other in ((former, now), (of_container(tmp_path), line_of(now))):
        found = host_changes.between(one, other)
        assert found is not None
        assert set(found.unknown) >= {"ip", "machine_id", "container_id"}
        assert found.place == place


def test_report_of_the_client_counts_where_tags_are_missing_and_is_called_that(
    tmp_path: Path,
) -> None:
    former, now = of_container(tmp_path), of_container(tmp_path, ip="172.17.0.9")
    reported = dict.fromkeys(("hostname", "machine_id", "container_id"), "same")
    reported |= {"ip": "differs"}
    found = host_changes.between(former, line_of(now), reported)
    assert found is not None
    assert (found.differs, found.place) == (("ip",), host_changes.HERE)
    assert "So says the host's own report." in found.what(NUMBER)
    # Host tags of both say more than a report; and what both are called is known without one.
    forged = reported | {"ip": "same", "hostname": "differs"}
    proven = host_changes.between(former, now, forged)
    assert proven == host_changes.between(former, now)
    named = host_changes.between(former, line_of(now), forged | {"ip": "differs"})
    assert named is not None
    assert "hostname" in named.same


@pytest.mark.parametrize("reported", [{}, {"ip": "same"}, {"ip": "unknown"}])
def test_report_that_tells_no_difference_changes_nothing(
    tmp_path: Path, reported: dict[str, str]
) -> None:
    former, now = of_container(tmp_path), line_of(of_container(tmp_path, ip="172.17.0.9"))
    assert host_changes.between(former, now, reported) == host_changes.between(former, now)


def test_host_of_another_profile_is_told_by_its_machine(tmp_path: Path) -> None:
    former = of_container(tmp_path)
    tags = {"machine_id": (former.tags or {})["machine_id"]}
    now = LicenseRequest("0" * 40, former.name, "hk1-host", tags)
    found = host_changes.between(former, now)
    assert found is not None
    assert {"machine_id", "hostname"} <= set(found.same)
    assert found.place == host_changes.PERHAPS
    cluster = LicenseRequest("1" * 40, "pod-1", "hk1-cluster", {"cluster_uid": "0" * 16})
    gone = host_changes.between(former, cluster)
    assert gone is not None
    assert (gone.differs, gone.place) == ((), host_changes.ELSEWHERE)


@pytest.mark.parametrize(
    ("now", "match", "told"),
    [
        ({"ip": "172.17.0.9"}, "exact", "`python cmd/cli.py doctor` prints the commands"),
        ({"ip": "172.17.0.9"}, "exact", "Or choose the binding anchored"),
        ({"ip": "172.17.0.9"}, "anchored", "The new licence is anchored"),
        ({"hostname": "renamed"}, "exact", "give the container a fixed name: `--hostname renamed`"),
        ({"container_id": OTHER_ID}, "exact", "--profile hk1-host"),
        ({"container_id": OTHER_ID, "machine_id": OTHER_MACHINE}, "exact", "comes from the image"),
        (
            {"container_id": OTHER_ID, "machine_id": OTHER_MACHINE, "hostname": "other"},
            "exact",
            "Nothing on the host would have prevented it",
        ),
    ],
)
def test_what_would_have_prevented_it_fits_what_differs(
    tmp_path: Path, now: dict[str, Any], match: str, told: str
) -> None:
    asked = of_container(tmp_path, **now)
    found = host_changes.between(of_container(tmp_path), asked)
    assert found is not None
    assert told in found.prevention(asked, match, DEFAULT)


@pytest.mark.parametrize(
    ("now", "told"),
    [
        ({"ip": "192.0.2.9"}, "prints the commands for that host"),
        ({"name": "renamed"}, "keep the hostname of the machine"),
        ({"machine_id": "f" * 16}, "keep the file /etc/machine-id"),
    ],
)
def test_machine_without_a_container_is_not_told_of_containers(
    now: dict[str, str], told: str
) -> None:
    tags = dict.fromkeys(("hostname", "ip", "machine_id"), "0" * 16)
    former = LicenseRequest("0" * 40, "studio2", tags=tags)
    changed = {
        part: "1" * 16 for part in tags if part in now or (part, "name") == ("hostname", *now)
    }
    asked = LicenseRequest("1" * 40, now.get("name", "studio2"), tags=tags | changed)
    found = host_changes.between(former, asked)
    assert found is not None
    prevention = found.prevention(asked, "exact", DEFAULT)
    assert told in prevention
    assert not re.search("docker|[^d] container|--hostname", prevention, re.IGNORECASE)


def test_host_key_line_is_followed_by_the_advice_to_send_a_request(tmp_path: Path) -> None:
    former, now = of_container(tmp_path), of_container(tmp_path, ip="172.17.0.9")
    bare = host_changes.between(former, line_of(now))
    assert bare is not None
    assert "With the output of" in bare.prevention(line_of(now), "exact", DEFAULT)
    first = host_changes.between(line_of(former), now)
    assert first is not None
    assert "next time it can be told" in first.prevention(now, "exact", DEFAULT)


def test_hosts_are_alike_by_name_or_by_what_no_copy_has(tmp_path: Path) -> None:
    drawn = {"hostname": OTHER_ID[:12], "container_id": OTHER_ID}

    def likeness(former: dict[str, Any], now: dict[str, Any]) -> str | None:
        return host_changes.likeness(
            of_container(tmp_path, **former), of_container(tmp_path, **now)
        )

    assert likeness({}, {"container_id": OTHER_ID, "machine_id": OTHER_MACHINE}) == "likely"
    assert likeness({}, {"hostname": "renamed"}) == "likely"
    assert likeness({"hostname": "5f0c1b7e5f0c"}, drawn) == "possible"
    assert likeness({"hostname": "5f0c1b7e5f0c"}, drawn | {"machine_id": OTHER_MACHINE}) is None
    assert likeness({}, drawn) is None  # of one image, which many containers have

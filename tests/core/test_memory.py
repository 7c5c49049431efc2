"""The state file: authentic only on its own host, and its clock mark only moves forward."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from license_core import hostkey
from license_core.claims import MAX_INSTANT, MAX_INTEGER
from license_core.facts import HostFacts
from license_core.memory import (
    LEAP,
    MAX_HOSTS,
    MAX_LINES,
    SETTLED,
    Memory,
    SeenList,
    dump,
    parse,
)

FACTS = HostFacts("studio2_gpu", "172.17.0.2", "5e" * 16, "5f" * 32)
FACTS = FACTS._replace(cluster_uid="0b6ff6b7-2a4d-4c0e-9d3f-6a1c1f2e3d4c", site="ab" * 32)
OTHER = FACTS._replace(container_id="60" * 32)

instants = st.integers(0, MAX_INSTANT)
versions = st.integers(0, MAX_INTEGER)
digests = st.binary(min_size=32, max_size=32).map(bytes.hex)
jtis = st.text(min_size=1, max_size=200)
numbers = st.none() | st.text(min_size=1, max_size=200)
texts = st.none() | st.text(max_size=50).filter(lambda text: text.isprintable())
hosts = st.fixed_dictionaries(dict.fromkeys(hostkey.COMPONENTS, texts))
memories = st.builds(
    Memory,
    instants,
    instants,
    numbers,
    st.lists(hosts, max_size=MAX_HOSTS).map(tuple),
    authentic=st.just(True),
    trust=st.tuples(versions, versions),
    revocations_number=versions,
    revocations_kid=st.none() | jtis,
    list=st.none()
    | st.builds(SeenList, digests, versions, instants, st.none() | instants, jtis, jtis),
    leapt_at=st.none() | instants,
    layer=st.none() | digests,
    profile=st.sampled_from(list(hostkey.PROFILES)),
    others=st.just(()),
)


@settings(deadline=None, derandomize=True)
@given(memory=memories)
def test_state_file_round_trips_and_is_not_authentic_elsewhere(memory: Memory) -> None:
    data = dump(memory, FACTS)
    assert parse(data, FACTS) == memory
    is_one_machine = memory.profile != "hk1"
    others = () if is_one_machine else (data.rstrip(b"\n"),)
    assert parse(data, OTHER) == memory._replace(authentic=is_one_machine, others=others)
    elsewhere = parse(data, FACTS._replace(machine_id="0f" * 16, cluster_uid=None, site="cd" * 32))
    assert elsewhere == memory._replace(authentic=False, others=(data.rstrip(b"\n"),))


@settings(deadline=None, derandomize=True)
@given(memory=memories, change=st.sampled_from(["seen_at", "license_iat"]), value=instants)
def test_tampered_clock_mark_is_not_authentic(memory: Memory, change: str, value: int) -> None:
    members = json.loads(dump(memory, FACTS))
    changed = json.dumps(members | {change: value}).encode()
    assert parse(changed, FACTS).authentic is (members[change] == value)


@settings(deadline=None, derandomize=True)
@given(memory=memories, now=instants, jti=st.sampled_from("AB"), iat=instants, holds=st.booleans())
def test_only_a_later_valid_licence_lowers_the_clock_mark(
    memory: Memory, now: int, jti: str, iat: int, holds: bool
) -> None:
    after = memory.advance(now, jti, iat, holds=holds)
    assert after.seen_at >= now or after.leapt_at is not None
    assert after.license_iat == max(memory.license_iat, iat)
    if after.seen_at < memory.seen_at:
        assert holds
        assert iat > memory.license_iat
        assert jti != memory.license_jti
    assert after.advance(now, jti, iat, holds=holds) == after


@settings(deadline=None, derandomize=True)
@given(memory=memories, now=instants, iat=instants, holds=st.booleans())
def test_one_leap_of_the_clock_moves_the_mark_by_a_month_at_most(
    memory: Memory, now: int, iat: int, holds: bool
) -> None:
    memory = memory._replace(leapt_at=None)
    after = memory.advance(now, "A", iat, holds=holds)
    assert after.seen_at <= max(memory.seen_at, iat) + LEAP
    again = after.advance(min(now + SETTLED - 1, MAX_INSTANT), "A", iat, holds=holds)
    if after.leapt_at is not None:
        assert again.seen_at == after.seen_at, "not even where the checks go on for a while"


def test_a_clock_that_goes_on_for_a_week_from_where_it_leapt_to_is_believed() -> None:
    year, day = 365 * 86400, 86400
    memory = Memory(seen_at=year, license_iat=1, license_jti="A")
    for days in range(7):
        memory = memory.advance(3 * year + days * day, "A", 1, holds=True)
        assert (memory.seen_at, memory.leapt_at) == (year, 3 * year)
    memory = memory.advance(3 * year + 7 * day, "A", 1, holds=True)
    assert (memory.seen_at, memory.leapt_at) == (3 * year + 7 * day, None)


def test_a_second_leap_does_not_confirm_the_first() -> None:
    year = 365 * 86400
    memory = Memory(seen_at=year, license_iat=1, license_jti="A")
    for instant in (3 * year, 90 * year, 2 * year):
        memory = memory.advance(instant, "A", 1, holds=True)
        assert (memory.seen_at, memory.leapt_at) == (year, instant)
    memory = memory.advance(year + 60, "A", 1, holds=True)
    assert (memory.seen_at, memory.leapt_at) == (year + 60, None)


def test_state_of_another_host_gives_no_clock_mark_but_keeps_its_hosts() -> None:
    foreign = Memory(900, 5, "A", ({"hostname": "x"},), authentic=False)
    assert foreign.mark("A", 5) == 0
    assert foreign.advance(100, "A", 5, holds=False) == Memory(100, 5, "A", ({"hostname": "x"},))


def test_latest_hosts_are_remembered_with_the_current_one_first() -> None:
    memory = Memory()
    for number in range(MAX_HOSTS + 3):
        memory = memory.remember_host(FACTS._replace(ip=f"10.0.0.{number}"))
    memory = memory.remember_host(FACTS._replace(ip="10.0.0.5"))
    kept = [host["ip"] for host in memory.hosts]
    assert kept == [f"10.0.0.{number}" for number in (5, 10, 9, 8, 7, 6, 4, 3)]


@pytest.mark.parametrize(
    "change",
    [
        {"ver": 2},
        {"ver": None},
        {"seen_at": -1},
        {"seen_at": "1"},
        {"license_iat": None},
        {"hosts": {}},
        {"hosts": [[]]},
        {"hosts": [{"hostname": "x"}]},
        {"code": 7},
        {"code": None},
    ],
    ids=str,
)
def test_malformed_state_file_is_rejected(change: dict[str, object]) -> None:
    members = json.loads(dump(Memory(1, 1, "A"), FACTS)) | change
    kept = {name: value for name, value in members.items() if value is not None}
    with pytest.raises(ValueError, match=r"."):
        parse(json.dumps(kept).encode(), FACTS)


def test_hosts_that_share_a_folder_each_keep_their_own_line() -> None:
    data = dump(Memory(900, 5, "A"), FACTS)
    hosts = [FACTS._replace(container_id=f"{n:02x}" * 32) for n in range(MAX_LINES + 3)]
    for number, host in enumerate(hosts):
        memory = parse(data, host)
        assert not memory.authentic
        data = dump(memory.advance(1000 + number, "A", 5, holds=False), host)
    assert len(data.splitlines()) == MAX_LINES
    kept = [parse(data, host) for host in hosts]
    assert [memory.seen_at for memory in kept if memory.authentic] == [
        1000 + number for number in range(len(hosts) - MAX_LINES, len(hosts))
    ]
    again = dump(parse(data, hosts[-2])._replace(seen_at=2000), hosts[-2])
    assert parse(again, hosts[-1]).seen_at == 1000 + len(hosts) - 1


def test_container_with_the_identity_of_this_one_is_known_by_its_layer() -> None:
    own = FACTS._replace(layer_digest="1a" * 32)
    written = parse(dump(Memory(900, 5, "A", layer=own.layer_digest), own), FACTS)
    seen = [
        written.is_of_other_layer(FACTS._replace(layer_digest=it))
        for it in (own.layer_digest, "2b" * 32, None)
    ]
    assert seen == [False, True, False]
    made_anew = written._replace(profile="hk1-host")
    assert not made_anew.is_of_other_layer(FACTS._replace(layer_digest="2b" * 32))


def test_host_that_was_taken_for_a_machine_believes_what_it_wrote_as_one() -> None:
    now = FACTS._replace(engine="unknown", once_bare=True)
    written = dump(Memory(900, 5, "A"), FACTS._replace(container_id=None))
    assert parse(written, now).authentic

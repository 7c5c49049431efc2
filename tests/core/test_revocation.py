"""A revocation list revokes exactly the licences that it names."""

import tracemalloc

from hypothesis import given, settings
from hypothesis import strategies as st

from license_core import jws, strictjson
from license_core.revocation import (
    DIGEST_BYTES,
    Revocations,
    digest,
)
from license_core.signer import MemorySigner

numbers = st.lists(st.text(min_size=1, max_size=30), max_size=40)


def made(digests: bytes) -> Revocations:
    return Revocations("Example Vendor", 1, 0, digests)


@settings(deadline=None, derandomize=True)
@given(listed=numbers, other=st.text(min_size=1, max_size=30), data=st.data())
def test_listed_licences_are_revoked_in_any_order(
    listed: list[str], other: str, data: st.DataObject
) -> None:
    order = data.draw(st.permutations([digest(jti) for jti in listed]))
    revocations = made(b"".join(order))
    assert all(revocations.lists(jti) for jti in listed)
    assert revocations.lists(other) is (other in listed)


@settings(deadline=None, derandomize=True)
@given(listed=numbers)
def test_revocation_list_is_sorted_and_round_trips(listed: list[str]) -> None:
    made_ = Revocations.of(listed, iss="Example Vendor", number=1, iat=0)
    read = Revocations.from_dict(made_.to_dict())
    pieces = [
        read.digests[at : at + DIGEST_BYTES] for at in range(0, len(read.digests), DIGEST_BYTES)
    ]
    assert read == made_
    assert pieces == sorted({digest(jti) for jti in listed})


def test_a_long_list_is_made_in_little_memory_and_signed_as_any_text_is() -> None:
    count, signer = 50_000, MemorySigner.from_seed(bytes(32))
    tracemalloc.start()
    try:
        long = Revocations.of(map(str, range(count)), iss="V", number=1, iat=0)
        token = long.sign(signer)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(long.digests) == count * DIGEST_BYTES
    assert most < len(long.digests) + 3 * len(token)
    assert token == jws.sign(strictjson.dumps(long.to_dict()), signer, jws.REVOCATIONS)


def test_digest_at_an_unaligned_offset_is_not_listed() -> None:
    wanted = digest("A")
    for shift in range(1, DIGEST_BYTES):
        assert not made(bytes(shift) + wanted + bytes(DIGEST_BYTES - shift)).lists("A")
        both = bytes(shift) + wanted + bytes(DIGEST_BYTES - shift) + wanted
        assert made(both).lists("A")


@settings(deadline=None, derandomize=True)
@given(listed=numbers, digits=st.integers(1, DIGEST_BYTES * 2), data=st.data())
def test_shards_say_together_what_the_whole_list_says(
    listed: list[str], digits: int, data: st.DataObject
) -> None:
    whole = Revocations.of(listed, iss="Example Vendor", number=1, iat=0)
    jti = data.draw(st.sampled_from(listed) if listed else st.text(min_size=1))
    shard = whole.shard(digest(jti).hex()[:digits])
    assert shard.covers(jti)
    assert shard.lists(jti) is whole.lists(jti)
    assert Revocations.from_dict(shard.to_dict()) == shard
    others = {one for one in listed if not shard.covers(one)}
    assert not any(shard.lists(one) for one in others)
    assert b"".join(whole.shard(digit).digests for digit in "0123456789abcdef") == whole.digests


def test_shard_has_the_first_and_the_last_digest_of_its_prefix() -> None:
    edges = [bytes.fromhex(head + tail * 22) for head in ("ab", "ac", "ad") for tail in "0f"]
    assert made(b"".join(edges)).shard("ac").digests == b"".join(edges[2:4])
    assert made(b"").shard("ac").digests == b""

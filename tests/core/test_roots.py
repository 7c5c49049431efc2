"""Chains of roots documents are followed exactly as far as enough keys signed."""

import random
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from license_core import jws
from license_core.claims import ClaimError
from license_core.keyset import (
    Keyset,
    SigningKey,
    TooFewSignersError,
    open_keyset,
)
from license_core.roots import (
    Roots,
    SkippedError,
    follow,
)
from license_core.signer import MemorySigner

POOL = [MemorySigner.from_seed(bytes([number]) * 32) for number in range(1, 6)]
places = st.sets(st.integers(0, len(POOL) - 1), min_size=1)


class Link(NamedTuple):
    """A document: whom it names, how many must sign, and who did."""

    named: set[int]
    threshold: int
    signed: set[int]


@st.composite
def links(draw: st.DrawFn) -> Link:
    named = draw(places)
    return Link(named, draw(st.integers(1, len(named))), draw(places))


def told(link: Link, version: int) -> Roots:
    keys = tuple(POOL[place].public_key for place in sorted(link.named))
    return Roots("Example Vendor", version, 0, link.threshold, keys)


def expected(shipped: Link, chain: list[Link]) -> int | type[Exception]:
    """The version that the chain leads to, or what is wrong with it: SPEC section 6.4 again."""
    present, version = shipped, 0
    while True:
        believed = [
            (number, link)
            for number, link in enumerate(chain, 1)
            if number > version and len(link.signed & present.named) >= present.threshold
        ]
        following = next((link for number, link in believed if number == version + 1), None)
        if following is None:
            return SkippedError if believed else version
        if len(following.signed & following.named) < following.threshold:
            return ClaimError
        present, version = following, version + 1


@settings(deadline=None, derandomize=True, max_examples=150)
@given(shipped=links(), chain=st.lists(links(), max_size=4), seed=st.integers(0, 9))
def test_roots_chain_is_followed_as_far_as_enough_keys_signed(
    shipped: Link, chain: list[Link], seed: int
) -> None:
    tokens = [
        told(link, number).sign(POOL[place])
        for number, link in enumerate(chain, 1)
        for place in link.signed
    ]
    random.Random(seed).shuffle(tokens)
    first = Roots.shipped(told(shipped, 1).keys, shipped.threshold)
    wanted = expected(shipped, chain)
    if isinstance(wanted, int):
        found = follow(tuple(tokens), first)
        assert found.roots.version == wanted
        # What proves it is enough, and leads there again.
        assert follow(found.tokens, first) == found
    else:
        with pytest.raises(wanted):
            follow(tuple(tokens), first)


@settings(deadline=None, derandomize=True, max_examples=100)
@given(trusted=links(), signed=st.lists(st.integers(0, len(POOL) - 1), min_size=1, max_size=6))
def test_keyset_signatures_count_by_distinct_trusted_keys(trusted: Link, signed: list[int]) -> None:
    keyset = Keyset("Example Vendor", 1, 0, (SigningKey(POOL[0].public_key, 0, 1),))
    tokens = tuple(keyset.sign(POOL[place]) for place in signed)
    keys, needed = told(trusted, 1).keys, trusted.threshold
    count = len(trusted.named & set(signed))
    if count >= needed:
        opened = open_keyset(tokens, keys, needed)
        assert opened.keyset == keyset
        assert len(opened.tokens) == count
        return
    with pytest.raises(TooFewSignersError if count else jws.UnknownHeaderError):
        open_keyset(tokens, keys, needed)


@given(link=links(), version=st.integers(1, 9))
@settings(deadline=None, derandomize=True, max_examples=50)
def test_roots_document_round_trips(link: Link, version: int) -> None:
    roots = told(link, version)
    assert Roots.from_dict(roots.to_dict()) == roots

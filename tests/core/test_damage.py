"""Honest damage to files from the vendor: undone to the very tokens that were sent, or named."""

import itertools
import random
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import pytest

from license_core import armor, received, request, tokens
from license_core.errors import LicenseError
from license_core.parcel import open_parcel
from license_core.settings import Settings
from license_core.verify import Report, check
from tests.support.damaged_files import BYTES, LOSSES, SORTS_OF_TEXT
from tests.support.sent_files import FILES, LICENSE, SORTS
from tests.vectors import material
from tests.vectors.ours import facts

PAIRS = 150
LEAST_SHARE = 0.9
SENT = {name: tokens.in_armor(text.encode()) for name, text in FILES.items()}


class Told(NamedTuple):
    """What became of damaged licences."""

    understood: int
    refused: Counter[str]
    by_sort: Counter[str]

    def share(self) -> float:
        return self.understood / (self.understood + self.refused.total())


def read(data: bytes) -> dict[str, list[str]]:
    """The tokens that the file has, each once, as they were sent; none where it is damaged."""
    blocks = tokens.in_armor(data) or {}
    sound = {
        label: [next(r for r in armor.readings(one) if tokens.is_sound(label, r)) for one in found]
        for label, found in blocks.items()
    }
    return {label: list(dict.fromkeys(found)) for label, found in sound.items()}


def judged(data: bytes) -> Report:
    return check(
        data,
        roots=(material.ROOT.public_key,),
        facts=facts(material.HOST),
        now=material.NOW,
        settings=Settings("darwin"),
        memory=None,
    )


CLAIMS = judged(LICENSE.encode()).license


def as_bytes(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")


def outcome(damaged: bytes) -> str:
    """``holds``, or the slug that `install` says; AssertionError for what must not be."""
    opened = open_parcel(damaged)
    if opened.what is not None:
        assert read(opened.data).keys() == (SENT["licence"] or {}).keys(), "a part was left behind"
    report = judged(opened.data)
    if report.ok:
        assert report.license == CLAIMS, "another payload was accepted"
        return "holds"
    problem = report.problems[0]
    assert problem.sentence
    assert problem.remedy()
    return problem.slug


def composed(pairs: Iterable[tuple[str, ...]]) -> Iterator[tuple[str, str, bytes]]:
    """A licence with both damages; none where an encoding lacks a character, or has one already."""
    for first, second in pairs:
        if first in BYTES or second == first:
            continue
        try:
            yield first, second, as_bytes(SORTS[second](SORTS_OF_TEXT[first](LICENSE)))
        except UnicodeEncodeError:
            continue


def campaign(pairs: Iterable[tuple[str, ...]]) -> Told:
    understood, refused, by_sort = 0, Counter[str](), Counter[str]()
    for first, second, damaged in composed(pairs):
        slug = outcome(damaged)
        if slug == "holds":
            understood += 1
        else:
            refused[slug] += 1
            by_sort.update((first, second))
    return Told(understood, refused, by_sort)


def test_there_are_more_than_200_sorts_of_honest_damage() -> None:
    assert len(SORTS) > 200
    # A line that begins with hyphens: PGP escapes it, and an office program makes a dash of it.
    assert "\n--M" in LICENSE


@pytest.mark.parametrize("name", FILES)
def test_every_sort_of_damage_by_itself_is_undone_to_the_tokens_that_were_sent(name: str) -> None:
    # Each sort befalls a licence; each fourth of them the other files, too.
    step = 1 if name == "licence" else 4
    failed = {
        sort: {label: len(found) for label, found in given.items()}
        for sort in sorted(SORTS)[::step]
        if (given := read(open_parcel(as_bytes(SORTS[sort](FILES[name]))).data)) != SENT[name]
    }
    assert failed == {}


def test_a_vendor_reads_the_request_in_whatever_was_made_of_it() -> None:
    sent = received.parse(FILES["request"])
    for sort in sorted(SORTS_OF_TEXT)[1::4]:
        assert received.parse(SORTS_OF_TEXT[sort](FILES["request"])) == sent, sort


@pytest.mark.parametrize(
    "text", ["", "no key", '["12", "x"]', LICENSE, "-----BEGIN LICENSE REQUEST"]
)
def test_what_is_no_request_is_refused_as_by_every_reader(text: str) -> None:
    with pytest.raises(LicenseError) as alone:
        request.parse(text)
    with pytest.raises(type(alone.value)):
        received.parse(text)


def test_nine_of_ten_pairs_of_damage_are_undone_and_no_other_payload_is_accepted() -> None:
    chance = random.Random(17)
    names = sorted(SORTS)
    told = campaign((chance.choice(names), chance.choice(names)) for _ in range(PAIRS))
    assert told.share() >= LEAST_SHARE, told


def test_no_part_is_left_behind_where_another_one_shows_first() -> None:
    # Its keyset can be read before the soft hyphens are taken out of the licence.
    told = campaign([("UTF-8 read as Windows-1252", "soft hyphens in the lines")])
    assert told.understood == 1


@pytest.mark.torture
def test_nine_of_ten_of_all_pairs_of_damage_are_undone() -> None:
    told = campaign(itertools.product(SORTS, repeat=2))
    print(f"\n{told.understood} understood, {told.share():.1%}; refused: {dict(told.refused)}")
    print(f"sorts that stand in most refusals: {told.by_sort.most_common(12)}")
    assert told.share() >= LEAST_SHARE


@pytest.mark.parametrize("name", LOSSES)
def test_what_is_lost_is_not_made_up(name: str) -> None:
    damaged = LOSSES[name](LICENSE).encode()
    assert open_parcel(damaged) == (damaged, None)
    assert outcome(damaged) != "holds"

"""A pattern without possessive quantifiers finds what the one with them finds."""

import random
import re

import pytest

from license_core import possessive

PATTERNS = {
    r"[ab]*+c": "abc",
    r"(?P<x>a++b)?+c{1,2}+c": "abc",
    r"(?:[\]a]++|b)*+(?<!\\)\\?+n": "ab\\n]",
    r"(?:a|ab)++c": "abc",
    r"\x61*+(?P<word>\w{2,3}+)[^]b]++": "abc]",
    r"(?s:.)?+\Z|a{2}+": "ab\n",
}


@pytest.mark.parametrize("pattern", PATTERNS)
def test_pattern_spelled_out_finds_the_same(pattern: str) -> None:
    chance, native = random.Random(pattern), re.compile(pattern)
    spelled_out = possessive.spelled_out(pattern)
    assert not re.search(r"[*+?}]\+", spelled_out)
    other = re.compile(spelled_out)
    found = 0
    for _ in range(2_000):
        text = "".join(chance.choices(PATTERNS[pattern], k=chance.randrange(9)))
        one, two = native.search(text), other.search(text)
        assert (one and one.span()) == (two and two.span()), text
        if one and two:
            found += 1
            assert one.groupdict().items() <= two.groupdict().items()
    assert found > 100


def test_pattern_without_them_stays_as_it_is() -> None:
    for pattern in (r"a+b*[+]\+(?P<n>x|y){2,}?$", r"[]+]+", ""):
        assert possessive.spelled_out(pattern) == pattern

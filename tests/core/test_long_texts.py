"""Hostile texts of maximum size are parsed in linear time.

Every reader of text meets every way of repeating a piece up to its limit. A reader that looks at a
text again and again would need hours for all of them; the processor time that one process may have
is many times what is needed.
"""

import resource
import subprocess
import sys

import pytest

ALL_SECONDS = 300  # of processor time; about 40 are needed
EVERY = 11
"""Of the texts one in so many is read in the suite, and all are in `make torture`.

Of those that are read as licences fewer: others are in tests/cli/test_hostile_files.py.
"""

PROGRAM = """
import itertools, sys
from license_core import armor, memory, request, settings, strictjson
from license_core.errors import LicenseError
from license_core.facts import HostFacts
from license_core.verify import open_license

KEY = "0123456789abcdef0123456789abcdef01234567"
HEADS = ["", KEY, f'["{KEY}", ', f'["{KEY}", "', "-----BEGIN LICENSE-----", "-", '{"a":' + "[" * 9]
PIECES = [" ", "\\n", '"', "'", "\\u201c", '" ', ", ", "a", "abcd ", "-", "- ", "-----BEGIN ", "=",
          "= ", "=3D", "\\\\", '\\\\"', "[", "[]", '"[', "{", "\\u2014", "\\u200b", "> ", ".",
          KEY + " ", KEY + ' "', "-----BEGIN LICENSE-----", "LICENSE ", "1", "A" * 64 + "\\n", "#",
          'product="', "\\\\u0041", "<br ", "\\\\n", "%22", "\\x1b[", '"a ']
TAILS = ["", "]", "\\\\"]
FACTS = HostFacts("name", "172.17.0.2", None, "5f" * 32)


def requests(text):
    request.parse(text[:request.MAX_TEXT])


def licences(text):
    open_license(text.encode()[:armor.MAX_FILE], roots=())


def states(text):
    memory.parse(text.encode()[:armor.MAX_FILE], FACTS)


def products(text):
    settings.parse(text.encode()[:armor.MAX_FILE], "hostseal.toml")


for read in (requests, licences, states, products):
    count = 0
    every = itertools.product(HEADS, PIECES, TAILS)
    step = int(sys.argv[1]) ** (2 if read is licences else 1)
    for head, piece, tail in itertools.islice(every, 0, None, step):
        room = armor.MAX_FILE - len((head + tail).encode())
        text = head + piece * (room // len(piece.encode())) + tail
        try:
            read(text)
        except (ValueError, LicenseError):
            pass
        count += 1
    print(read.__name__, count)
"""


def read_all(every: int) -> None:
    """One in *every* of the texts, by each reader, within its share of the time."""
    seconds = ALL_SECONDS // every
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(every)],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds)),
    )
    assert done.returncode == 0, f"stopped after {done.stdout}{done.stderr}"
    assert len(done.stdout.splitlines()) == 4


def test_repetitive_texts_of_maximum_size_are_read_quickly() -> None:
    read_all(EVERY)


@pytest.mark.torture
def test_all_repetitive_texts_of_maximum_size_are_read_quickly() -> None:
    read_all(1)

"""The first line that says something is found as a dict of all lines would find it."""

import random

from license_server.sheets.first_lines import FirstLines


def test_first_line_is_the_one_that_a_dict_would_know() -> None:
    chosen, lines, known = random.Random(22), FirstLines(), dict[int, int]()
    some = [0, -1, -(2**63), 2**63 - 1, *(chosen.getrandbits(50) << 10 for _ in range(3000))]
    for line, said in enumerate(chosen.choices(some, k=9000), 1):
        assert lines.first(said, line) == known.setdefault(said, line)


def test_lines_beyond_the_most_are_compared_and_not_kept() -> None:
    lines = FirstLines(2)
    assert [lines.first(said, line) for line, said in enumerate((5, 6, 7, 7, 5), 1)] == [
        *(1, 2, 3, 4, 1)
    ]

"""``find``: anything by any part of it, or a word that there is nothing."""

import re
from pathlib import Path

from tests.support.shell import run

ISSUE = ("issue", "--customer", "ACME Robotics", "--product", "darwin", "--days", "30", "-o", "-")
LINE = f'["{"5f" * 20}", "gpu-box-7"]'


def test_find_prints_what_has_the_typed_part(data: Path) -> None:
    issued = run(data, *ISSUE, "--host", LINE)
    number = re.search(r"HS-\d{4}-\w{8}", issued.stderr)
    assert number, issued.stderr
    told = run(data, "find", "box", "7")
    assert told.stdout.startswith(f"licence\t{number[0]}\t"), told.stderr
    assert "\tACME Robotics\t" in run(data, "find", "obotic").stdout


def test_find_says_that_there_is_nothing(data: Path) -> None:
    told = run(data, "find", "nobody-has-this")
    assert (told.returncode, told.stdout) == (0, "")
    assert told.stderr == "Nothing was found.\n"

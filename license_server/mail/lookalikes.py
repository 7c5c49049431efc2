"""Digits in a mail that are as long as a host key and are none: digests, addresses, numbers.

The reader of host key lines takes 40 digits for a key wherever they stand alone, as people send
them. A mail has more of them than a form has: what says that they are something else is heard here.
"""

import re
from typing import NamedTuple

_KEY = r"(?<![0-9A-Za-z])[0-9a-fA-F]{40}(?![0-9A-Za-z])"
_ADDRESS = re.compile(
    r"(?i)\b(?:https?|ftp|mailto|cid|mid|file):[^\s\"'<>\[\]{}|\u3000-\uffef]{1,4000}+"
)
_AT = re.compile(rf"{_KEY}@[\w.-]+|[\w.-]{{1,64}}@[0-9a-fA-F]{{40}}\b")
_NUMBER = re.compile(r"(?<![0-9A-Za-z])[0-9]{40}(?![0-9A-Za-z])")
_OTHER = re.compile(
    r"(?i)\b(?:commit|sha-?1(?:sum)?|git|revision|rev|checksum|md5|digest|etag|blob|tree|parent|"
    r"merge|fingerprint|thumbprint|pgp|gpg|openpgp|btih|token|password|secret|api[ _-]?key)\b"
    r"|指纹|校验和|校验值|提交记录|提交号|哈希|摘要|密码|令牌"
)
_HOST = re.compile(r"(?i)\bhost|hk1\b|licen[cs]e|machine|机器码|機器碼|主机|主機|许可|授权")
_OF_A_FILE = re.compile(
    r"(?i)^[ \t]+[*]?[^\s\"]{1,200}\.(?:tar|gz|tgz|zip|iso|img|whl|deb|rpm|exe|dmg|xz|bz2|7z)\b"
)
_IN_BRACKETS = re.compile(r"\[\s*\"?\s*$")


class Cleared(NamedTuple):
    """A text without what only looks like a host key, and how many of these there were."""

    text: str
    found: int


def without(text: str) -> Cleared:
    """*text* without what only looks like a host key."""
    text = _ADDRESS.sub(" ", text)
    text, of_addresses = _AT.subn(" ", text)
    text, of_numbers = _NUMBER.subn(" ", text)
    lines = text.split("\n")
    count = of_addresses + of_numbers
    for n, line in enumerate(lines):
        if len(line) < 40 or not re.search(_KEY, line):
            continue
        lines[n], here = _cleared(line, lines[n - 1] if n else "")
        count += here
    return Cleared("\n".join(lines), count)


def _cleared(line: str, former: str) -> tuple[str, int]:
    """The *line* after the line *former* without keys that it says are something else."""
    kept: list[str] = []
    at = count = 0
    for key in re.finditer(_KEY, line):
        before = line[max(at, key.start() - 120) : key.start()]
        kept.append(line[at : key.start()])
        at = key.end()
        if _is_other(
            before if before.strip("> \t") else former[-120:] + before, line[at : at + 80]
        ):
            kept.append("\u2026")
            count += 1
        else:
            kept.append(key[0])
    kept.append(line[at:])
    return "".join(kept), count


def _is_other(before: str, after: str) -> bool:
    if _IN_BRACKETS.search(before) and after.lstrip().startswith(('"', ",", "，")):
        return False  # as it was printed
    named = [one.end() for one in _OTHER.finditer(before)]
    if named:
        hosts = [one.end() for one in _HOST.finditer(before)]
        return not hosts or max(hosts) < max(named)
    return _OF_A_FILE.match(after) is not None

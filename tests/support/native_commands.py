"""Which commands the static client has, and what it and its libraries say in place of Python's."""

from __future__ import annotations

import re
from typing import NamedTuple

from license_cli import plain_line

COMMANDS = (
    "get_host_key",
    "request",
    "install",
    "verify",
    "show",
    "guard",
    "pin",
    "site",
    "return",
)
"""Those that it has."""
FOR_URLS = ("token_file", "ca", "insecure_http", "wait", "submit")
"""The parameters that are of no use where nothing is fetched."""
_LACKED = "|".join(sorted({*plain_line.COMMANDS} - {*COMMANDS}))
_IN_PYTHON = "`check_installed(conf=…, keys=…)`"


class Words(NamedTuple):
    """What is said there, in one language."""

    elsewhere: str
    """Where a command is that it lacks."""
    in_code: str
    """How a product names both folders."""
    of_any: str
    """What the client in Python installs from,"""
    of_files: str
    """and this one."""


ENGLISH = Words(
    "`{}` of the client in Python",
    "`installed.Query{{Conf: …, Keys: …}}` (Go) or `hostseal_check_installed(conf, keys, …)` (C)",
    "(a file, - for standard input, or a URL)",
    "(a file, or - for standard input)",
)
CHINESE = Words(
    "Python 客户端的 `{}`",
    "`installed.Query{{Conf: …, Keys: …}}`（Go）或 `hostseal_check_installed(conf, keys, …)`（C）",
    "（文件；- 表示标准输入；或 URL）",
    "（文件，或用 - 表示标准输入）",
)


def here(text: str, cli: str = "{cli}", words: Words = ENGLISH) -> str:
    """*text* as it is said there; *cli* is how the client is called in it."""
    text = text.replace(_IN_PYTHON, words.in_code).replace(words.of_any, words.of_files)
    return re.sub(
        rf"`{re.escape(cli)} ({_LACKED})`", lambda found: words.elsewhere.format(found[1]), text
    )

"""The commands that a page of the documents tells people to type."""

import re
import shlex

from tests.support.server import REPOSITORY

PROGRAMS = frozenset(
    {
        *("apt-get", "chown", "cp", "docker", "export", "helm", "journalctl", "kubectl"),
        *("license-server", "make", "mv", "openssl", "pip", "promtool", "python", "python3"),
        *("scp", "sha256sum", "systemctl", "systemd-analyze"),
    }
)
"""What a command in the middle of a sentence begins with."""
PAGES = (
    "docs/HOWTO.md",
    "docs/UPGRADING.md",
    *sorted(
        str(path.relative_to(REPOSITORY)) for path in (REPOSITORY / "deploy").glob("**/README.md")
    ),
)
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def text(page: str) -> str:
    """A page, by its path in the repository."""
    return (REPOSITORY / page).read_text("utf-8")


def blocks(page: str) -> list[str]:
    """What is between fences that say ``sh``, each whole."""
    return [block for kind, block in _BLOCK.findall(text(page)) if kind == "sh"]


def lines(block: str) -> list[str]:
    """The commands of a block, one a line."""
    return [re.sub(r" +", " ", one) for one in block.replace("\\\n", " ").splitlines()]


def inline(page: str) -> list[str]:
    """What is to be typed outside fences, each once: indented lines, and what a sentence quotes.

    What is cut short by an ellipsis is a name, and no command.
    """
    rest = _BLOCK.sub("", text(page))
    indented = re.findall(r"^    (\S.*)$", rest, re.MULTILINE)
    quoted = (re.sub(r"\s+", " ", one) for one in re.findall(r"`([^`]+)`", rest))
    found = [one for one in quoted if " " in one and one.split()[0] in PROGRAMS]
    return [one for one in dict.fromkeys((*indented, *found)) if "…" not in one]


def words(command: str) -> list[str]:
    """The words of a command up to the first pipe or redirection, as a shell takes them apart."""
    read = shlex.shlex(command, posix=True, punctuation_chars=True)
    read.whitespace_split = True
    found: list[str] = []
    for word in read:
        if set(word) <= set("|<>&;()"):
            break
        found.append(word)
    return found

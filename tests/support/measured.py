"""Commands as processes of their own, and what each of them cost.

A small process starts them: the peak of a child counts what its parent had when it was started.
"""

import json
import subprocess
import sys
from typing import NamedTuple, Self

_RUNNER = """
import json, os, resource, sys
seconds = int(sys.argv[1])
for line in sys.stdin:
    words = json.loads(line)
    here, there = os.pipe()
    child = os.fork()
    if child == 0:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        os.dup2(there, 2)
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
        os.execv(words[0], words)
    os.close(there)
    said = b""
    while part := os.read(here, 1 << 16):
        said = (said + part)[-2000:]
    os.close(here)
    _, status, usage = os.wait4(child, 0)
    cost = [os.waitstatus_to_exitcode(status), usage.ru_utime + usage.ru_stime, usage.ru_maxrss]
    print(json.dumps([*cost, said.decode("utf-8", "replace")]), flush=True)
"""


class Cost(NamedTuple):
    """How a process ended, and what it took."""

    exit_code: int
    """Of a signal its number, negative."""
    seconds: float
    """Of processor time."""
    peak: int
    """Of memory, in KiB."""
    said: str
    """The end of what it wrote to standard error."""


class Runner:
    """Runs commands one after the other; none may have more than *seconds* of processor time."""

    def __init__(self, seconds: int) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _RUNNER, str(seconds)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, *words: str) -> Cost:
        """One command, by the path of its program."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(words) + "\n")
        self._process.stdin.flush()
        return Cost(*json.loads(self._process.stdout.readline()))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

"""The one file in a process of another Python that runs one command after another.

A process for each command would take longer than all that the commands do.
"""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.cli import DAY, Done, World
from tests.support.pythons import ARCHIVED

_SERVING = f"""{ARCHIVED}
import io, json, os
from license_cli import app

asked, answered = sys.stdin, sys.stdout
sys.argv = ["cmd/cli.py"]
for line in asked:
    arguments, now, home, environ = json.loads(line)
    os.environ.clear()
    os.environ.update(environ)
    sys.stdout, sys.stderr = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2))
    code = app.main(arguments, now, home)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    said = [stream.buffer.getvalue().decode() for stream in (sys.stdout, sys.stderr)]
    print(json.dumps([code, *said]), file=answered, flush=True)
"""


class Served(World):
    """A world whose operator has the one file, and a Python with no packages at all."""

    process: "subprocess.Popen[str]"

    def run(self, *arguments: str, **more: Any) -> Done:
        """One command there."""
        env = {"PATH": os.environ["PATH"]} | (more.get("env") or {})
        now, home = more.get("now") or self.now + DAY, more.get("home") or self.folder
        task = [[*self.options(), *arguments], now, str(home), env]
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(json.dumps(task), file=self.process.stdin, flush=True)
        done = Done(*json.loads(self.process.stdout.readline()))
        assert "Traceback" not in done.err, done.err
        return done


@contextmanager
def serving(python: str, archive: Path) -> Iterator[type[Served]]:
    """The worlds of *python*, for as long as the context lasts."""
    line = [python, "-S", "-s", "-c", _SERVING, str(archive)]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(line, text=True, env={}, **pipes) as process:
        yield type("Served", (Served,), {"process": process})
        process.communicate()

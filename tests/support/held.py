"""The real command, held at a moment that a variable names, until somebody stops it.

``HELD_AT`` is ``start``: it does not listen yet; ``request``: somebody asks whether it is ready,
and is never told; ``backup``: the file is written as far as it goes. A line on its standard error
says that it is there. ``import``: an import goes on from a batch only once the server is to stop.
"""

import os
import sys
import threading
from typing import Any

from starlette.concurrency import run_in_threadpool

from license_server.cli import main
from license_server.db.probe import Probe
from license_server.http import health, server
from license_server.operations import backup, process
from license_server.sheets import importer
from license_server.site import Site

HELD_AT = "HELD_AT"
HELD = "held"
write, finish = backup.write, importer._Job.finish


def hold() -> None:
    """Say so, and wait for ever."""
    os.write(2, f"{HELD}\n".encode())
    threading.Event().wait()


def _write(*given: Any, **more: Any) -> None:
    write(*given, **more)
    hold()


def _finish(job: Any, *given: Any) -> Any:
    done = finish(job, *given)
    job.database.stopping.wait()
    return done


async def _missing(site: Site, probe: Probe) -> list[str]:
    await run_in_threadpool(hold)
    return []


if __name__ == "__main__":
    at = os.environ[HELD_AT]
    if at == "start":
        process.configure_logs = lambda _=True: hold()
    elif at == "backup":
        backup.write = _write
    elif at == "import":
        importer._Job.finish = _finish  # type: ignore[method-assign, assignment]
    else:
        health._missing = _missing
        server.GRACE, server.LIMIT = 1, 2
    sys.exit(main.main())

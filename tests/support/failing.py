"""The real server, except that its process exits at a point that a file names.

The points are the edges between receiving an act and replying to it: ``planned``, ``drawn``,
``before licenses`` and ``after licenses`` (a table that the act writes), ``before commit``,
``after commit``. The file is read at each, so that one process serves a test until it ends.

Meanwhile the keeper of the record commits too, whenever it likes. Its writes are no points: a
commit counts where a reply is kept in it, or the end of a batch, or a licence is stored, and only
the keeper updates events. Any other command may be run so, too.
"""

import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Engine, event
from sqlalchemy.engine.default import DefaultDialect

from license_server.cli import main
from license_server.licenses import issuing, planning

T = TypeVar("T")
FILE = "FAILING_AT"
_WRITES = re.compile(
    r"(?:insert into|copy|delete from|update(?! audit_events)) (\w+)", re.IGNORECASE
)
_ACTS = ("idempotency_keys", "import_batches", "licenses")
"""What is written in a commit that counts."""
_acting = False
"""Whether that is in what the writer, a single thread, will commit next."""


def _reach(point: str) -> None:
    if Path(os.environ[FILE]).read_text("ascii") == point:
        os._exit(70)


def _ending_after(function: Callable[..., T], point: str) -> Callable[..., T]:
    def call(*arguments: Any, **more: Any) -> T:
        result = function(*arguments, **more)
        _reach(point)
        return result

    return call


def _at_statement(when: str) -> Callable[..., None]:
    def listen(_c: object, _cursor: object, statement: str, *_: object) -> None:
        global _acting  # noqa: PLW0603
        written = _WRITES.match(statement)
        if written is not None:
            _acting = _acting or written[1] in _ACTS
            _reach(f"{when} {written[1]}")

    return listen


def _committing(self: Any, connection: Any) -> None:
    global _acting
    acted, _acting = _acting, False
    if acted:
        _reach("before commit")
    connection.commit()
    if acted:
        _reach("after commit")


planning.plan = _ending_after(planning.plan, "planned")
issuing.sign_and_verify = _ending_after(issuing.sign_and_verify, "drawn")
event.listen(Engine, "before_cursor_execute", _at_statement("before"))
event.listen(Engine, "after_cursor_execute", _at_statement("after"))
DefaultDialect.do_commit = _committing  # type: ignore[method-assign]

if __name__ == "__main__":
    sys.exit(main.main())

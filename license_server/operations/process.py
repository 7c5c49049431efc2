"""The server process: its logs and its garbage collection.

Logs are one JSON object a line on standard error, with the id of the request; never a secret. A
thread of its own writes them, so that no request waits for whoever reads them.
"""

import atexit
import gc
import json
import logging
import os
import queue
import sys
import threading
from io import UnsupportedOperation
from typing import TextIO, cast

import structlog

_THRESHOLD = 50_000
"""New objects until the youngest are looked through; the interpreter's own 700 are less than what
a batch of licences keeps, which would be looked through again and again."""

_MOST_LINES = 10_000
_LAST_WORDS = 1.0
"""Seconds that the end of the process waits for its last lines to be written."""


class Lines:
    """A text stream that never waits: a thread writes what is put into it to *stream*.

    While nobody reads, the first 10,000 lines are kept; a line tells how many more there were.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._waiting: queue.Queue[str | threading.Event] = queue.Queue(_MOST_LINES)
        self._dropped = 0
        threading.Thread(target=self._run, name="log", daemon=True).start()

    def write(self, text: str) -> int:
        """Put a line, or lines, into it."""
        try:
            self._waiting.put_nowait(text)
        except queue.Full:
            self._dropped += 1
        return len(text)

    def flush(self) -> None:
        """Nothing: nobody waits."""

    def settle(self, seconds: float) -> None:
        """Wait until what was put into it is written, for so long at most."""
        written = threading.Event()
        try:
            self._waiting.put(written, timeout=seconds)
        except queue.Full:
            return
        written.wait(seconds)

    def _run(self) -> None:
        while True:
            text = self._waiting.get()
            if isinstance(text, threading.Event):
                text.set()
                continue
            if self._dropped:
                count, self._dropped = self._dropped, 0
                line = {"event": "log lines dropped", "count": count, "level": "warning"}
                text = f"{json.dumps(line)}\n{text}"
            try:
                self._put(text)
            except (OSError, ValueError):  # it is closed, or its reader is gone
                self._dropped += 1

    def _put(self, text: str) -> None:
        try:
            number = self._stream.fileno()
        except UnsupportedOperation:  # it is no file
            self._stream.write(text)
            return
        # Past Python's own buffer, which the interpreter would wait to empty at its end.
        data = text.encode("utf-8", "backslashreplace")
        while data:
            data = data[os.write(number, data) :]


_logs: list[Lines] = []


@atexit.register
def settle_logs() -> None:
    """Let the last lines be written, for a second at most."""
    for lines in _logs:
        lines.settle(_LAST_WORDS)


def configure_logs(threaded: bool = True, /) -> None:
    """Send our own logs, and those of the libraries that warn, to standard error as JSON.

    Not *threaded*: they are written at once, by a process that forks others.
    """
    lines: Lines | TextIO = sys.stderr
    if threaded:
        lines = Lines(sys.stderr)
        _logs.append(lines)
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    renderer = structlog.processors.JSONRenderer(ensure_ascii=False)
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(file=cast("TextIO", lines)),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(lines)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)


def settle_garbage() -> None:
    """Leave alone from now on what is loaded: to look through it again takes 80 ms each time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_THRESHOLD)

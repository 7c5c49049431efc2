"""The server process: its logs and its garbage collection.

Logs are one JSON object a line on standard error, with the id of the request; never a secret.
"""

import gc
import logging
import sys

import structlog

_THRESHOLD = 50_000
"""New objects until the youngest are looked through; the interpreter's own 700 are less than what
a batch of licences keeps, which would be looked through again and again."""


def configure_logs() -> None:
    """Send our own logs, and those of the libraries that warn, to standard error as JSON."""
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
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
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

"""A key of its own for each request: the same key for two requests is refused, as it must be."""

import uuid
from typing import Any

import schemathesis


@schemathesis.hook
def before_call(_: Any, case: Any, __: Any) -> None:
    if case.headers and len(case.headers.get("Idempotency-Key", "")) in range(1, 100):
        case.headers["Idempotency-Key"] += uuid.uuid4().hex

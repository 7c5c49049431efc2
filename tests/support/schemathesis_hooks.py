"""Gives each schemathesis request an idempotency key of its own, since a reused key is rejected."""

import uuid
from typing import Any

import schemathesis


@schemathesis.hook
def before_call(_: Any, case: Any, __: Any) -> None:
    if case.headers and len(case.headers.get("Idempotency-Key", "")) in range(1, 100):
        case.headers["Idempotency-Key"] += uuid.uuid4().hex

"""What the API's description (OpenAPI 3.1) says of each operation."""

from typing import Any


def describe(operation: str) -> dict[str, Any]:
    """What FastAPI does not know of an *operation* by itself."""
    return {"operationId": operation}

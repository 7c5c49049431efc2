"""Path parameters: the ids and names a row may have."""

from license_core.errors import NotFoundError


def row_id(text: str, what: str) -> int:
    """The id in a path. Raises NotFoundError for what can be none."""
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise NotFoundError(what=what, name=text[:64])
    return int(text)


def plain_name(text: str, what: str) -> None:
    """Raise NotFoundError for what can be no name: a database would not take its characters."""
    if not text.isprintable():
        raise NotFoundError(what=what, name=text[:64])

"""Who has a tag: tags stand among the words of customers, after a sign that no other word has."""

from collections.abc import Iterator

from sqlalchemy import ColumnElement, select

from license_server.catalog import tags
from license_server.db.questions import Question, each
from license_server.db.tables import begins, customer_words, customers

_SIGN = "#"


def words(stored: str | None) -> Iterator[str]:
    """The words of the tags in a text as it is stored."""
    return (f"{_SIGN}{tag}" for tag in tags.of(stored))


def has(tag: str) -> ColumnElement[bool]:
    """That a customer has a *tag*, however it is spelt."""
    word = customer_words.c.word
    having = select(customer_words.c.customer_id).where(word == f"{_SIGN}{tags.folded(tag)}")
    return customers.c.id.in_(having)


def in_use(limit: int) -> Question[list[str]]:
    """At most *limit* tags that customers have, in their order."""
    word = customer_words.c.word
    query = select(word).where(begins(word, _SIGN)).distinct().order_by(word).limit(limit)
    return each(query, lambda found: str(found).removeprefix(_SIGN))

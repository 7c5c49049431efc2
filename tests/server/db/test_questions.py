"""Questions that are asked in one statement have the answers that they have alone."""

from typing import Any

from sqlalchemy import Connection, Select, case, false, literal, null, select, true, union_all

from license_server.db.questions import Questions, ask, ask_all, each, first, known
from license_server.db.tables import products
from tests.support.desk import Desk
from tests.support.sql import statements

TEXTS = ("", 'a "quoted" \\ line\n', "上海云渲", "\u202eevil", "O'Neill", "{}", "[1]", "null", "0")


def _texts() -> Select[Any]:
    each_ = (
        select(
            literal(at).label("at"),
            literal(text).label("text"),
            case((literal(at % 2 == 0), true()), else_=false()).label("even"),
            null().label("blank"),
            literal(2**62 + at).label("much"),
        )
        for at, text in enumerate(TEXTS)
    )
    return select(union_all(*each_).subquery()).order_by("at")


def _questions() -> Questions:
    rows = _texts()
    at = rows.selected_columns["at"]
    return {
        "each": each(rows, lambda *row: row),
        "backwards": each(rows.order_by(None).order_by(at.desc()).limit(3), lambda *row: row),
        "first": first(rows, lambda *row: row),
        "none": first(rows.where(false()), lambda *row: row),
        "no rows": each(rows.where(false()), lambda *row: row),
        "known": known("an answer"),
        "is_there": first(select(products.c.id.is_not(None)).limit(1), lambda one: one),
    }


def test_answers_are_those_of_each_question_alone(desk: Desk) -> None:
    asked = _questions()

    def read(connection: Connection) -> tuple[object, object]:
        alone = {name: ask(connection, one) for name, one in asked.items()}
        return alone, ask_all(connection, asked)

    with statements(desk.site.database.engine) as said:
        together = desk.site.database.read(lambda c: ask_all(c, asked))
    assert len([one for one in said if "evil" in one or "json" in one]) == 1
    alone, again = desk.site.database.read(read)
    assert alone == together == again
    texts = [row[1] for row in together["each"]]
    assert texts == list(TEXTS)
    assert [row[2] for row in together["each"]] == [at % 2 == 0 for at in range(len(TEXTS))]
    assert all(type(row[2]) is bool for row in together["each"])
    assert [row[0] for row in together["backwards"]] == [8, 7, 6]
    assert together["none"] is None and together["no rows"] == []
    assert together["known"] == "an answer"


def test_nothing_is_asked_where_all_is_known(desk: Desk) -> None:
    with statements(desk.site.database.engine) as said:
        assert desk.site.database.read(lambda c: ask_all(c, {"a": known(1)})) == {"a": 1}
    assert not said

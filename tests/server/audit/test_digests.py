"""The digest of a row, where a column came to its table later."""

from sqlalchemy import Column, Integer, LargeBinary, MetaData, String, Table

from license_server.audit.digests import LATER, Shape

BEFORE = Shape.of(
    Table(
        "t", MetaData(), Column("name", String), Column("seal", LargeBinary), Column("n", Integer)
    )
)
AFTER = Shape.of(
    Table(
        "t",
        MetaData(),
        *(Column("name", String), Column("seal", LargeBinary), Column("n", Integer)),
        Column("colour", String, info=LATER),
    )
)
ROW = {"name": "a", "seal": b"\0\xff", "n": None}


def test_a_row_without_a_value_in_a_later_column_keeps_its_digest() -> None:
    assert AFTER.digest(ROW | {"colour": None}) == BEFORE.digest(ROW)


def test_a_value_in_a_later_column_is_bound() -> None:
    digests = {AFTER.digest(ROW | {"colour": colour}) for colour in (None, "", "red", "blue")}
    assert len(digests) == 4


def test_a_column_that_was_there_from_the_beginning_is_bound_without_a_value_too() -> None:
    without = Shape.of(Table("t", MetaData(), Column("name", String), Column("seal", LargeBinary)))
    assert without.digest(ROW) != BEFORE.digest(ROW)

"""Digests of rows in tables that got another column later."""

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


def test_empty_later_column_does_not_change_the_digest() -> None:
    assert AFTER.digest(ROW | {"colour": None}) == BEFORE.digest(ROW)


def test_value_in_a_later_column_changes_the_digest() -> None:
    digests = {AFTER.digest(ROW | {"colour": colour}) for colour in (None, "", "red", "blue")}
    assert len(digests) == 4


def test_empty_original_column_is_part_of_the_digest() -> None:
    without = Shape.of(Table("t", MetaData(), Column("name", String), Column("seal", LargeBinary)))
    assert without.digest(ROW) != BEFORE.digest(ROW)

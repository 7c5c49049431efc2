"""What tables are made of: the one metadata that knows them all, and types of columns."""

from sqlalchemy import BigInteger, Integer, MetaData, String, text
from sqlalchemy.types import TypeEngine

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite counts only in a column that is declared as INTEGER.
Id = BigInteger().with_variant(Integer, "sqlite")

# Of columns that came to tables with rows: SQLite takes no such column without one, and keeps it.
UNSAID = text("''")


def Prefix(length: int) -> TypeEngine[str]:  # noqa: N802  # stands where a type stands
    """A text that is looked for from its beginning: in the order of its characters."""
    return String(length).with_variant(String(length, collation="C"), "postgresql")

"""Drafts, uploaded sheets, import jobs and their batches leave the table of idempotency keys.

There they stood under prefixes of keys, beside the replies to requests. What is there goes on: a
job that was begun is taken up again, and its batches are known by the same hashes as before.
"""

import hashlib
import json
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_PEOPLE = "user:%"  # drafts and uploaded sheets are theirs; a token's keys are its own choice
_LISTS = ("numbers", "left_out")

_keys = sa.table(
    "idempotency_keys",
    sa.column("actor", sa.String),
    sa.column("key", sa.String),
    sa.column("fingerprint", sa.LargeBinary),
    sa.column("created_at", sa.BigInteger),
    sa.column("status", sa.Integer),
    sa.column("location", sa.Text),
    sa.column("body", sa.LargeBinary),
)


def upgrade() -> None:
    drafts = _create(
        "drafts",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("path", sa.String(200), nullable=False),
        sa.Column("fields", sa.Text(), nullable=False),
    )
    sheets = _create(
        "import_sheets",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
    )
    batches = _create(
        "import_batches",
        sa.Column("key", sa.LargeBinary(32), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(32), nullable=False),
        sa.Column("outcomes", sa.Text(), nullable=False),
    )
    counts = ("lines", "done", "issued", "wrong")
    jobs = _create(
        "import_jobs",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in counts),
        *(sa.Column(name, sa.Text(), nullable=False) for name in _LISTS),
        sa.Column("rules", sa.Text()),
        sa.Column("problem", sa.String(64)),
        sa.Column("detail", sa.Text()),
        age="heartbeat_at",
    )
    op.create_index("ix_import_jobs_id_actor", "import_jobs", ["id", "actor"])
    op.create_index("ix_import_jobs_actor_heartbeat_at", "import_jobs", ["actor", "heartbeat_at"])
    _move(drafts, _kept("draft:", _keys.c.actor.like(_PEOPLE)), _draft)
    _move(sheets, _kept("sheet:", _keys.c.actor.like(_PEOPLE)), _sheet)
    _move(jobs, _kept("sheet-progress:", _keys.c.actor.like(_PEOPLE)), _job)
    # A batch is told from what a client calls so: no other reply of 201 is a list.
    a_list = sa.func.substr(_keys.c.body, 1, 2) == sa.literal(b"[[", sa.LargeBinary)
    of_a_batch = (_keys.c.status == 201, _keys.c.location.is_(None), a_list)
    _move(batches, _kept("bulk:", sa.func.length(_keys.c.key) == 69, *of_a_batch), _batch)
    # The keys of imports by the API stay where they are; that they are worked on is their job's.
    for held in _rows(sa.select(_keys).where(_keys.c.status.is_(None))):
        op.get_bind().execute(sa.insert(jobs), _held(held))


def downgrade() -> None:
    connection = op.get_bind()
    tables = {
        name: sa.Table(name, sa.MetaData(), autoload_with=connection)
        for name in ("drafts", "import_sheets", "import_jobs", "import_batches")
    }
    jobs = tables["import_jobs"]
    for held in list(_rows(sa.select(_keys).where(_keys.c.status.is_(None)))):
        of_it = (jobs.c.actor == held["actor"], jobs.c.id == _id_of(held))
        alive = connection.execute(sa.select(jobs.c.heartbeat_at).where(*of_it)).scalar()
        if alive is not None:
            one = (_keys.c.actor == held["actor"], _keys.c.key == held["key"])
            connection.execute(sa.update(_keys).where(*one).values(created_at=alive))
    for name, former in (
        ("drafts", _former_draft),
        ("import_sheets", _former_sheet),
        ("import_batches", _former_batch),
    ):
        for row in _rows(sa.select(tables[name])):
            connection.execute(sa.insert(_keys), former(row))
    for row in _rows(sa.select(jobs).where(jobs.c.actor.like(_PEOPLE))):
        connection.execute(sa.insert(_keys), _former_job(row))
    for name in tables:
        op.drop_table(name)


def _create(
    name: str, key: sa.Column[Any], *columns: sa.Column[Any], age: str = "created_at"
) -> sa.Table:
    """A table of what belongs to an actor, and is forgotten by its *age*."""
    table = op.create_table(
        name,
        sa.Column("actor", sa.String(200), nullable=False),
        key,
        *columns,
        sa.Column(age, sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("actor", key.name, name=op.f(f"pk_{name}")),
    )
    op.create_index(f"ix_{name}_{age}", name, [age])
    return table


def _kept(prefix: str, *such: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    """The keys with this prefix that are such, and have a reply."""
    named = sa.func.substr(_keys.c.key, 1, len(prefix)) == prefix
    return sa.and_(named, _keys.c.status.is_not(None), *such)


def _rows(query: sa.Select[Any]) -> Iterator[dict[str, Any]]:
    """The rows of *query*, one at a time: a sheet may be large."""
    found = op.get_bind().execute(query, execution_options={"yield_per": 1})
    for row in found.mappings():
        yield {name: _plain(value) for name, value in row.items()}


def _plain(value: Any) -> Any:
    return bytes(value) if isinstance(value, memoryview) else value


def _move(table: sa.Table, which: sa.ColumnElement[bool], as_row: Any) -> None:
    """Move the keys *which* into *table*."""
    connection = op.get_bind()
    for kept in _rows(sa.select(_keys).where(which)):
        connection.execute(sa.insert(table), as_row(kept))
    connection.execute(sa.delete(_keys).where(which))


def _named(kept: dict[str, Any]) -> dict[str, Any]:
    return {"actor": kept["actor"], "id": kept["key"].partition(":")[2]}


def _draft(kept: dict[str, Any]) -> dict[str, Any]:
    told = json.loads(kept["body"])
    fields = {"path": told["path"], "fields": _dumps(told["fields"])}
    return _named(kept) | fields | {"created_at": kept["created_at"]}


def _sheet(kept: dict[str, Any]) -> dict[str, Any]:
    return _named(kept) | {"content": kept["body"], "created_at": kept["created_at"]}


def _job(kept: dict[str, Any]) -> dict[str, Any]:
    told = json.loads(kept["body"])
    columns = {name: told[name] for name in ("lines", "done", "issued", "wrong")}
    columns |= {name: _dumps(told[name]) for name in _LISTS}
    columns |= {name: told.get(name) for name in ("problem", "detail")}
    rules = told.get("rules")
    columns["rules"] = None if rules is None else _dumps(rules)
    state = {"state": _state(kept["status"], told), "heartbeat_at": kept["created_at"]}
    return _named(kept) | columns | state


def _state(status: int, told: dict[str, Any]) -> str:
    if status == 200:
        return "done"
    if told.get("problem") is not None:
        return "stopped"
    return "waiting" if told.get("waits") else "running"


def _batch(kept: dict[str, Any]) -> dict[str, Any]:
    return {
        "actor": kept["actor"],
        "key": bytes.fromhex(kept["key"].removeprefix("bulk:")),
        "fingerprint": kept["fingerprint"],
        "outcomes": kept["body"].decode("utf-8"),
        "created_at": kept["created_at"],
    }


def _held(kept: dict[str, Any]) -> dict[str, Any]:
    counts = dict.fromkeys(("lines", "done", "issued", "wrong"), 0)
    lists = dict.fromkeys(_LISTS, "[]")
    alive = {"state": "running", "heartbeat_at": kept["created_at"]}
    return {"actor": kept["actor"], "id": _id_of(kept)} | alive | counts | lists


def _id_of(held: dict[str, Any]) -> str:
    """The id of the job of a request with a key."""
    name = f"{held['key']}\n{held['fingerprint'].hex()}"
    return hashlib.sha256(name.encode()).hexdigest()[:32]


def _former(row: dict[str, Any], key: str, status: int, body: bytes) -> dict[str, Any]:
    at = row.get("created_at", row.get("heartbeat_at"))
    named = {"actor": row["actor"], "key": key, "fingerprint": bytes(32), "created_at": at}
    return named | {"status": status, "location": None, "body": body}


def _former_draft(row: dict[str, Any]) -> dict[str, Any]:
    told = {"path": row["path"], "fields": json.loads(row["fields"])}
    return _former(row, f"draft:{row['id']}", 200, _dumps(told).encode())


def _former_sheet(row: dict[str, Any]) -> dict[str, Any]:
    digest = hashlib.sha256(row["content"]).digest()
    return _former(row, f"sheet:{row['id']}", 200, row["content"]) | {"fingerprint": digest}


def _former_job(row: dict[str, Any]) -> dict[str, Any]:
    names = ("lines", "done", "issued", "wrong", *_LISTS, "problem", "detail", "rules")
    told = {name: row[name] for name in names}
    told |= {name: json.loads(row[name]) for name in _LISTS}
    told["rules"] = None if row["rules"] is None else json.loads(row["rules"])
    told["waits"] = row["state"] == "waiting"
    status = 200 if row["state"] == "done" else 202
    return _former(row, f"sheet-progress:{row['id']}", status, _dumps(told).encode())


def _former_batch(row: dict[str, Any]) -> dict[str, Any]:
    kept = _former(row, f"bulk:{row['key'].hex()}", 201, row["outcomes"].encode())
    return kept | {"fingerprint": row["fingerprint"]}


def _dumps(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))

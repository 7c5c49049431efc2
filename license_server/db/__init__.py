"""The database: its tables, its one writer, deferred rows and idempotency keys."""

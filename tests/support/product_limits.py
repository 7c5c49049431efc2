"""What a token that is limited to products gets from each route, for each kind of thing.

docs/PERMISSIONS.md shows it, and tests/server/test_product_limits.py calls each cell.
"""

YES, BARE, UNKNOWN, REFUSED, TAKEN = "yes", "name only", "not found", "rejected", "name taken"
NOTHING = "nothing of it"
OURS, SHARED, THEIRS, NOBODYS, MISSING = "its own", "shared", "others", "without a licence", "none"
KINDS = (OURS, SHARED, THEIRS, NOBODYS)
"""Of a customer: with licences of the token's products only, of others too, of others only; none
at all. Of all else: of its product, or of another."""


def cells(own: str = YES, others: str = UNKNOWN) -> dict[str, str]:
    return {OURS: own, THEIRS: others, MISSING: others}


CELLS: dict[str, dict[str, str]] = {
    "GET /api/v1/licenses": cells(),
    "GET /api/v1/find": cells() | {SHARED: BARE, NOBODYS: UNKNOWN},
    "POST /api/v1/licenses": cells(others=REFUSED),
    "GET /api/v1/licenses/{number}": cells(),
    "GET /api/v1/licenses/{number}/license.dat": cells(),
    "GET /api/v1/licenses/{number}/history": cells(),
    "POST /api/v1/licenses/{number}/notes": cells(),
    "POST /api/v1/licenses/{number}/renew": cells(),
    "POST /api/v1/licenses/{number}/rehost": cells(),
    "POST /api/v1/licenses/{number}/change": cells(),
    "POST /api/v1/licenses/{number}/suspend": cells(),
    "POST /api/v1/licenses/{number}/reinstate": cells(),
    "POST /api/v1/licenses/{number}/revoke": cells(),
    "POST /api/v1/diagnoses": cells(others=NOTHING),
    "POST /api/v1/licenses/{number}/unrevoke": cells(),
    "POST /api/v1/licenses/{number}/return": cells(),
    "POST /api/v1/licenses/{number}/stop-gap": cells(),
    "GET /api/v1/customers": cells() | {SHARED: BARE, NOBODYS: UNKNOWN},
    "POST /api/v1/customers": cells(TAKEN, TAKEN) | {SHARED: TAKEN, NOBODYS: TAKEN, MISSING: YES},
    "GET /api/v1/customers/{id}": cells() | {SHARED: BARE, NOBODYS: UNKNOWN},
    "PATCH /api/v1/customers/{id}": cells() | {SHARED: REFUSED, NOBODYS: UNKNOWN},
    "POST /api/v1/customers/{id}/archive": cells() | {SHARED: REFUSED, NOBODYS: UNKNOWN},
    "POST /api/v1/customers/{id}/unarchive": cells() | {SHARED: REFUSED, NOBODYS: UNKNOWN},
    "POST /api/v1/customers/{id}/merge": cells() | {SHARED: REFUSED, NOBODYS: UNKNOWN},
    "POST /api/v1/products/{name}/archive": cells(),
    "POST /api/v1/products/{name}/unarchive": cells(),
    "GET /api/v1/products": cells(),
    "POST /api/v1/products": cells(TAKEN, REFUSED),
    "GET /api/v1/products/{name}": cells(),
    "PATCH /api/v1/products/{name}": cells(),
    "GET /api/v1/products/{name}/letters": cells(),
    "PATCH /api/v1/products/{name}/letters": cells(),
    "GET /api/v1/mails": cells(),
    "GET /api/v1/mails/{id}": cells(),
    "POST /api/v1/mails/{id}/retry": cells(),
    "POST /api/v1/mails/{id}/cancel": cells(),
    "GET /api/v1/customers/{id}/portal-links": cells() | {SHARED: YES, NOBODYS: UNKNOWN},
    "POST /api/v1/customers/{id}/portal-links": cells() | {SHARED: YES, NOBODYS: UNKNOWN},
    "POST /api/v1/portal-links/{id}/withdraw": cells(),
    "GET /api/v1/renewals": cells(),
    "GET /api/v1/proposals": cells(),
    "GET /api/v1/proposals/{id}": cells(),
    "POST /api/v1/proposals/{id}/approve": cells(),
    "POST /api/v1/proposals/{id}/refuse": cells(),
    "GET /api/v1/requests": cells(),
    "POST /api/v1/requests": cells(others=REFUSED),
    "GET /api/v1/requests/{id}": cells(),
    "POST /api/v1/requests/{id}/assign": cells(),
    "POST /api/v1/requests/{id}/note": cells(),
    "POST /api/v1/requests/{id}/reply": cells(),
    "POST /api/v1/requests/{id}/send": cells(UNKNOWN),  # no licence answers it yet
    "POST /api/v1/requests/{id}/issue": cells(),
    "POST /api/v1/requests/{id}/move": cells(),
    "POST /api/v1/requests/{id}/answer": cells(),
    "POST /api/v1/requests/{id}/refuse": cells(),
    "POST /api/v1/jobs": cells(),
    "GET /api/v1/jobs/{id}": cells(UNKNOWN),  # a job is its maker's
    "POST /api/v1/jobs/{id}/begin": cells(UNKNOWN),
    "GET /api/v1/jobs/{id}/report.csv": cells(UNKNOWN),
    "POST /api/v1/imports": cells(others=REFUSED),
    "GET /api/v1/exports/licenses.csv": cells(),
    "GET /api/v1/exports/customers.csv": cells() | {SHARED: BARE, NOBODYS: UNKNOWN},
}
"""Each route that is not of the whole server, and what comes of each kind of thing."""


def table() -> str:
    """The matrix as docs/PERMISSIONS.md has it."""
    lines = [f"| route | {' | '.join((*KINDS, MISSING))} |\n", f"| --- |{' --- |' * 5}\n"]
    for row, row_cells in CELLS.items():
        told = " | ".join(row_cells.get(kind, "") for kind in (*KINDS, MISSING))
        lines.append(f"| `{row}` | {told} |\n")
    return "".join(lines)

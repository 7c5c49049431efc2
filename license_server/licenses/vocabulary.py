"""The words by which licences are asked for, everywhere the same; they need no other package."""

FILTERS = (
    *("customer", "product", "host_key", "host_name", "number", "line", "q", "state"),
    *("plan", "kind"),
    *("expires_from", "expires_until", "expires_before"),
)
"""The filters: of the desk, the API, a CSV export and the shell."""
STATES = ("valid", "grace", "active", "expired", "suspended", "revoked", "returned", "replaced")
"""What the filter ``state`` may be; ``active``: valid or in grace."""
KINDS = TRIAL, STOP_GAP = "trial", "stop-gap"
"""The kinds of licences that are given once (kinds.py)."""

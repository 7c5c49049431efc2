"""For how many days a revocation list counts as fresh."""

LISTED_DAYS = 30
"""Unless whoever publishes it says otherwise."""
MOST_DAYS = 3650

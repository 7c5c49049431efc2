"""How far the list of what is due reaches, in days."""

USUAL_DAYS, MOST_DAYS = 90, 3660
"""So many days ahead are listed."""
ENDED_DAYS = 31
"""So many days ago what is listed may have ended."""

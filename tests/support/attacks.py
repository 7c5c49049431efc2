"""Hostile texts: markup, direction marks and lengths that break a page unless escaped."""

ATTACKS = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{ 7*7 }}",
)
RTL = "\u202etxt.exe\u200f"
LONG = "x" * 10_000
HOSTILE_NAMES = (
    "<img src=x onerror=alert(1)>",
    '"><script>alert(1)</script>',
    "</title></svg><script>x</script>",
    "\u202egnp.exe\u202c",
    "\u200f\u05d0\u05d1",
    "X" * 200,
    "=HYPERLINK(0)",
)

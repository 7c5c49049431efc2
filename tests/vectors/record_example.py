"""The worked example of SPEC section 11.4: a chain of three events and a checkpoint over it.

The first two are of an earlier version; the third has seals, and its address and customer are
erased.

The seed of the record's key is 32 bytes 0x02: it is public, and nobody may trust it.
"""

from license_core import b64url
from license_core.signer import MemorySigner
from license_server.audit import chain, seals
from license_server.audit.audit_store import Event
from license_server.audit.checkpoints import Checkpoint
from license_server.audit.digests import digest

SIGNER = MemorySigner.from_seed(b"\x02" * 32)
_AT = 1795430400  # 2026-11-23T12:00:00Z

CUSTOMER = {
    "id": 1,
    "name": "Example Ltd",
    "created_at": _AT,
    "contact_name": None,
    "contact_email": None,
    "language": "zh",
    "notes": None,
    "archived_at": None,
    "merged_into": None,
    "tags": None,
    "owner": None,
    "no_reminders": None,
    "domains": None,
    "erased_at": None,
}


def events() -> list[Event]:
    """The events, linked."""
    rows = f'{{"customers/1":"{digest("customers", CUSTOMER)}"}}'
    actor, address = "user:support@example.com", "192.0.2.7"
    bare = [
        Event(7, _AT, actor, "customer.added", "Example Ltd", "{}", address, None, rows, 1, None),
        Event(
            id=9,
            at=_AT + 60,
            actor="command",
            action="license.noted",
            subject="L-2026-0001",
            details="{}",
            address=None,
            reason="电话 \u2014 by telephone",
            rows=None,
            position=2,
            link=None,
        ),
    ]
    sealed = Event(
        id=10,
        at=_AT + 120,
        actor="user:support@example.com",
        action="license.issued",
        subject="L-2026-0002",
        details='{"customer":"Example Ltd","product":"darwin"}',
        address="192.0.2.7",
        reason=None,
        rows=None,
        position=3,
        link=None,
        salt=bytes(range(32)),
    )
    bare.append(sealed)
    previous, linked = chain.GENESIS, []
    for event in bare:
        previous = chain.link(previous, event)
        linked.append(event._replace(link=previous))
    return linked


def blocks() -> dict[str, str]:
    """What stands in the fenced blocks of SPEC section 11.4, by what is said above each."""
    first, second, third = events()
    assert second.link is not None
    assert third.link is not None
    left = seals.without(third, {"address": None, "details/customer": "#1, erased"})
    checkpoint = Checkpoint("Darwin Support", 3, third.link, 0, _AT + 3600)
    token = checkpoint.sign(SIGNER)
    header, payload, _ = token.split(".")
    return {
        "The key of the record: its seed, its public key and its thumbprint": "\n".join(
            ("02" * 32, b64url.encode(SIGNER.public_key.raw), SIGNER.public_key.kid)
        ),
        "The text of the first event, one line": chain.canonical(first).decode(),
        "Its link, the SHA-256 of 32 zero bytes and that text": (first.link or b"").hex(),
        "The text of the second event, one line": chain.canonical(second).decode(),
        "Its link, the SHA-256 of the first link and that text": second.link.hex(),
        "The second event as a line of an export": chain.exported(second).decode().rstrip("\n"),
        "The text of the third event, which has seals, one line": chain.canonical(third).decode(),
        "Its link, the SHA-256 of the second link and that text": third.link.hex(),
        "It as a line of an export": chain.exported(third).decode().rstrip("\n"),
        "The same once its address and its customer are erased": (
            chain.exported(left).decode().rstrip("\n")
        ),
        "The payload of the checkpoint, one line": b64url.decode(payload).decode(),
        "The bytes of its header": b64url.decode(header).decode(),
        "The checkpoint": token,
    }


def section() -> str:
    """SPEC section 11.4."""
    lines = [
        "### 11.4 Worked example",
        "",
        "The seed of the record's key is 32 bytes 0x02: it is public, and nobody may trust it.",
        "`tests/vectors/record_example.py` makes these bytes, and a test compares them.",
        "",
    ]
    for title, text in blocks().items():
        lines += [f"{title}:", "", "```", text, "```", ""]
    return "\n".join(lines)

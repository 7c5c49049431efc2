"""How much of one mail is read. Whatever lies beyond is said, and a person may look.

A mail is a stranger's: its work is bounded by these, and by nothing that it says of itself.
"""

from license_core.reason import Reason

LARGEST = 25 * 1024 * 1024
"""The most bytes of a mail; of a larger one, only the header is read."""
HEADER = 256 * 1024
"""The most bytes of a header."""
FIELDS = 500
"""The most fields of a header."""
FIELD = 16 * 1024
"""The most bytes of a field."""
PARTS = 200
"""The most parts of a mail, with those of all that it has within."""
DEEPEST = 12
"""The most parts and mails within one another."""
PART = 512 * 1024
"""The most bytes of a text, decoded."""
BYTES = 4 * 1024 * 1024
"""The most bytes of all texts of a mail, decoded: with all that nobody sees of them."""
TEXTS = 2 * 1024 * 1024
"""The most characters of all texts of a mail."""
REASONS = 20
"""So many things are said of what was not read."""


class Budget:
    """What is left for one mail, and what was not read of it."""

    def __init__(self) -> None:
        self._parts = PARTS
        self._bytes = BYTES
        self._characters = TEXTS
        self._unread: dict[Reason, None] = {}

    @property
    def unread(self) -> tuple[Reason, ...]:
        """What was not read, and why; each once."""
        return tuple(self._unread)

    def tell(self, reason: Reason) -> None:
        """Say that something was not read."""
        if len(self._unread) < REASONS:
            self._unread[reason] = None

    def take_part(self) -> bool:
        """Whether one more part may be read."""
        if self._parts <= 0:
            self.tell(Reason("only the first {most} parts were read", most=PARTS))
            return False
        self._parts -= 1
        return True

    def within(self, depth: int) -> bool:
        """Whether what is *depth* parts deep may be read."""
        if depth > DEEPEST:
            self.tell(Reason("parts more than {most} deep were not read", most=DEEPEST))
        return depth <= DEEPEST

    def take(self, size: int) -> int:
        """How many bytes of a text of *size* may be decoded."""
        taken = min(size, PART, self._bytes)
        if taken < size:
            self.tell(Reason("a text of {size} bytes was read in part", size=size))
        self._bytes -= taken
        return taken

    def cut(self, text: str) -> str:
        """As much of *text* as may be kept."""
        kept = text[: self._characters]
        if len(kept) < len(text):
            self.tell(Reason("only the first {most} characters were read", most=TEXTS))
        self._characters -= len(kept)
        return kept

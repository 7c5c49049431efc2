"""The first line of a file that says something, by its hash: a file may have very many lines."""

from array import array

_FEW = 1024


class FirstLines:
    """Numbers of lines, by the hashes of what they say: a table with open addressing.

    It is at most half full, and takes 24 to 48 bytes a line, where a dict takes 110.
    """

    def __init__(self, most: int | None = None) -> None:
        """At most so many are kept; None: all."""
        self._most = most
        self._count = 0
        self._make(_FEW)

    def first(self, said: int, line: int) -> int:
        """The first line that says this, by its hash; *line* itself where none did before it."""
        hashes, lines, last = self._hashes, self._lines, self._last
        at = said & last
        while lines[at]:
            if hashes[at] == said:
                return lines[at]
            at = at + 1 & last
        if self._count != self._most:
            hashes[at], lines[at] = said, line
            self._count += 1
            if 2 * self._count > last:
                self._grow()
        return line

    def _make(self, places: int) -> None:
        """An empty table of so many *places*, a power of two."""
        self._hashes, self._lines = array("q", bytes(8 * places)), array("i", bytes(4 * places))
        self._last = places - 1

    def _grow(self) -> None:
        hashes, lines = self._hashes, self._lines
        self._make(2 * len(lines))
        self._count = 0
        for said, line in zip(hashes, lines, strict=True):
            if line:
                self.first(said, line)

"""Rate limits: a token bucket for each client.

The buckets are in the memory of a process: where several processes serve, each gives as much.
"""

from typing import NamedTuple

from license_core.errors import RateLimitedError
from license_core.reason import Reason

_WINDOW = 60
"""Seconds in which an empty bucket is full again."""
_MOST_BUCKETS = 10_000


class Left(NamedTuple):
    """What a client has left."""

    limit: int
    """How many requests a full bucket has."""
    remaining: int
    reset: int
    """After so many seconds it is full again."""

    def headers(self) -> dict[str, str]:
        """As HTTP has it (draft-ietf-httpapi-ratelimit-headers-10)."""
        return {
            "RateLimit-Policy": f'"default";q={self.limit};w={_WINDOW}',
            "RateLimit": f'"default";r={self.remaining};t={self.reset}',
        }


class Rates:
    """The buckets of one process."""

    def __init__(self, limit: int) -> None:
        """*limit*: requests a minute, and at once."""
        self._limit = limit
        self._buckets: dict[str, tuple[float, int]] = {}

    def take(self, client: str, now: int) -> Left:
        """Take one request from the bucket of *client*. Raises RateLimitedError."""
        level = self._level(client, now)
        if level < 1:
            self._buckets[client] = (
                level,
                now,
            )  # it fills from now on, if the clock was ahead, too
            seconds = max(1, -(-_WINDOW // self._limit))
            limit = Reason("{count} requests a minute", count=self._limit)
            if self._limit == 1:
                limit = Reason("1 request a minute")
            raise RateLimitedError(seconds=seconds, limit=limit)
        if client not in self._buckets and len(self._buckets) >= _MOST_BUCKETS:
            self._forget(now)
        self._buckets[client] = (level - 1, now)
        return self._left(level - 1)

    def left(self, client: str, now: int) -> Left:
        """What *client* has left."""
        return self._left(self._level(client, now))

    def _left(self, level: float) -> Left:
        missing = (self._limit - level) * _WINDOW / self._limit
        return Left(self._limit, int(level), -int(-missing // 1))

    def _level(self, client: str, now: int) -> float:
        level, at = self._buckets.get(client, (float(self._limit), now))
        return min(float(self._limit), level + max(0, now - at) * self._limit / _WINDOW)

    def _forget(self, now: int) -> None:
        """Forget the buckets that are full; if all are in use, all: memory has a bound."""
        kept = {
            client: bucket
            for client, bucket in self._buckets.items()
            if self._level(client, now) < self._limit
        }
        self._buckets = kept if len(kept) < _MOST_BUCKETS else {}

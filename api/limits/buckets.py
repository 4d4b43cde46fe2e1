"""GCRA in Redis: one atomic script, one round trip, by Redis' own clock.

The generic cell rate algorithm (ITU-T I.371, annex A) keeps one number a caller: the time at which all he has asked for
will have been worked off at his rate. A request is let through as long as that lies at most a burst ahead.
"""

from __future__ import annotations

import asyncio
import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import structlog

from stores.settings import MissingStore, Settings

if TYPE_CHECKING:
    from redis.asyncio import Redis

_log = structlog.get_logger("api")

# KEYS[1] the bucket; ARGV: microseconds that one request costs, burst in requests, cost in requests.
# Numbers of this size lose digits in Lua's own conversion to text, hence the formats.
_SCRIPT = """
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local interval, burst, cost = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local depth = interval * burst
local ahead = tonumber(redis.call('GET', KEYS[1]) or now)
if ahead < now then ahead = now end
-- Further than a burst it can only lie if the clock was set back; nobody waits for that.
if ahead > now + depth then ahead = now + depth end
local following = ahead + interval * cost
local early = following - depth - now
if early > 0 then
  return {0, math.floor((now + depth - ahead) / interval), ahead - now, math.ceil(early)}
end
redis.call('SET', KEYS[1], string.format('%.0f', following), 'PX', math.ceil((following - now) / 1000))
return {1, math.floor((now + depth - following) / interval), following - now, 0}
"""

_WAIT_S = 1.0
"""Longest wait for Redis: a request must not be held up by its own limit."""
_AT_ONCE = 32
"""Requests counted at once by this process. The others wait, which says nothing about Redis."""
_PAUSE_S = 1.0
"""Pause after a failure, in which Redis is not asked: it would cost every request that wait."""


@dataclass(frozen=True)
class Allowance:
    """How much a caller may ask for.

    Attributes
    ----------
    policy : str
        Name shown to him: his plan's, or the kind of limit.
    per_minute : int
    burst : int
        Requests he may send at once after a pause.
    """

    policy: str
    per_minute: int
    burst: int

    @property
    def interval_us(self) -> float:
        """Microseconds of his rate that one request uses up."""
        return 60e6 / max(self.per_minute, 1)

    @property
    def window_s(self) -> int:
        """Seconds in which a whole burst grows back."""
        return max(1, math.ceil(self.burst * self.interval_us / 1e6))


@dataclass(frozen=True)
class Decision:
    """What came of one request.

    Attributes
    ----------
    admitted : bool
    allowance : Allowance
    remaining : int
        Requests he could send at once now.
    reset_s : int
        Seconds until the whole burst is there again.
    retry_s : int
        Seconds after which this request would be let through; 0 if it was.
    """

    admitted: bool
    allowance: Allowance
    remaining: int
    reset_s: int
    retry_s: int

    def headers(self) -> dict[str, str]:
        """Say it in the fields of draft-ietf-httpapi-ratelimit-headers-11 (May 2026)."""
        name = self.allowance.policy
        told = {
            "RateLimit-Policy": f'"{name}";q={self.allowance.burst};w={self.allowance.window_s}',
            "RateLimit": f'"{name}";r={self.remaining};t={self.reset_s}',
        }
        return told if self.admitted else {**told, "Retry-After": str(self.retry_s)}


class LimiterUnavailable(Exception):
    """Redis did not count this request."""


class Buckets:
    """The counters of all callers.

    Parameters
    ----------
    settings : Settings
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._client: Redis | None = None
        self._script: Any = None
        self._silent_until = float("-inf")
        self._turns = asyncio.Semaphore(_AT_ONCE)

    async def take(self, caller: str, allowance: Allowance, cost: int = 1) -> Decision:
        """Count a request.

        Parameters
        ----------
        caller : str
            Whose bucket.
        allowance : Allowance
        cost : int
            Requests it counts for; never more than a burst, so that it can be let through at some time.

        Raises
        ------
        LimiterUnavailable
            If Redis cannot be reached, or not in time.
        """
        async with self._turns:
            admitted, remaining, reset_us, retry_us = await self._take(caller, allowance, cost)
        return Decision(
            bool(admitted), allowance, int(remaining), math.ceil(reset_us / 1e6), math.ceil(max(retry_us, 0) / 1e6)
        )

    async def _take(self, caller: str, allowance: Allowance, cost: int) -> tuple[float, float, float, float]:
        if time.monotonic() < self._silent_until:
            raise LimiterUnavailable
        burst = max(allowance.burst, 1)
        try:
            async with asyncio.timeout(_WAIT_S):
                return await self._run(f"cap:limit:{caller}", [allowance.interval_us, burst, min(cost, burst)])
        except Exception as error:
            if not _is_absence(error):
                raise
            self._silent_until = time.monotonic() + _PAUSE_S
            _log.warning("limiter_unavailable", error=type(error).__name__)
            raise LimiterUnavailable from error

    async def close(self) -> None:
        """Close the connections."""
        client, self._client, self._script = self._client, None, None
        if client is not None:
            await client.aclose()

    async def _run(self, key: str, arguments: list[float]) -> Any:
        if self._client is None:
            from stores import cache

            self._client = cache.connect_async(
                self._settings, max_connections=_AT_ONCE, pool_timeout_s=_WAIT_S, socket_timeout_s=_WAIT_S
            )
            self._script = self._client.register_script(_SCRIPT)
        return await self._script(keys=[key], args=arguments)


def _is_absence(error: Exception) -> bool:
    from redis.exceptions import RedisError

    return isinstance(error, (RedisError, MissingStore, OSError, TimeoutError))

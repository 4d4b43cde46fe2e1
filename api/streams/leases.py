"""How many streams somebody has open, over all replicas: places in Redis that run out unless they are renewed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import structlog

from api.dependencies import Context
from stores.settings import MissingStore

if TYPE_CHECKING:
    from api.streams.reader import Reader

_log = structlog.get_logger("streams")

_LASTS_MS = 45_000
RENEWED_EVERY_S = 15.0

# One place a stream. Whoever came first keeps his when there are fewer than before: names begin with the time of opening.
# The time is the server's, the same for every replica.
_TAKE = """
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
local before = 0
for _, name in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
    if name < ARGV[1] then before = before + 1 end
end
local known = redis.call('ZSCORE', KEYS[1], ARGV[1])
local taken = known and before or redis.call('ZCARD', KEYS[1])
if taken >= tonumber(ARGV[2]) then
    redis.call('ZREM', KEYS[1], ARGV[1])
    return 0
end
redis.call('ZADD', KEYS[1], now + ARGV[3], ARGV[1])
redis.call('PEXPIRE', KEYS[1], 2 * ARGV[3])
return 1
"""


def _key(owner: str) -> str:
    return f"cap:streams:{owner}"


class Leases:
    """The places of this process's readers."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._redis: Any = None
        self._take: Any = None

    async def take(self, reader: Reader, open_here: int) -> bool:
        """Take or renew a place.

        Without Redis only the streams of this process are counted.

        Parameters
        ----------
        reader : Reader
        open_here : int
            Other streams of the same owner in this process.
        """
        answers = await self._run([reader])
        if answers is None:
            return open_here < reader.standing.entitlements.streams
        return bool(answers[0])

    async def renew(self, readers: Sequence[Reader]) -> list[Reader]:
        """Renew places; returns the readers who have none any more. Without Redis everybody keeps his."""
        lost: list[Reader] = []
        for begin in range(0, len(readers), 500):
            some = readers[begin : begin + 500]
            answers = await self._run(some)
            if answers is None:
                return lost
            lost += [reader for reader, kept in zip(some, answers, strict=True) if not kept]
        return lost

    async def give_back(self, reader: Reader) -> None:
        """Free a place; one that cannot be freed runs out."""
        if self._redis is None:
            return
        try:
            await self._redis.zrem(_key(reader.owner), reader.lease)
        except _errors():
            return

    async def close(self) -> None:
        """Let go of connections."""
        if self._redis is not None:
            await self._redis.aclose()

    async def _run(self, readers: Iterable[Reader]) -> list[int] | None:
        try:
            if self._redis is None:
                from stores import cache

                self._redis = cache.connect_async(self._context.settings, max_connections=4, socket_timeout_s=1.0)
                self._take = self._redis.register_script(_TAKE)
            async with self._redis.pipeline(transaction=False) as pipeline:
                for reader in readers:
                    limit = reader.standing.entitlements.streams
                    await self._take(keys=[_key(reader.owner)], args=[reader.lease, limit, _LASTS_MS], client=pipeline)
                return await pipeline.execute()
        except _errors() as error:
            _log.warning("streams_counted_here_only", error=type(error).__name__)
            return None


def _errors() -> tuple[type[Exception], ...]:
    from redis.exceptions import RedisError

    return (RedisError, OSError, TimeoutError, MissingStore)

"""An amount of something that many share: who finds too little of it left waits."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Budget:
    """At most `most` of it is taken at a time; first come, first served, in one event loop."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.taken = 0
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    @asynccontextmanager
    async def take(self, amount: int) -> AsyncIterator[None]:
        """Wait until `amount` is left, and have it until the end of the block.

        Raises:
            ValueError: `amount` is more than there is of it in all.
        """
        if amount > self.most:
            raise ValueError(f"`amount` must be at most {self.most}; received: amount={amount}")
        mine = (amount, asyncio.get_running_loop().create_future())
        self._waiting.append(mine)
        self._serve()
        try:
            await mine[1]
            yield
        finally:
            # Cancelled while it waited, it has nothing to give back.
            if mine in self._waiting:
                self._waiting.remove(mine)
            else:
                self.taken -= amount
            self._serve()

    def _serve(self) -> None:
        while self._waiting and self.taken + self._waiting[0][0] <= self.most:
            amount, waiting = self._waiting.popleft()
            self.taken += amount
            # Cancelled in this very moment, it gives back in its own `finally`.
            if not waiting.done():
                waiting.set_result(None)

"""Who waits for a share of something, in which order, and what the cancelled leave behind."""

import asyncio

import pytest

from triptych.serving.budget import Budget


def test_first_come_first_served_and_the_cancelled_take_nothing() -> None:
    async def main() -> None:
        budget = Budget(10)
        order: list[str] = []
        may_end = asyncio.Event()

        async def use(name: str, amount: int) -> None:
            async with budget.take(amount):
                order.append(name)
                await may_end.wait()

        tasks = {}
        for name, amount in (("a", 6), ("b", 7), ("c", 2)):
            tasks[name] = asyncio.create_task(use(name, amount))
            await asyncio.sleep(0)
        # There would be room for c, but b was before it: large ones must not wait for ever.
        assert (order, budget.taken) == (["a"], 6)
        tasks["b"].cancel()
        await asyncio.wait([tasks["b"]])
        await asyncio.sleep(0)
        assert (order, budget.taken) == (["a", "c"], 8)
        may_end.set()
        await asyncio.gather(tasks["a"], tasks["c"])
        assert budget.taken == 0
        with pytest.raises(ValueError, match="`amount` must be at most 10"):
            async with budget.take(11):
                pass

    asyncio.run(main())


def test_cancelled_in_the_moment_of_being_served() -> None:
    async def main() -> None:
        budget = Budget(1)

        async def use() -> None:
            async with budget.take(1):
                await asyncio.sleep(0)

        async with budget.take(1):
            late = asyncio.create_task(use())
            await asyncio.sleep(0)
            late.cancel()
        await asyncio.wait([late])
        assert budget.taken == 0

    asyncio.run(main())

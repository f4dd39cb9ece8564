"""Batches that form, fill up, refuse, fail, lose interest and close, on a real event loop."""

import asyncio
import threading
import weakref
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import pytest

from triptych.serving.batcher import Batcher, Closed, Full


class Model:
    """Squares numbers; 0 is answered with an error, and a batch with -1 fails whole."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.may_answer = threading.Event()
        self.may_answer.set()

    def __call__(self, items: list[int]) -> Sequence[int | Exception]:
        assert self.may_answer.wait(10)
        self.batches.append(items)
        if -1 in items:
            raise RuntimeError("out of order")
        return [item * item if item else ZeroDivisionError("nothing") for item in items]


def run(
    use: Callable[[Batcher[int, int], Model], Coroutine[Any, Any, None]], **options: Any
) -> Model:
    """`use` of a batcher with `options`, closed afterwards."""
    model = Model()

    async def main() -> None:
        batcher: Batcher[int, int] = Batcher(model, **options)
        batcher.start()
        await use(batcher, model)
        await batcher.close()

    asyncio.run(asyncio.wait_for(main(), 30))
    return model


def test_everyone_gets_an_answer_of_one_s_own_in_few_batches() -> None:
    sizes: list[int] = []

    async def use(batcher: Batcher[int, int], _: Model) -> None:
        found = await asyncio.gather(*(batcher.ask(i) for i in range(1, 21)))
        assert found == [i * i for i in range(1, 21)]
        assert batcher.waiting == 0

    model = run(use, most=8, wait=0.05, observe=sizes.append)
    assert model.batches == [list(range(1, 9)), list(range(9, 17)), list(range(17, 21))]
    assert sizes == [8, 8, 4]


def test_one_alone_does_not_wait_for_ever() -> None:
    async def use(batcher: Batcher[int, int], _: Model) -> None:
        assert await batcher.ask(7) == 49

    assert run(use, most=8, wait=0.01).batches == [[7]]


def test_errors_reach_those_whom_they_concern() -> None:
    async def use(batcher: Batcher[int, int], _: Model) -> None:
        first = await batcher.ask_all([2, 0, 3])
        assert (first[0], first[2]) == (4, 9)
        assert isinstance(first[1], ZeroDivisionError)
        both = await batcher.ask_all([5, -1])
        assert all(isinstance(one, RuntimeError) for one in both)
        with pytest.raises(ZeroDivisionError):
            await batcher.ask(0)
        assert await batcher.ask(4) == 16  # it goes on

    run(use, wait=0)


def test_too_many_are_refused_at_once_and_all_or_none() -> None:
    async def use(batcher: Batcher[int, int], model: Model) -> None:
        model.may_answer.clear()
        first = asyncio.create_task(batcher.ask(1))
        await asyncio.sleep(0.02)  # the first is with the model now
        others = [asyncio.create_task(batcher.ask(i)) for i in (2, 3, 4)]
        await asyncio.sleep(0)
        with pytest.raises(Full, match="3 pictures wait already"):
            await batcher.ask_all([5, 6])
        fits = asyncio.create_task(batcher.ask(7))
        await asyncio.sleep(0)
        with pytest.raises(Full):
            await batcher.ask(8)
        model.may_answer.set()
        assert await asyncio.gather(first, *others, fits) == [1, 4, 9, 16, 49]

    run(use, most=2, room=4, wait=0)


def test_who_gives_up_leaves_the_queue() -> None:
    async def use(batcher: Batcher[int, int], model: Model) -> None:
        model.may_answer.clear()
        first = asyncio.create_task(batcher.ask(1))
        await asyncio.sleep(0.05)
        late = asyncio.create_task(asyncio.wait_for(batcher.ask(2), 0.01))
        with pytest.raises(TimeoutError):
            await late
        assert batcher.waiting == 0
        model.may_answer.set()
        assert await first == 1

    assert run(use, wait=0).batches == [[1]]


def test_nothing_answered_is_held() -> None:
    """A batch of photographs is hundreds of MB, and the next one may be long in coming."""

    class Photograph:
        pass

    async def main() -> None:
        batcher: Batcher[Photograph, int] = Batcher(lambda items: [1] * len(items), wait=0)
        batcher.start()
        photograph = Photograph()
        held = weakref.ref(photograph)
        assert await batcher.ask(photograph) == 1
        del photograph
        await asyncio.sleep(0.01)
        assert held() is None
        await batcher.close()

    asyncio.run(main())


def test_closing_answers_what_was_accepted_and_refuses_the_rest() -> None:
    async def use(batcher: Batcher[int, int], model: Model) -> None:
        model.may_answer.clear()
        asked = [asyncio.create_task(batcher.ask(i)) for i in range(1, 6)]
        await asyncio.sleep(0.02)
        closing = asyncio.create_task(batcher.close())
        await asyncio.sleep(0)
        with pytest.raises(Closed):
            await batcher.ask(9)
        model.may_answer.set()
        await closing
        assert [task.result() for task in asked] == [1, 4, 9, 16, 25]

    run(use, most=2, wait=5)


@pytest.mark.parametrize(
    ("options", "message"),
    [({"most": 0}, "`most` must be positive"), ({"room": 0}, "`room`"), ({"wait": -1}, "`wait`")],
)
def test_settings(options: dict[str, int], message: str) -> None:
    async def use(_: Batcher[int, int], __: Model) -> None:
        raise AssertionError

    with pytest.raises(ValueError, match=message):
        run(use, **options)

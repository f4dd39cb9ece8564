"""What the page keeps: bounded, for ten minutes, under names that are not guessed."""

import pytest

from triptych.serving.uploads import Uploads


def test_the_oldest_make_room_and_the_old_are_forgotten() -> None:
    now = [0.0]
    uploads = Uploads(10, lambda: now[0])
    example = uploads.add_example(b"drawn")
    first, second = uploads.add(b"a" * 6), uploads.add(b"b" * 4)
    assert (uploads.get(first), uploads.held) == (b"a" * 6, 10)
    third = uploads.add(b"c")
    assert uploads.get(first) is None
    assert (uploads.get(second), uploads.get(third), uploads.held) == (b"b" * 4, b"c", 5)
    now[0] = 600
    assert uploads.get(third) is None
    assert uploads.held == 0
    assert uploads.get(example) == b"drawn"
    assert len({first, second, third, example}) == 4
    with pytest.raises(ValueError, match="`data` must have at most 10 bytes"):
        uploads.add(bytes(11))

"""How much a service takes, of one student and of all."""

from __future__ import annotations

import pytest

from jelai_service import limits


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_debt_is_waited_for_and_a_rest_fills_the_bucket_again() -> None:
    clock = Clock()
    limit = limits.Limits((10.0, 1000.0), at_once=4, clock=clock)
    with limit.admitted("ada") as share:
        share.spend(130, 0)
    with pytest.raises(limits.TooMuch) as refused, limit.admitted("ada"):
        pass
    assert refused.value.seconds == 3
    with limit.admitted("bob"):
        pass
    clock.now += 3.1
    with limit.admitted("ada") as share:
        share.spend(0, 10_500)
    clock.now += 0.4
    with pytest.raises(limits.TooMuch), limit.admitted("ada"):
        pass
    clock.now += 1000
    with limit.admitted("ada") as share:
        share.spend(99, 0)
    with limit.admitted("ada"):
        pass


def test_one_student_has_so_many_requests_at_once_and_memory_has_an_end() -> None:
    limit = limits.Limits((10.0, 1000.0), at_once=4)
    open_now = [limit.admitted("ada") for _ in range(4)]
    shares = [one.__enter__() for one in open_now]
    with pytest.raises(limits.TooMuch), limit.admitted("ada"):
        pass
    shares[0].hold(limits.HELD_BYTES)
    with pytest.raises(limits.Busy), limit.admitted("bob") as share:
        share.hold(1)
    for one in open_now:
        one.__exit__(None, None, None)
    with limit.admitted("ada") as share:
        share.hold(limits.HELD_BYTES)

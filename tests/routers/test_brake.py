"""The brake on guessing."""

import pytest

from app.errors import TooManyRequests
from app.routers.brake import Brake


def test_too_many_failures_stop_a_key_until_the_window_ends() -> None:
    brake = Brake(failures_max=3, window_seconds=60)
    for moment in (0.0, 10.0, 20.0):
        brake.require_free("a", now=moment)
        brake.failed("a", now=moment)
    with pytest.raises(TooManyRequests) as refused:
        brake.require_free("a", now=20.5)
    assert refused.value.retry_after_seconds == 40
    brake.require_free("b", now=20.5)
    brake.require_free("a", now=60.0)


def test_a_success_forgets_failures() -> None:
    brake = Brake(failures_max=2)
    brake.failed("a", now=0)
    brake.succeeded("a")
    brake.failed("a", now=1)
    brake.require_free("a", now=1)


def test_failures_long_ago_do_not_count() -> None:
    brake = Brake(failures_max=2, window_seconds=10)
    brake.failed("a", now=0)
    brake.failed("a", now=11)
    brake.require_free("a", now=11)


def test_memory_is_bounded() -> None:
    brake = Brake(failures_max=1, keys_max=100)
    for number in range(1000):
        brake.failed(str(number), now=0)
    assert len(brake) == 100
    with pytest.raises(TooManyRequests):
        brake.require_free("999", now=0)

"""Independent work side by side: results in order, errors raised, nothing begun after one."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from assets import side_by_side as module
from assets.side_by_side import side_by_side


@pytest.fixture(autouse=True)
def _two_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "cores", lambda: 2)


def test_results_come_in_the_order_of_the_items_and_two_run_at_a_time():
    together = threading.Barrier(2, timeout=30)

    def work(item: int) -> int:
        if item < 2:
            together.wait()
        return item * item

    assert list(side_by_side(work, range(9))) == [item * item for item in range(9)]


def test_an_error_is_raised_and_what_has_not_begun_is_dropped(monkeypatch: pytest.MonkeyPatch):
    begun: list[int] = []
    dropped = threading.Event()

    class Pool(ThreadPoolExecutor):
        def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
            super().shutdown(wait=False, cancel_futures=cancel_futures)
            dropped.set()
            super().shutdown(wait=wait)

    monkeypatch.setattr(module, "ThreadPoolExecutor", Pool)

    def work(item: int) -> int:
        begun.append(item)
        if item == 0:
            raise ValueError("item 0")
        assert dropped.wait(30), "the error was raised without dropping what had not begun"
        return item

    with pytest.raises(ValueError, match="item 0"):
        list(side_by_side(work, range(1_000)))
    # Either thread may have begun one more that waits; whatever the timing, the others never begin.
    assert begun[0] == 0
    assert len(begun) <= 3


def test_one_item_runs_in_the_calling_thread():
    assert list(side_by_side(lambda _: threading.current_thread(), ["only"])) == [threading.main_thread()]
    assert list(side_by_side(lambda item: item, [])) == []

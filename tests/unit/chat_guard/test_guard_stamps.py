"""The repairs of a chat in a room: the table of ids, times that fit, quick reading; on real shared documents."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from pycrdt import Array, Doc, Map

from chat_guard.counters import Counters
from chat_guard.ychat import _index, fitting_time, read_messages, stamp_arrived

times = st.floats(1.0, 1000.0)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.floats(-1e9, 1e9) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
)


class Chat:
    """As much of a chat as the table of ids needs."""

    def __init__(self) -> None:
        self.doc: Doc[Any] = Doc()
        self._ymessages = self.doc.get("messages", type=Array)
        self._indexes_by_id: dict[str, int] = {}
        self.fresh: list[str] = []
        self._subscription = self._ymessages.observe(lambda event: self.fresh.extend(_index(self, event)))

    def truth(self) -> dict[str, int]:
        return {message["id"]: at for at, message in enumerate(self._ymessages.to_py() or [])}


changes = st.lists(st.tuples(st.sampled_from(["insert", "insert", "delete"]), st.integers(0, 99), st.integers(1, 3)))


@given(st.lists(changes, max_size=6))
def test_the_table_of_ids_is_right_after_any_changes_and_names_each_new_message(steps: list[Any]) -> None:
    chat, made = Chat(), 0
    for step in steps:
        chat.fresh.clear()
        new = []
        with chat.doc.transaction():
            for what, where, count in step:
                size = len(chat._ymessages)
                if what == "insert":
                    for _ in range(count):
                        made += 1
                        new.append(f"m{made}")
                        chat._ymessages.insert(where % (size + 1), Map({"id": new[-1]}))
                elif size:
                    del chat._ymessages[where % size]
        assert chat._indexes_by_id == chat.truth()
        assert set(chat.fresh) == set(new) & set(chat.truth())


def test_a_large_chat_gets_its_table_when_it_is_there_before_us() -> None:
    chat = Chat()
    chat._ymessages.extend([Map({"id": f"m{n}"}) for n in range(50)])
    chat._indexes_by_id = {}
    chat._ymessages.append(Map({"id": "new"}))
    assert chat._indexes_by_id == chat.truth()


@given(times, st.none() | times, st.none() | times)
def test_a_time_moves_by_less_than_two_seconds_and_only_to_a_neighbours(
    now: float, before: float | None, after: float | None
) -> None:
    when = fitting_time(now, before, after)
    assert abs(when - now) < 2 or when == before
    assert when in (now, before, after)


@given(times, st.floats(0, 1.0), st.floats(-1.9, 1.9))
def test_messages_of_the_same_moment_have_times_in_their_order(before: float, between: float, off: float) -> None:
    after = before + between
    arrived = after + off if off > 0 else before + off
    assert before <= fitting_time(arrived, before, after) <= after


def test_what_was_written_offline_has_the_time_of_its_arrival() -> None:
    assert fitting_time(5000.0, 10.0, 100.0) == 5000.0


@given(st.lists(st.dictionaries(st.text(max_size=5), values, max_size=4), max_size=5))
def test_quick_reading_reads_the_same_values(messages: list[dict[str, Any]]) -> None:
    document: Doc[Any] = Doc()
    shared = document.get("messages", type=Array)
    shared.extend([Map(message) for message in messages])
    assert read_messages(shared) == (shared.to_py() or [])


class Room(Chat):
    """A chat whose messages can be stamped; `changes` counts what its clients are sent."""

    def __init__(self) -> None:
        super().__init__()
        self._ydoc, self.changes = self.doc, 0
        self.marked: list[bool] = []
        self._watch = self.doc.observe(self._changed)

    def _changed(self, _: Any) -> None:
        self.changes += 1
        self.marked.append(getattr(self, "chat_guard_stamping", False))

    def arrive(self, when: float, *identities: str) -> None:
        with self.doc.transaction():
            for identity in identities:
                self._ymessages.append(Map({"id": identity, "time": 1.0, "raw_time": True}))
        vars(self).setdefault("chat_guard_arrived", []).append((list(identities), when))


def test_messages_that_came_one_after_the_other_get_their_times_in_one_change() -> None:
    room, counters = Room(), Counters()
    room.arrive(100.0, "a", "b")
    room.arrive(100.5, "c")
    room.changes, room.marked = 0, []
    stamp_arrived(room, counters)
    assert [(one["time"], one["raw_time"]) for one in room._ymessages.to_py() or []] == [
        (100.0, False),
        (100.000001, False),
        (100.5, False),
    ]
    assert (room.changes, room.marked) == (1, [True]), "a change that asks for a save of its own"
    stamp_arrived(room, counters)
    assert (room.changes, counters.restamped) == (1, 3)


@given(st.lists(st.integers(0, 99), min_size=1, max_size=9), st.lists(st.booleans(), min_size=9, max_size=9))
def test_times_follow_the_page_wherever_messages_of_the_same_moment_went_and_whenever_they_were_stamped(
    places: list[int], stamped: list[bool]
) -> None:
    room, counters = Room(), Counters()
    for n, place in enumerate(places):
        message = Map({"id": f"m{n}", "time": 1.0, "raw_time": True})
        room._ymessages.insert(place % (n + 1), message)
        vars(room).setdefault("chat_guard_arrived", []).append(([f"m{n}"], 100.0 + n / 100))
        if stamped[n]:
            stamp_arrived(room, counters)
    stamp_arrived(room, counters)
    times = [one["time"] for one in room._ymessages.to_py() or []]
    assert times == sorted(times)

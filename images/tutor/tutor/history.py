"""What a student and the tutor said lately about one file, so that a follow-up question makes sense. Bounded."""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Turn:
    """A question and its answer, each cut to a readable length."""

    question: str
    answer: str


@dataclass(slots=True)
class _Talk:
    turns: deque[Turn]
    last: float = field(default=0.0)


class History:
    """The last turns of each (student, file); the talk that was quiet longest goes first when there are too many."""

    def __init__(
        self,
        talks: int = 1000,
        turns: int = 6,
        chars: int = 4000,
        seconds: float = 7200.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._talks: OrderedDict[tuple[str, str], _Talk] = OrderedDict()
        self._max_talks, self._max_turns, self._chars, self._seconds, self._clock = talks, turns, chars, seconds, clock

    def add(self, student: str, file: str, question: str, answer: str) -> None:
        """Remember a turn."""
        talk = self._talks.setdefault((student, file), _Talk(deque(maxlen=self._max_turns)))
        talk.turns.append(Turn(question[: self._chars], answer[: self._chars]))
        talk.last = self._clock()
        self._talks.move_to_end((student, file))
        while len(self._talks) > self._max_talks:
            self._talks.popitem(last=False)

    def of(self, student: str, file: str) -> list[Turn]:
        """Return the turns of a talk, oldest first; none when it was quiet for too long."""
        talk = self._talks.get((student, file))
        if talk is None:
            return []
        if self._clock() - talk.last > self._seconds:
            del self._talks[(student, file)]
            return []
        return list(talk.turns)

    def __len__(self) -> int:
        """Return how many talks are remembered."""
        return len(self._talks)

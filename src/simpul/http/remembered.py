"""Answers to strangers that are asked for again before the city changes. Nothing is decided here."""

from __future__ import annotations

from typing import NamedTuple

from simpul import limits

# How often the city's declaration has changed, and how often its data. An answer that was begun under an older
# declaration than it is kept under must not be given to anyone.
Revision = tuple[int, int]


class Remembered(NamedTuple):
    """An answer as it is written, and the state of the city that it is true of."""

    revision: Revision
    written: bytes


class AnswerMemory:
    """Answers by request target. What is asked once is not kept: only the second sighting is worth its memory.

    Bounded by `limits.ANSWERS_REMEMBERED_BYTES_MAX`; when it is full it begins anew.
    """

    __slots__ = ("_answers", "_asked_once", "_size_bytes")

    def __init__(self) -> None:
        self._answers: dict[bytes, Remembered] = {}
        self._asked_once: set[int] = set()
        self._size_bytes = 0

    def find(self, target: bytes, revision: Revision) -> bytes | None:
        """Return the answer if it is of this revision."""
        known = self._answers.get(target)
        return known.written if known is not None and known.revision == revision else None

    def keep(self, target: bytes, revision: Revision, written: bytes) -> None:
        """Keep an answer that was made at this revision."""
        if len(written) > limits.ANSWER_REMEMBERED_BYTES_MAX:
            return
        seen = hash(target)
        if seen not in self._asked_once:
            if len(self._asked_once) >= limits.ANSWERS_ASKED_ONCE_MAX:
                self._asked_once.clear()
            self._asked_once.add(seen)
            return
        if self._size_bytes + len(written) > limits.ANSWERS_REMEMBERED_BYTES_MAX:
            self.clear()
        replaced = self._answers.get(target)
        self._size_bytes += len(written) - (len(replaced.written) if replaced else 0)
        self._answers[target] = Remembered(revision, written)

    def clear(self) -> None:
        """Forget every answer."""
        self._answers.clear()
        self._size_bytes = 0

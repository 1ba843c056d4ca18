"""Ids of our own: UUIDv7 as RFC 9562 has it, ordered by the time they were made in."""

import time
import uuid

from bot.ids import new_id


def test_an_id_is_a_uuid_of_version_7() -> None:
    made = uuid.UUID(new_id())
    assert (made.version, made.variant) == (7, uuid.RFC_4122)
    assert str(made) == str(made).lower()


def test_an_id_carries_the_millisecond_it_was_made_in() -> None:
    before = time.time_ns() // 1_000_000
    stamp = uuid.UUID(new_id()).int >> 80
    assert before <= stamp <= time.time_ns() // 1_000_000


def test_later_ids_sort_later() -> None:
    first = new_id()
    until = time.time_ns() + 2_000_000
    while time.time_ns() < until:
        pass
    assert first < new_id()


def test_no_two_ids_are_the_same() -> None:
    made = {new_id() for _ in range(20_000)}
    assert len(made) == 20_000
    assert len({id_[-12:] for id_ in made}) == 20_000  # the tail alone names a process

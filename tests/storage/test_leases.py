"""Who may take a study, told by a steady clock; wall clocks may say what they like."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from storage.database import Database
from storage.leases import LeaseWatch, renew
from storage.processes import here, register
from storage.schema import process, study
from storage.studies import LEASE_S, Claim, NewStudy, create_study
from storage.wishes import ask_to_pause, resume, set_priority


class Clock:
    """Seconds that go on only when they are told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def look_for(watch: LeaseWatch, clock: Clock, seconds: float) -> Claim | None:
    """Look twice a second, as a worker does even more often, until there is a claim."""
    end = clock.now + seconds
    while clock.now < end:
        clock.now = min(clock.now + 0.5, end)
        claim = watch.take("two")
        if claim is not None:
            return claim
    return None


def set_lease(db: Database, study_id: str, until: float) -> None:
    with db.write() as connection:
        connection.execute(
            study.update().where(study.c.id == study_id).values(lease_until=until)
        )


def test_a_study_nobody_holds_is_taken_at_once_and_only_once(
    db: Database, study_id: str, clock: Clock
) -> None:
    first, second = LeaseWatch(db, clock), LeaseWatch(db, clock)

    claim = first.take("one")

    assert claim is not None
    assert (claim.study_id, claim.owner) == (study_id, "one")
    assert second.take("two") is None


def test_a_silent_owner_loses_its_study_after_the_lease_and_no_earlier(
    db: Database, study_id: str, clock: Clock
) -> None:
    lost = LeaseWatch(db, clock).take("one")
    watch = LeaseWatch(db, clock)
    assert watch.take("two") is None
    assert look_for(watch, clock, LEASE_S - 0.1) is None

    clock.now = LEASE_S
    claim = watch.take("two")

    assert lost is not None
    assert claim is not None
    assert claim.fence == lost.fence + 1


@pytest.mark.parametrize("shift_s", [-3600.0, 3600.0])
def test_an_owner_whose_clock_is_set_back_or_forward_keeps_its_study_while_it_renews(
    db: Database, study_id: str, clock: Clock, monkeypatch: pytest.MonkeyPatch, shift_s: float
) -> None:
    claim = LeaseWatch(db, clock).take("one")
    assert claim is not None
    watch = LeaseWatch(db, clock)
    for step in range(1, 10):
        monkeypatch.setattr("storage.studies.time.time", lambda at=step: 1e9 + shift_s + at)
        renew(db, claim)

        assert look_for(watch, clock, LEASE_S - 1) is None


def test_a_lease_that_ends_in_an_hour_by_a_wrong_clock_is_over_when_its_owner_is_silent(
    db: Database, study_id: str, clock: Clock
) -> None:
    assert LeaseWatch(db, clock).take("one") is not None
    set_lease(db, study_id, 4e9)
    watch = LeaseWatch(db, clock)
    assert watch.take("two") is None

    assert look_for(watch, clock, LEASE_S) is not None


def test_time_in_which_nobody_could_look_is_not_held_against_an_owner(
    db: Database, study_id: str, clock: Clock
) -> None:
    claim = LeaseWatch(db, clock).take("one")
    assert claim is not None
    watch = LeaseWatch(db, clock)
    assert watch.take("two") is None
    clock.now += 2 * LEASE_S  # the database was away

    assert watch.take("two") is None
    assert look_for(watch, clock, LEASE_S - 1) is None
    renew(db, claim)  # of the owner that came back
    assert look_for(watch, clock, LEASE_S - 1) is None
    assert look_for(watch, clock, 2.0) is not None  # unless it stays silent


@pytest.mark.parametrize("locked_after_s", [0.0, 8.0])
@pytest.mark.parametrize("locked_s", [2.0, 7.0, 30.0])
def test_time_in_which_nobody_could_write_is_not_held_against_an_owner(
    db: Database,
    study_id: str,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    locked_after_s: float,
    locked_s: float,
) -> None:
    assert LeaseWatch(db, clock).take("one") is not None
    watch = LeaseWatch(db, clock)
    assert watch.take("two") is None
    free_at = clock.now + locked_after_s + locked_s
    assert look_for(watch, clock, locked_after_s) is None
    write = Database.write

    @contextlib.contextmanager
    def waits(self: Database) -> Iterator[sa.Connection]:
        clock.now = max(clock.now, free_at)
        with write(self) as connection:
            yield connection

    monkeypatch.setattr(Database, "write", waits)
    assert look_for(watch, clock, max(free_at - clock.now, 0.0) + 0.5) is None
    writable_from = clock.now

    assert look_for(watch, clock, 2 * LEASE_S) is not None  # its owner does not come back
    assert clock.now - writable_from >= 5.0


def test_nobody_takes_from_itself_what_it_drives(
    db: Database, study_id: str, clock: Clock
) -> None:
    watch = LeaseWatch(db, clock)
    assert watch.take("two") is not None
    for _ in range(40):
        clock.now += 1.0
        assert watch.take("two", driven={study_id}) is None

    assert look_for(watch, clock, 7.0) is not None  # once its driver is gone


def test_a_worker_without_room_sees_who_is_silent_and_takes_it_first(
    db: Database, study_id: str, new_study: NewStudy, clock: Clock
) -> None:
    assert LeaseWatch(db, clock).take("one") is not None
    create_study(db, new_study)  # waits, and is younger
    watch = LeaseWatch(db, clock)
    for _ in range(40):
        clock.now += 0.5
        assert watch.take("two", is_full=True) is None

    claim = watch.take("two")

    assert claim is not None
    assert claim.study_id == study_id


def test_a_study_of_a_process_that_is_gone_from_this_machine_is_taken_at_once(
    db: Database, study_id: str, clock: Clock
) -> None:
    owner = register(db, kind="worker", state="working")
    assert LeaseWatch(db, clock).take(owner) is not None
    watch = LeaseWatch(db, clock)
    assert watch.take("two") is None  # it is alive: this very process

    with db.write() as connection:
        connection.execute(process.update().values(pid=2**22 + 1))

    assert watch.take("two") is not None


def test_a_process_of_another_machine_is_waited_for(
    db: Database, study_id: str, clock: Clock
) -> None:
    owner = register(db, kind="worker", state="working")
    assert LeaseWatch(db, clock).take(owner) is not None
    with db.write() as connection:
        elsewhere = f"not-{here()}"
        connection.execute(process.update().values(pid=2**22 + 1, host=elsewhere))

    assert LeaseWatch(db, clock).take("two") is None
    assert os.getpid() != 2**22 + 1


def test_the_queue_goes_by_priority_then_by_age(
    db: Database, new_study: NewStudy, clock: Clock
) -> None:
    ids = [create_study(db, new_study) for _ in range(3)]
    set_priority(db, ids[2], 1)
    watch = LeaseWatch(db, clock)

    taken = [claim.study_id for claim in (watch.take("one") for _ in ids) if claim is not None]

    assert taken == [ids[2], ids[0], ids[1]]


def test_a_paused_study_is_not_taken_until_it_is_resumed(
    db: Database, study_id: str, clock: Clock
) -> None:
    ask_to_pause(db, study_id)
    watch = LeaseWatch(db, clock)
    assert watch.take("one") is None

    resume(db, study_id)

    assert watch.take("one") is not None
    with db.read() as connection:
        assert connection.scalar(sa.select(study.c.state)) == "waiting"

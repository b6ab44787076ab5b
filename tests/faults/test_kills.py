"""Training process, driver and app are killed at random moments, alone and together."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from storage.studies import get_study
from tests.browser.server import Server, serving, wait_until
from tests.faults.checks import N_KILLS, Scores, assert_whole, make_spec, scores
from tuning.launch import launch

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

# How often each: an app starts slowly, and one that goes on lets a worker that dies young wait.
_VICTIMS = {"training": 6, "driver": 1, "app": 1, "all": 1}
_PAUSES_S = (0.1, 1.5)
_SEED = 20261125
_N_RUNNING = 3  # studies under way at once


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with serving(tmp_path) as running:
        yield running


def undisturbed(server: Server, kind: str) -> Scores:
    study_id = launch(server.db, make_spec(kind))
    wait_until(lambda: get_study(server.db, study_id).is_final)
    return scores(server.db, study_id)


def processes(server: Server, victim: str) -> list[psutil.Process]:
    """Return the processes to kill; none where they are just being started."""
    drivers = [psutil.Process(pid) for pid in server.workers() if psutil.pid_exists(pid)]
    training = [child for driver in drivers for child in driver.children(recursive=True)]
    assert server.process is not None
    app = [psutil.Process(server.process.pid)]
    return {
        "training": training,
        "driver": drivers,
        "app": app,
        "all": [*app, *drivers, *training],
    }[victim]


def kill(server: Server, victim: str) -> int:
    """Kill, bring the app back where it went down too, and return how many were hit."""
    n_hit = 0
    try:
        chosen = processes(server, victim)
    except psutil.NoSuchProcess:  # it went down by itself with the last one
        return 0
    for process in chosen:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
        n_hit += 1
    if victim in {"app", "all"}:
        assert server.process is not None
        server.process.wait()
        server.start()
    return n_hit


def test_whatever_is_killed_every_study_ends_by_itself_with_the_scores_of_an_undisturbed_one(
    server: Server,
) -> None:
    expected = {kind: undisturbed(server, kind) for kind in ("grid", "random")}
    choice = random.Random(_SEED)
    hits: Counter[str] = Counter()
    study_ids: dict[str, str] = {}

    while hits.total() < N_KILLS:
        running = [id_ for id_ in study_ids if not get_study(server.db, id_).is_final]
        if len(running) < _N_RUNNING:
            kind = choice.choice(("grid", "random"))
            study_ids[launch(server.db, make_spec(kind))] = kind
        time.sleep(choice.uniform(*_PAUSES_S))
        (victim,) = choice.choices([*_VICTIMS], [*_VICTIMS.values()])
        hits[victim] += bool(kill(server, victim))
    wait_until(lambda: all(get_study(server.db, id_).is_final for id_ in study_ids))

    assert set(hits) == set(_VICTIMS)
    for study_id, kind in study_ids.items():
        assert_whole(server.db, study_id, expected[kind])

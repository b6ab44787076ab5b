"""What is trained next: the trials of a study in rounds, by the order of their numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from storage.results import TrialRow
from tuning.parameters import Value
from tuning.samplers import planned_settings, round_sizes
from tuning.sampling.board import Board
from tuning.spec import StudySpec

Settings = dict[int, dict[str, Value]]


@dataclass(frozen=True)
class Stages:
    """What a study was asked for before it was extended.

    Attributes
    ----------
    ends : tuple of int
        How many trials, before each extension.
    settings : tuple of mapping
        Of those trials, by number; empty where a sampler chooses them from scores.
    """

    ends: tuple[int, ...] = ()
    settings: tuple[Mapping[str, Value], ...] = ()


class Rounds:
    """Gives one round after the other.

    A round belongs to its numbers: after a restart the one that was broken off goes on with
    what is missing of it. Where settings are planned, its finished trials come along, so that
    it is cut into the same stacks again. Where they are proposed, the board learns of a round's
    scores when all of it has been proposed, as it did the first time.

    Parameters
    ----------
    board : Board or None
        Where the settings of trials are proposed; a sampler that learns needs one.
    finished : mapping
        Finished trials by number; it grows while trials are trained.
    """

    def __init__(self, board: Board | None, finished: Mapping[int, TrialRow]) -> None:
        self._board, self._finished = board, finished
        self._earlier = dict(finished)  # those that the board was not told of as they ended
        self._n_rounds = 0
        self._start = 0
        self._asked: tuple[StudySpec, Stages] | None = None
        self._sizes: list[int] = []
        self._planned: list[dict[str, Value]] | None = None

    def next(self, spec: StudySpec, stages: Stages) -> Settings | None:
        """Return the settings of the next round that is not finished, by number.

        Parameters
        ----------
        spec, stages
            As they are now: people enter trials by hand while others are trained.

        Returns
        -------
        dict or None
            None where every round has been given.
        """
        if self._asked != (spec, stages):
            self._asked = (spec, stages)
            self._sizes = round_sizes(spec, stages.ends)
            self._planned = planned_settings(spec, stages.settings)
        while self._n_rounds < len(self._sizes):
            numbers = range(self._start, self._start + self._sizes[self._n_rounds])
            self._n_rounds += 1
            self._start = numbers.stop
            settings = self._settings(spec, numbers)
            if set(settings) - set(self._finished):
                return settings
        return None

    def _settings(self, spec: StudySpec, numbers: Sequence[int]) -> Settings:
        if self._planned is None:
            return self._proposed(spec, numbers)
        return {n: self._planned[n] for n in numbers if n < len(self._planned)}

    def _proposed(self, spec: StudySpec, numbers: Sequence[int]) -> Settings:
        board, given = cast(Board, self._board), _given(spec)
        settings: Settings = {}
        for number in numbers:
            if number in self._earlier:
                board.place(number, self._earlier[number].params)
            elif number in given:
                board.place(number, given[number])
                settings[number] = given[number]
            else:
                settings[number] = board.propose(number)
        for number in numbers:
            if number in self._earlier:
                row = self._earlier[number]
                board.finish(number, row.score, pruned=row.state == "PRUNED")
        return settings


def _given(spec: StudySpec) -> Settings:
    """Return the settings that no sampler chooses, by number."""
    given = {trial.number: dict(trial.settings) for trial in spec.by_hand}
    return given | ({0: spec.default_settings} if spec.include_default else {})

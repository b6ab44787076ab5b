"""One study from queued to finished: reads the data, asks for settings, trains, writes.

Whoever runs it holds the study's claim. A `Keeper` beside it writes what the trainer tells,
keeps the lease, and carries a person's wish to stop to the trainer.
"""

from __future__ import annotations

import dataclasses
import errno
import functools
import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import structlog

from storage.database import Database
from storage.errors import LostLeaseError
from storage.leases import Wanted, update_claimed
from storage.patience import is_full, is_outage, patient
from storage.reading import read_fit_lines
from storage.results import (
    ENDED_STATES,
    FitRow,
    Timing,
    TrialRow,
    forget_unfinished,
    read_fits,
    read_trials,
)
from storage.settings import settings
from storage.studies import (
    ACTIVE_STATES,
    FAILED,
    FINISHED,
    PAUSED,
    PREPARING,
    STOPPED,
    TRAINING,
    Claim,
    StudyRow,
    get_study,
)
from storage.timings import add_stack_timings, add_timings
from storage.wishes import read_stages
from tuning.analysis.estimate import training_cost
from tuning.analysis.standings import Confirmed
from tuning.analysis.study_scores import MOST_REPEATS
from tuning.confirming import Asked, Confirming, FitCollector, score_lines
from tuning.datasets.catalogue import load_dataset
from tuning.datasets.info import DatasetInfo
from tuning.errors import LostTrialsError, TuningError
from tuning.execution.interface import Executor, Leader, Work
from tuning.export.files import (
    best_model_path,
    model_trial,
    save_best_model,
    save_trial_model,
    trial_model_path,
)
from tuning.extension import parse_stages
from tuning.fits import make_trainings
from tuning.forecast import Forecast, Foretold
from tuning.judging import judge_study
from tuning.keeper import Keeper
from tuning.lead import Lead
from tuning.ledger import Ledger
from tuning.models.size import n_weights
from tuning.optuna_copy import OptunaCopy
from tuning.parameters import PARAMETERS, Value
from tuning.samplers import all_params
from tuning.sampling.board import make_board
from tuning.sampling.rounds import Rounds, Stages
from tuning.spec import StudySpec
from tuning.training.choice import STACKED
from tuning.training.interface import Network, Training
from tuning.training.rows import StudyRows

_TIMINGS_KEPT = 300  # of one study; the next estimate needs no more
_PAUSES = ("pause", "disk")  # wishes after which a study can go on

log = structlog.get_logger()


def run_study(
    db: Database, claim: Claim, executor: Executor, stop: threading.Event | None = None
) -> None:
    """Run a claimed study to its end.

    Parameters
    ----------
    stop : Event or None
        Set by whoever must end the process: the study is left for the next worker, unless a
        person wished for its end.

    Raises
    ------
    LostLeaseError
        If another worker has claimed the study since.
    """
    row = patient(lambda: get_study(db, claim.study_id))
    log.info("study taken", study=row.id, fits=row.n_fits_planned)
    try:
        _Driver(db, claim, row, executor, stop or threading.Event()).run()
    except TuningError as error:
        reason = str(error)
        patient(
            lambda: update_claimed(db, claim, reason, state=FAILED, phase="", message=reason)
        )
        log.warning("study failed", study=row.id, reason=reason)
    except LostLeaseError:
        raise
    except Exception as error:
        # A mistake of ours, or a library's: without this the next worker would meet it again.
        message = (
            f"Training broke off: {type(error).__name__}: {error}. The worker's log has more."
        )
        if is_outage(error) or is_full(error):
            raise  # the study waits for the next worker
        update_claimed(db, claim, message, state=FAILED, phase="", message=message)
        raise


class _StopError(Exception):
    """Something asks for the end before training has begun."""


class _Driver:
    def __init__(
        self,
        db: Database,
        claim: Claim,
        row: StudyRow,
        executor: Executor,
        leave: threading.Event,
    ) -> None:
        self._db, self._claim, self._row, self._executor = db, claim, row, executor
        self._spec = StudySpec.parse(row.spec)
        minutes = self._spec.max_minutes
        limit_s = None if minutes is None else minutes * 60
        self._leader: TrialRow | None = None
        self._stages: Stages | None = None
        self._is_searched = False
        wanted = Wanted(row.wish, row.priority)
        self._keeper = Keeper(db, claim, wanted, limit_s, leave)

    def run(self) -> None:
        with self._keeper:
            try:
                self._prepare()
            except _StopError:
                self._end_early("")
                return
            with self._foretold.watching():
                self._search()
            self._end()

    def _prepare(self) -> None:
        self._say(state=PREPARING, phase="Reading data")
        data = self._spec.data
        dataset = load_dataset(data.dataset, data.digits, progress=self._say_download)
        self._info: DatasetInfo = dataset.info
        stopping = self._spec.evaluation.early_stopping
        self._network = Network(self._spec.model, dataset.info, stopping)
        self._work = Work(
            self._row.id,
            self._network,
            StudyRows(self._spec, dataset),
            lambda: self._keeper.priority,
            self._row.planned_cores or self._executor.n_cores,
        )
        finished = self._take_up()
        self._board = make_board(self._spec)
        if not self._spec.sampler.learns:  # a sampler that learns sees them round by round
            self._place_finished(finished)
        self._forecast = self._keeper.last(
            lambda: Forecast(self._db, self._spec, self._network, self._work.n_cores)
        )
        self._foretold = self._keeper.last(
            lambda: Foretold(
                self._db, self._spec, dataset.info, is_new=self._row.started_at is None
            )
        )
        study_id = self._claim.study_id
        known = self._keeper.last(lambda: read_fit_lines(self._db, study_id))
        self._lead = Lead(self._spec, dataset.info, known)
        self._ledger = Ledger(self._spec, finished, self._board, self._lead.of)
        self._rounds = Rounds(self._board, self._ledger.finished)
        copy = self._keeper.last(lambda: OptunaCopy(self._db, study_id, self._spec))
        self._keeper.write_for(self._ledger, copy)
        self._say(
            state=TRAINING,
            phase="Training",
            started_at=self._row.started_at or time.time(),
            planned_cores=self._work.n_cores,
            note=f"Going on after {len(finished)} trials." if finished else "Training.",
        )

    def _take_up(self) -> list[TrialRow]:
        """Read what an earlier worker has finished, and forget what it had in flight."""
        rows = self._keeper.last(lambda: read_trials(self._db, self._claim.study_id))
        finished = [_whole(row) for row in rows if row.state in ENDED_STATES]
        in_flight = [row.number for row in rows if row.state not in ENDED_STATES]
        self._keeper.last(lambda: forget_unfinished(self._db, self._claim, in_flight))
        return finished

    def _place_finished(self, finished: Sequence[TrialRow]) -> None:
        if self._board is None:
            return
        for row in finished:
            self._board.place(row.number, row.params)
            self._board.finish(row.number, row.score, pruned=row.state == "PRUNED")

    def _search(self) -> bool:
        """Train what is missing, and tell whether anything was."""
        found = False
        while not self._ledger.stopped and (chosen := self._next_round()) is not None:
            if self._is_searched:  # a trial entered by hand, while leaders were confirmed
                self._say(phase="Training")
            self._forget_race()
            self._train(chosen)
            found = True
        self._is_searched = True
        self._keeper.check()
        return found

    def _forget_race(self) -> None:
        """Let the search alone say who leads: more trials come, and it is judged anew."""
        self._leader = None
        row = self._keeper.last(self._study)
        if row.confirm != "{}" or row.verdict != "{}":
            lead = self._lead.of(self._ledger.leader())
            self._say(confirm="{}", verdict="{}", **lead)

    def _next_round(self) -> dict[int, dict[str, Value]] | None:
        """Return what is trained next; people may have entered trials by hand meanwhile."""
        row = self._keeper.last(self._study)
        if row.spec != self._row.spec or self._stages is None:
            self._row, self._spec = row, StudySpec.parse(row.spec)
            stages = self._keeper.last(lambda: read_stages(self._db, row.id))
            self._stages = parse_stages(stages)
        return self._rounds.next(self._spec, self._stages)

    def _train(self, settings: Mapping[int, Mapping[str, Value]]) -> None:
        planned = not self._spec.sampler.learns
        params = {number: all_params(self._spec, s) for number, s in settings.items()}
        missing = [n for n in settings if n not in self._ledger.finished]
        for number in missing:
            chosen = settings[number]
            weights = n_weights(self._spec.model, params[number], self._info)
            self._ledger.open_trial(number, chosen, weights)
            if planned and self._board is not None:
                self._board.place(number, chosen)
        repeats = range(self._spec.evaluation.repeats)
        trainings = list(make_trainings(self._spec, params, repeats))
        self._predict(trainings)
        with self._forecast.watching(self._ledger):
            self._executor.train(self._work, trainings, self._ledger)
        n_lost = len([n for n in missing if n not in self._ledger.finished])
        if n_lost and not self._ledger.stopped:
            raise LostTrialsError(n_lost)

    def _predict(self, trainings: Sequence[Training]) -> None:
        """Enter what the trainings will probably take; finished ones take nothing."""
        finished = self._ledger.finished
        wanted = [t for t in trainings if any(r.number not in finished for r in t.readouts)]
        nothing = dict.fromkeys((training.key for training in trainings), 0.0)
        seconds, starts = self._forecast(trainings, wanted)
        self._ledger.plan(nothing | seconds, starts if self._forecast.is_measured else None)

    def _end(self) -> None:
        if self._ledger.stopped:
            self._end_early(self._stopped_trials_message())
            return
        self._keeper.flush()
        rows = self._ledger.finished.values()
        failed = [row for row in rows if row.state == "FAIL"]
        if failed and len(failed) == len(rows):
            message = (
                f"All {len(failed)} trials failed, first: {failed[0].message} "
                + "Settings probably do not fit the data."
            )
            self._say(state=FAILED, phase="", message=message, note=message)
            return
        is_over = timed = False
        while not is_over:
            asked = self._confirm_and_keep_best()
            if self._keeper.stopped:
                self._end_early(self._stopped_trials_message())
                return
            if not timed:
                self._keep_timings()
                timed = True
            is_over = self._say(
                state=FINISHED, phase="", message="", note="Finished.", **self._verdict(),
                only_if={"asked": asked, "spec": self._row.spec},
            )  # fmt: skip

    def _confirm_and_keep_best(self) -> str:
        """Confirm, and train the leader on all rows, until people ask for nothing more.

        Returns
        -------
        str
            What they have asked for, as the study's row has it.
        """
        done: Asked | None = None
        text = "{}"
        while not self._keeper.stopped:
            if self._search():  # a new trial may be the best
                self._keeper.flush()  # a race reads what has been written
                done = None
            text = self._keeper.last(lambda: self._study().asked)
            asked = Asked.parse(text)
            if asked == done:
                break
            self._confirm(asked)
            if not self._keeper.stopped:
                with self._foretold.watching():
                    self._keep_best()
                    self._keep_models(asked.models)
            done = asked
        return text

    def _confirm(self, asked: Asked) -> None:
        """Let the leaders race, and repeat the trials that people chose, as far as wanted."""
        wants_race = (self._spec.confirm or asked.race) and not asked.no_race
        if asked.skip or not (wants_race or asked.numbers):
            return
        fits = self._keeper.last(lambda: read_fits(self._db, self._row.id))
        self._lead.take(score_lines(fits))
        finished = self._ledger.finished
        n_rows = len(self._work.rows.split.search_rows)
        confirming = Confirming(self._spec, finished, fits, n_rows, self._train_more)
        if wants_race:
            confirmed = confirming.race()
            if confirmed is not None:
                self._keep_confirmed(confirmed)
        if asked.numbers and not self._keeper.stopped:
            confirming.repeat(asked.numbers)

    def _study(self) -> StudyRow:
        return get_study(self._db, self._row.id)

    def _train_more(
        self, trainings: Sequence[Training], collector: FitCollector, phase: str
    ) -> None:
        self._say(phase=phase, verdict="{}", seconds_left=None)
        with self._keeper.collecting(collector, phase, self._lead_after):
            self._executor.train(self._repeated_work, trainings, collector)
        self._keeper.check()

    def _lead_after(self, fits: Sequence[FitRow]) -> Mapping[str, Any]:
        self._lead.take(score_lines(fits))
        return self._lead.of(self._leader or self._ledger.leader())

    @functools.cached_property
    def _repeated_work(self) -> Work:
        """The study with the rows of further repeats."""
        rows = StudyRows(self._spec, self._work.rows.dataset, MOST_REPEATS)
        return dataclasses.replace(self._work, rows=rows)

    def _keep_confirmed(self, confirmed: Confirmed) -> None:
        found = json.dumps(confirmed.to_dict())
        is_known = found == self._keeper.last(lambda: self._study().confirm)
        note = "" if is_known else f"Confirmed: {confirmed.sentence}"
        if confirmed.survivors:
            self._leader = self._ledger.finished[confirmed.survivors[0]]
        lead = self._lead.of(self._leader or self._ledger.leader())
        self._say(note, confirm=found, **lead)

    def _verdict(self) -> dict[str, Any]:
        """Judge the study, so that lists of studies show the leader that its page shows."""
        study_id = self._row.id
        judged = self._keeper.last(lambda: judge_study(self._db, study_id, is_over=True))
        found, score = judged.found, judged.found.score
        best = (
            {}
            if found.leader is None
            else {
                "best_number": found.leader,
                "best_score": found.mean,
                "best_half_width": None if score is None else score.half_width,
            }
        )
        return {"verdict": json.dumps(judged.document), **best}

    def _end_early(self, message: str) -> None:
        """End for a person or the time limit; otherwise leave the study to another worker."""
        self._keeper.check()
        if message:
            self._ledger.close(message)
        self._keeper.flush()
        while True:
            row = self._keeper.last(self._study)
            if row.state not in ACTIVE_STATES:
                return  # it is written, and only the answer was lost
            if self._say(**self._early_end(row.wish), only_if={"wish": row.wish}):
                return

    def _early_end(self, wish: str) -> dict[str, Any]:
        """Return what the study becomes, and its note.

        Parameters
        ----------
        wish : str
            What people wish by now: it may have come, or been taken back, while training ended.
        """
        heard = self._keeper.wish
        if heard in {"stop", "time"} or wish == "stop":
            message = self._stopped_message()
            return {"state": STOPPED, "phase": "", "message": message, "note": message}
        if heard == "disk" or wish == "pause":
            message = self._keeper.reason or "Paused by a person."
            return {"state": PAUSED, "phase": "", "message": message, "note": message}
        note = "It goes on before it was paused." if heard == "pause" else "The worker ended."
        return {"lease_until": 0.0, "phase": "Waiting for a worker", "note": note}

    def _stopped_trials_message(self) -> str:
        if self._keeper.wish in _PAUSES:
            return "Paused before it was finished; it starts anew when the study goes on."
        if self._keeper.wish:
            return "Stopped before it was finished."
        return "The worker was stopped; it goes on by itself."

    def _stopped_message(self) -> str:
        if self._keeper.wish == "time":
            return f"Stopped at the limit of {self._spec.max_minutes:g} minutes."
        return "Stopped by a person."

    def _keep_best(self) -> None:
        best = self._leader or self._ledger.leader()
        home, study_id = settings().home, self._row.id
        saved = best_model_path(home, study_id)
        if best is None or (saved is not None and model_trial(saved) == best.number):
            return
        phase = "Training the best model on all rows"
        self._say(phase=phase, seconds_left=None, **self._verdict())
        leader = Leader(study_id, self._spec, best)
        model = self._executor.best_model(self._work, leader, self._keeper)
        if model is not None:
            self._save(lambda: save_best_model(home, study_id, model))

    def _keep_models(self, numbers: Sequence[int]) -> None:
        """Train trials that people chose on all rows, those whose models are not there yet."""
        home, study_id = settings().home, self._row.id
        for number in numbers:
            trial = self._ledger.finished.get(number)
            if trial is None or trial.state != "COMPLETE" or self._keeper.stopped:
                continue
            if trial_model_path(home, study_id, number) is not None:
                continue
            phase = f"Training the model of trial {number} on all rows"
            self._say(phase=phase, seconds_left=None)
            chosen = Leader(study_id, self._spec, trial)
            model = self._executor.best_model(self._work, chosen, self._keeper)
            if model is not None:
                self._save(functools.partial(save_trial_model, home, study_id, number, model))

    def _save(self, write: Callable[[], object]) -> None:
        """Write a model; where the disk is full the study pauses, and trains it again later."""
        try:
            write()
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            self._keeper.pause_for_disk()

    def _keep_timings(self) -> None:
        """Keep what training cost, for the next estimate: each training, or all stacks."""
        complete = [n for n, row in self._ledger.finished.items() if row.state == "COMPLETE"]
        enough = -(-_TIMINGS_KEPT // self._spec.n_fits_per_trial)
        fits = read_fits(self._db, self._claim.study_id, numbers=sorted(complete)[-enough:])
        alone = [self._timing(fit) for fit in fits if fit.trainer != STACKED]
        add_timings(self._db, alone[-_TIMINGS_KEPT:])
        if len(alone) < len(fits):
            add_stack_timings(self._db, self._forecast.stack_timings())
        self._foretold.keep()

    def _timing(self, fit: FitRow) -> Timing:
        params = all_params(self._spec, self._ledger.finished[fit.number].params)
        cost = training_cost(self._spec, self._info, params, fit.n_epochs)
        return Timing(
            model=self._spec.model,
            trainer=fit.trainer,
            n_steps=cost.n_steps,
            n_epochs=cost.n_epochs,
            work=cost.work,
            seconds=fit.duration_s or 0.0,
        )

    def _say(
        self, note: str = "", *, only_if: Mapping[str, Any] | None = None, **changes: object
    ) -> bool:
        """Change the study's row; see `update_claimed`."""
        return self._keeper.last(
            lambda: update_claimed(self._db, self._claim, note, only_if=only_if, **changes)
        )

    def _say_download(self, file_name: str, done: int, total: int) -> None:
        if self._keeper.stopped:
            raise _StopError
        share = f"{done / total:.0%} of " if total else ""
        self._say(phase=f"Fetching {file_name}: {share}{total / 1e6:.1f} MB")


def _whole(row: TrialRow) -> TrialRow:
    """Turn values read from JSON back into those of a spec: lists are layer sizes."""
    for name, value in row.params.items():
        row.params[name] = PARAMETERS[name].parse(value)
    return row

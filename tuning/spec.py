"""What a study is: one frozen, checked description that pages build and workers run.

A mistake anywhere becomes one sentence that names the field, the value and the way out; all
mistakes are told at once (`SpecError.problems`). What depends on the dataset's rows is checked
by `tuning.checks`.
"""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterator, Mapping
from typing import Any, Literal, Self

from pydantic import Field, ValidationError, field_validator, model_validator

from tuning.errors import SpecError
from tuning.old_specs import brought_up_to_date
from tuning.parameters import PARAMETERS, Value, defaults_of, parameters_of
from tuning.sampler_spec import MOST_TRIALS as MOST_TRIALS
from tuning.sampler_spec import HandTrial, SamplerSpec, hand_problems, range_problems
from tuning.sentences import sentences
from tuning.setting import (
    Fixed,
    Frozen,
    Setting,
    canonical,
    grid_values,
    n_values,
    setting_problems,
)

MOST_FITS = 200_000

ScoreName = Literal["accuracy", "log_loss", "roc_auc", "f1", "mse", "rmse", "mae", "r2"]
Direction = Literal["maximize", "minimize"]
SCORE_DIRECTIONS: Mapping[str, Direction] = {
    "accuracy": "maximize",
    "log_loss": "minimize",
    "roc_auc": "maximize",
    "f1": "maximize",
    "mse": "minimize",
    "rmse": "minimize",
    "mae": "minimize",
    "r2": "maximize",
}
CLASS_SCORES = ("accuracy", "log_loss", "roc_auc", "f1")
NUMBER_SCORES = ("rmse", "mse", "mae", "r2")


class DataSpec(Frozen):
    """Which rows a study uses.

    Attributes
    ----------
    dataset : str
        Id in the catalogue or of an upload.
    digits : tuple of int
        The digits to tell apart, for the two datasets of handwritten digits; empty: 2 and 7.
    test_fraction : float
        Share of the rows that no trial sees. A dataset with test rows of its own uses those.
    split_seed : int
        Decides which rows are test (and separate validation) rows; the same for every study.
    sample_fraction : float
        Share of the remaining rows to use, to try on a sample first.
    """

    dataset: str = Field(min_length=1, max_length=80)
    digits: tuple[int, ...] = ()
    test_fraction: float = Field(default=0.2, ge=0, le=0.5)
    split_seed: int = Field(default=42, ge=0, le=2**32 - 1)
    sample_fraction: float = Field(default=1.0, gt=0, le=1)

    @field_validator("digits")
    @classmethod
    def _digits_are_digits(cls, digits: tuple[int, ...]) -> tuple[int, ...]:
        if digits and (len(set(digits)) < 2 or not set(digits) <= set(range(10))):
            shown = ", ".join(str(digit) for digit in digits)
            raise SpecError([f"Digits: {shown}. Choose at least two digits from 0 to 9."])
        return tuple(sorted(set(digits)))


class EarlyStoppingSpec(Frozen):
    """Stop a fit when it no longer gets better, as `keras.callbacks.EarlyStopping` does.

    The rows that are watched never score the trial: `inner` sets aside a share of each fold's
    training rows, `separate` a share of the study's rows before any fold is made.
    """

    patience: int = Field(default=10, ge=0, le=10_000)
    min_delta: float = Field(default=0.0, ge=0)
    monitor: Literal["loss", "metric"] = "loss"
    restore_best_weights: bool = True
    rows: Literal["inner", "separate"] = "inner"
    fraction: float = Field(default=0.2, ge=0.05, le=0.5)


class EvaluationSpec(Frozen):
    """How a trial is judged.

    Attributes
    ----------
    method : {"kfold", "holdout", "test"}
        Cross-validation, one held-out part, or the dataset's own test rows.
    shuffle : bool
        Whether rows are shuffled before they are cut into folds. scikit-learn's searches do
        not; repeats need it, or each repeat would have the same folds.
    direction : {"maximize", "minimize"} or None
        None takes the score's own.
    rope : float or None
        The smallest difference in the score that matters in practice. None takes 0.01, and for
        losses 1 % of what the default settings score.
    """

    method: Literal["kfold", "holdout", "test"] = "kfold"
    folds: int = Field(default=5, ge=2, le=20)
    repeats: int = Field(default=1, ge=1, le=50)
    holdout_fraction: float = Field(default=0.2, ge=0.05, le=0.5)
    shuffle: bool = True
    score: ScoreName = "accuracy"
    direction: Direction | None = None
    early_stopping: EarlyStoppingSpec | None = None
    rope: float | None = Field(default=None, gt=0, le=1e6)

    @model_validator(mode="after")
    def _repeats_need_shuffling(self) -> Self:
        if self.method == "kfold" and self.repeats > 1 and not self.shuffle:
            raise SpecError(
                [
                    f"Repeats: {self.repeats} repeats without shuffling have the same folds. "
                    + "Switch shuffling on, or use 1 repeat."
                ]
            )
        return self

    @property
    def n_folds(self) -> int:
        """Fits a trial has in one repeat."""
        return self.folds if self.method == "kfold" else 1


class PrunerSpec(Frozen):
    """Which of Optuna's pruners cuts weak trials, if any."""

    kind: Literal["none", "median", "successive_halving"] = "none"
    n_startup_trials: int = Field(default=5, ge=0, le=1000)
    n_warmup_steps: int = Field(default=5, ge=0, le=10_000)
    reduction_factor: int = Field(default=3, ge=2, le=10)


class StudySpec(Frozen):
    """One search: data, model, search space, sampler, evaluation, budget.

    Attributes
    ----------
    include_default : bool
        Whether trial 0 has the default value of every searched parameter, to show whether
        searching pays off. Where they are no cell of a grid, it has one trial more.
    by_hand : tuple of HandTrial
        Trials whose settings a person has entered; they come on top of the sampler's.
    confirm : bool
        Whether the leaders are trained again on fresh repeats when the search is over.
    is_refined : bool
        Whether scores on the same rows have chosen what is searched, so that those of this
        study are a little too good.
    """

    format: Literal[1] = 1
    name: str = Field(min_length=1, max_length=80)
    recipe: str | None = None
    data: DataSpec
    model: Literal["dense", "convolutional"] = "dense"
    space: dict[str, Setting] = Field(default_factory=dict)
    sampler: SamplerSpec = SamplerSpec()
    evaluation: EvaluationSpec = EvaluationSpec()
    pruner: PrunerSpec = PrunerSpec()
    include_default: bool = False
    by_hand: tuple[HandTrial, ...] = ()
    confirm: bool = False
    is_refined: bool = False
    max_minutes: float | None = Field(default=None, gt=0, le=100_000)
    seed: int = Field(default=7, ge=0, le=2**32 - 1)

    @field_validator("name")
    @classmethod
    def _name_says_something(cls, name: str) -> str:
        if not name.strip():
            raise SpecError(["Name: it is empty. Write a few letters."])
        return name.strip()

    @model_validator(mode="before")
    @classmethod
    def _read_space(cls, data: Any) -> Any:  # noqa: ANN401 (raw input of unknown shape)
        """Check every setting for itself, so that one mistake does not hide the next."""
        if not isinstance(data, dict) or not isinstance(data.get("space", {}), Mapping):
            return data
        data = brought_up_to_date(data)
        problems: list[str] = []
        model = data.get("model", "dense")
        if not parameters_of(str(model)):
            return data | {"space": {}}  # of an unknown model only the model is worth telling
        for name, setting in data.get("space", {}).items():
            problems += setting_problems(str(name), setting, str(model))
        return data | {"space": _SpaceInput(data.get("space", {}), problems)}

    @field_validator("space", mode="wrap")
    @classmethod
    def _check_space(cls, space: Any, handler: Any) -> dict[str, Setting]:  # noqa: ANN401 (pydantic's)
        if isinstance(space, _SpaceInput):
            if space.problems:
                raise SpecError(space.problems)
            space = {name: canonical(name, setting) for name, setting in space.items()}
        checked: dict[str, Setting] = handler(space)
        return checked

    @model_validator(mode="after")
    def _parts_fit_together(self) -> Self:
        problems = [
            *self._space_problems(),
            *range_problems(self.sampler, self.searched),
            *hand_problems(self.by_hand, self.searched, self._places_by_hand),
            *self._count_problems(),
        ]
        if problems:
            raise SpecError(problems)
        return self

    def _space_problems(self) -> Iterator[str]:
        sizes = self.space.get("dense_layer_sizes")
        if sizes is not None and sizes != Fixed(value=None):
            for name in ("n_hidden", "n_neurons"):
                if name in self.space and not isinstance(self.space[name], Fixed):
                    label = PARAMETERS[name].label
                    yield (
                        f"{label}: it is replaced by the list of layers. "
                        + "Search either layers, or hidden layers and neurons."
                    )
        if self.sampler.kind == "grid":
            for name, setting in self.searched.items():
                if n_values(name, setting) is None:
                    label = PARAMETERS[name].label
                    yield (
                        f"{label}: a grid needs a number of points between "
                        + f"{setting.low:g} and {setting.high:g}. Set points to 5, for example."  # type: ignore[union-attr]
                    )

    def _count_problems(self) -> Iterator[str]:
        if not self.searched and self.sampler.kind != "grid":
            yield (
                "Nothing is searched. "
                + "Search at least one parameter, or use 1 trial with repeats."
            )
            return
        if self.sampler.kind == "grid" and (self.n_cells or 0) > MOST_TRIALS:
            yield (
                f"{self.n_cells:,} trials. The limit is {MOST_TRIALS:,}: "
                + "shorten a list or use Random."
            )
        elif (self.n_trials or 0) * self.n_fits_per_trial > MOST_FITS:
            n_fits = (self.n_trials or 0) * self.n_fits_per_trial
            yield (
                f"{n_fits:,} fits. The limit is {MOST_FITS:,}: "
                + "use fewer trials, folds or repeats."
            )

    @classmethod
    def parse(cls, source: object) -> StudySpec:
        """Read a spec from JSON text or a mapping.

        Raises
        ------
        SpecError
            With one sentence for every mistake.
        """
        if isinstance(source, (str, bytes)):
            try:
                source = json.loads(source)
            except ValueError as error:
                raise SpecError(
                    [f"The spec is not JSON: {error}. Check it in an editor."]
                ) from error
        try:
            return cls.model_validate(source)
        except ValidationError as error:
            raise SpecError(sentences(error)) from error

    def to_json(self, indent: int | None = None) -> str:
        """Write the spec as JSON; `parse` reads it back to an equal one."""
        return self.model_dump_json(indent=indent)

    @property
    def searched(self) -> dict[str, Setting]:
        """The parameters that vary, in the order written."""
        return {name: s for name, s in self.space.items() if not isinstance(s, Fixed)}

    @property
    def fixed(self) -> dict[str, Value]:
        """The value of every parameter that does not vary, defaults included."""
        values = defaults_of(self.model)
        values |= {name: s.value for name, s in self.space.items() if isinstance(s, Fixed)}
        return {name: value for name, value in values.items() if name not in self.searched}

    @property
    def direction(self) -> Direction:
        """Whether a larger or a smaller score is better."""
        return self.evaluation.direction or SCORE_DIRECTIONS[self.evaluation.score]

    @property
    def n_fits_per_trial(self) -> int:
        """Folds × repeats."""
        return self.evaluation.n_folds * self.evaluation.repeats

    @property
    def n_cells(self) -> int | None:
        """Different settings the search space holds; None if a range makes them endless."""
        counts = [n_values(name, setting) for name, setting in self.searched.items()]
        return None if None in counts else math.prod(count or 1 for count in counts)

    @property
    def default_settings(self) -> dict[str, Value]:
        """The default value of every searched parameter."""
        values = defaults_of(self.model)
        return {name: values[name] for name in self.searched}

    @property
    def hand_numbers(self) -> frozenset[int]:
        """Numbers of the trials that a person has entered."""
        return frozenset(trial.number for trial in self.by_hand)

    @property
    def starting_points(self) -> tuple[HandTrial, ...]:
        """Those trials entered by hand that come before all the sampler chooses."""
        at_start = (trial for trial in self.by_hand if trial.number < self.n_given)
        return tuple(sorted(at_start, key=lambda trial: trial.number))

    @property
    def n_given(self) -> int:
        """Trials at the start that no sampler chooses: the default settings, those entered."""
        count = int(self.include_default)
        while count in self.hand_numbers:
            count += 1
        return count

    @property
    def _places_by_hand(self) -> range:
        """Numbers that trials entered by hand may have: 0 is that of the default settings."""
        return range(int(self.include_default), self.n_trials)

    @property
    def has_default_cell(self) -> bool:
        """Whether the default settings are one of finitely many cells of the search space."""
        for name, value in self.default_settings.items():
            values = grid_values(name, self.searched[name])
            if values is None or value not in values:
                return False
        return True

    @property
    def n_trials(self) -> int:
        """Trials the search will run, those entered by hand included."""
        return self.n_searched + len(self.by_hand)

    @property
    def n_searched(self) -> int:
        """Trials that the sampler chooses, or that have the default settings."""
        cells = self.n_cells
        if cells is not None and self.include_default and not self.has_default_cell:
            cells += 1
        if self.sampler.kind == "grid":
            return cells or 0
        wanted = self.sampler.n_trials or 0
        return wanted if cells is None or self.sampler.learns else min(wanted, cells)

    def grid(self) -> Iterator[dict[str, Value]]:
        """Yield the searched values of every cell; the last parameter varies fastest."""
        lists = [grid_values(name, s) or () for name, s in self.searched.items()]
        for values in itertools.product(*lists):
            yield dict(zip(self.searched, values, strict=True))


class _SpaceInput(dict[str, Any]):
    """A raw search space together with what is wrong with it."""

    def __init__(self, space: Mapping[str, Any], problems: list[str]) -> None:
        super().__init__(space)
        self.problems = problems

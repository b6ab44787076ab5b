"""What was measured, in one JSON file that grows, and what follows from it: ratios, scores."""

from __future__ import annotations

import importlib.metadata
import itertools
import json
import os
import platform
import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import psutil

PEERS: Mapping[str, str] = {
    "scikit-learn": "scikit-learn with SciKeras",
    "keras-tuner": "KerasTuner",
    "optuna": "plain Optuna",
}
OURS = "ours"
LEADERS = 3  # how many of the other side's best a leader has to be among
_LIBRARIES = (
    "tensorflow", "keras", "scikit-learn", "scikeras", "keras-tuner", "optuna", "numpy",
)  # fmt: skip
_MUST_BE_THE_SAME = {
    "machine": "on another machine",
    "versions": "with other versions of the libraries",
    "memory": "with another kind of memory",
}

Kind = Literal["cold", "warm", "search"]
Scores = Mapping[str, float | None]


class ResultsFileError(ValueError):
    """A file of results cannot be used for what was asked."""

    def __init__(self, path: Path, problem: str, way_out: str) -> None:
        super().__init__(f"{path} {problem}. {way_out}")


@dataclass(frozen=True)
class Measurement:
    """One process and what it measured.

    Attributes
    ----------
    side : str
        "ours" or a peer's name.
    kind : {"cold", "warm", "search"}
        Ours in a new process once; ours twice in one process; a peer.
    recipes : tuple of str
        Run one after another in this process.
    started_at : str
        Local time with its offset, ISO 8601.
    process_s : float
        The whole process.
    seconds : dict
        By recipe: the search alone, once or twice.
    scores : dict
        By recipe and trial number; None where a trial has no score.
    error : str
        Why there is nothing to compare; empty if all went well.
    """

    side: str
    kind: Kind
    recipes: tuple[str, ...]
    started_at: str
    process_s: float
    peak_mb: float
    seconds: dict[str, list[float]] = field(default_factory=dict)
    scores: dict[str, dict[str, float | None]] = field(default_factory=dict)
    error: str = ""

    @property
    def key(self) -> tuple[str, str, tuple[str, ...]]:
        """What makes it the same measurement as another one, in whatever order."""
        return (self.side, self.kind, tuple(sorted(self.recipes)))


@dataclass
class Results:
    """A document of results.

    Attributes
    ----------
    variant : {"full", "quick"}
        Whether recipes were run as they stand or cut.
    about : dict
        Machine, versions, date, and which memory was summed.
    recipes : dict
        By name: group, title, trials, fits, score, direction and what was cut.
    """

    variant: str
    about: dict[str, Any]
    recipes: dict[str, dict[str, Any]] = field(default_factory=dict)
    measurements: list[Measurement] = field(default_factory=list)

    @classmethod
    def read(cls, path: Path) -> Results:
        """Read a file.

        Raises
        ------
        ResultsFileError
            If it is missing or is not one of ours.
        """
        try:
            document = json.loads(path.read_text())
            listed = [
                Measurement(**{**entry, "recipes": tuple(entry["recipes"])})
                for entry in document["measurements"]
            ]
            return cls(document["variant"], document["about"], document["recipes"], listed)
        except (OSError, ValueError, KeyError, TypeError) as error:
            problem = f"holds no results ({type(error).__name__}: {error})"
            raise ResultsFileError(path, problem, "Name a file of benchmarks.peers.") from error

    def document(self) -> dict[str, Any]:
        """Return everything as JSON has it."""
        return asdict(self)

    def write(self, path: Path) -> None:
        """Write the file anew; a reader never sees half of it."""
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f"{path.name}.part")
        part.write_text(json.dumps(self.document(), indent=1) + "\n")
        part.replace(path)

    def add(self, measurement: Measurement) -> None:
        """Add a measurement in place of an earlier one of the same thing."""
        self.measurements = [m for m in self.measurements if m.key != measurement.key]
        self.measurements.append(measurement)

    def find(self, side: str, kind: Kind, recipes: Sequence[str]) -> Measurement | None:
        """Return a measurement that went well."""
        key = (side, kind, tuple(sorted(recipes)))
        return next((m for m in self.measurements if m.key == key and not m.error), None)

    def groups(self) -> dict[str, list[str]]:
        """Return the names of the recipes by their group."""
        groups: dict[str, list[str]] = {}
        for name, facts in self.recipes.items():
            groups.setdefault(facts["group"], []).append(name)
        return groups


def about_this_machine(memory: str, date: str) -> dict[str, Any]:
    """Return what the figures depend on; the date does not make two documents differ."""
    return {
        "date": date,
        "memory": memory,
        "machine": {
            "cpu": _cpu_name(),
            "cores": os.cpu_count(),
            "memory_gb": round(psutil.virtual_memory().total / 1e9),
            "system": f"{platform.system()} {platform.machine()}",
        },
        "versions": {"python": platform.python_version()}
        | {name: _version(name) for name in _LIBRARIES},
    }


def _version(library: str) -> str:
    try:
        return importlib.metadata.version(library)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def resumed(path: Path, variant: str, about: Mapping[str, Any]) -> Results:
    """Read results to go on with.

    Raises
    ------
    ResultsFileError
        If they come from another machine, other versions or another variant: ratios across
        those would mean nothing.
    """
    results = Results.read(path)
    way_out = "Choose another --out."
    if results.variant != variant:
        problem = f"holds results of the {results.variant} recipes"
        raise ResultsFileError(path, problem, way_out)
    for part, words in _MUST_BE_THE_SAME.items():
        if results.about[part] != about[part]:
            raise ResultsFileError(path, f"was measured {words}", way_out)
    return results


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or "unknown"
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or "unknown"


@dataclass(frozen=True)
class ScoreComparison:
    """Whether two sides tell the same of the same trials.

    Attributes
    ----------
    median, largest : float
        Of the absolute differences between mean scores, over trials that both scored.
    ours_leads : bool
        Whether our best trial is among their three best; `theirs_leads` is the reverse.
    unscored : tuple of int
        Trials without a score: ours, theirs.
    """

    n_compared: int
    median: float
    largest: float
    ours_leads: bool
    theirs_leads: bool
    unscored: tuple[int, int]


def compare_scores(ours: Scores, theirs: Scores, direction: str) -> ScoreComparison | None:
    """Compare mean scores by trial number; None if no trial was scored by both."""
    mine = {n: s for n, s in ours.items() if s is not None}
    other = {n: s for n, s in theirs.items() if s is not None}
    both = sorted(mine.keys() & other.keys())
    if not both:
        return None
    gaps = [abs(mine[n] - other[n]) for n in both]
    return ScoreComparison(
        n_compared=len(both),
        median=statistics.median(gaps),
        largest=max(gaps),
        ours_leads=_leads(mine, other, direction),
        theirs_leads=_leads(other, mine, direction),
        unscored=(len(ours) - len(mine), len(theirs) - len(other)),
    )


def _leads(scores: Mapping[str, float], judge: Mapping[str, float], direction: str) -> bool:
    """Tell whether one of the best by `scores` is among the leaders by `judge`."""
    sign = 1 if direction == "maximize" else -1
    top = max(sign * score for score in scores.values())
    best = [number for number, score in scores.items() if sign * score == top]
    ranks = [
        sum(sign * other > sign * judge[number] for other in judge.values())
        for number in best
        if number in judge
    ]
    return any(rank < LEADERS for rank in ranks)


def peers_among_themselves(
    results: Results, name: str
) -> Iterator[tuple[str, str, ScoreComparison]]:
    """Compare the scores of each pair of peers: the yardstick of what chance alone does."""
    for one, other in itertools.combinations(PEERS, 2):
        mine = results.find(one, "search", [name])
        theirs = results.find(other, "search", [name])
        if mine and theirs:
            direction = results.recipes[name]["direction"]
            scores = compare_scores(mine.scores[name], theirs.scores[name], direction)
            if scores is not None:
                yield one, other, scores


@dataclass(frozen=True)
class Comparison:
    """Ours and one peer on a recipe, or on a group of recipes together.

    Attributes
    ----------
    ours_cold_s : float or None
        One new process; for a group one new process for all its recipes.
    ours_first_s, ours_again_s : float or None
        From launch to finished with TensorFlow loaded: the first time, and once more.
    theirs_process_s, theirs_search_s : float or None
        Whole processes; searches alone.
    ours_mb, theirs_mb : float or None
        Peaks; for a group the largest.
    error : str
        Why a side has no figures.
    """

    name: str
    peer: str
    n_fits: int
    ours_cold_s: float | None
    ours_first_s: float | None
    ours_again_s: float | None
    theirs_process_s: float | None
    theirs_search_s: float | None
    ours_mb: float | None
    theirs_mb: float | None
    scores: ScoreComparison | None = None
    error: str = ""

    @property
    def cold_ratio(self) -> float | None:
        """Their whole process over ours."""
        return _ratio(self.theirs_process_s, self.ours_cold_s)

    @property
    def first_ratio(self) -> float | None:
        """Their search over ours with a worker that is up."""
        return _ratio(self.theirs_search_s, self.ours_first_s)

    @property
    def again_ratio(self) -> float | None:
        """Their search over ours the second time with one worker."""
        return _ratio(self.theirs_search_s, self.ours_again_s)

    @property
    def memory_ratio(self) -> float | None:
        """Their peak over ours."""
        return _ratio(self.theirs_mb, self.ours_mb)


def _ratio(theirs: float | None, ours: float | None) -> float | None:
    return None if theirs is None or not ours else theirs / ours


def compare(results: Results, name: str, peer: str) -> Comparison:
    """Compare ours with a peer on one recipe."""
    cold = results.find(OURS, "cold", [name])
    warm = results.find(OURS, "warm", [name])
    theirs = results.find(peer, "search", [name])
    facts = results.recipes[name]
    mine = warm or cold
    return Comparison(
        name=name,
        peer=peer,
        n_fits=facts["n_fits"],
        ours_cold_s=cold.process_s if cold else None,
        ours_first_s=warm.seconds[name][0] if warm else None,
        ours_again_s=warm.seconds[name][1] if warm else None,
        theirs_process_s=theirs.process_s if theirs else None,
        theirs_search_s=theirs.seconds[name][0] if theirs else None,
        ours_mb=max((one.peak_mb for one in (cold, warm) if one), default=None),
        theirs_mb=theirs.peak_mb if theirs else None,
        scores=compare_scores(mine.scores[name], theirs.scores[name], facts["direction"])
        if mine and theirs
        else None,
        error="; ".join(_errors(results, name, peer)),
    )


def _errors(results: Results, name: str, peer: str) -> Iterator[str]:
    for measurement in results.measurements:
        if (
            measurement.error
            and name in measurement.recipes
            and measurement.side in {OURS, peer}
        ):
            yield f"{measurement.side}, {measurement.kind}: {measurement.error}"


def compare_group(results: Results, group: str, peer: str) -> Comparison | None:
    """Compare all recipes of a group together; None if one of them has not been measured."""
    names = results.groups()[group]
    rows = [compare(results, name, peer) for name in names]
    together = results.find(OURS, "cold", names)
    if len(names) < 2 or together is None:
        return None
    theirs_process_s = _sum(row.theirs_process_s for row in rows)
    if theirs_process_s is None:
        return None
    return Comparison(
        name=f"all {len(names)} together",
        peer=peer,
        n_fits=sum(row.n_fits for row in rows),
        ours_cold_s=together.process_s,
        ours_first_s=_sum(row.ours_first_s for row in rows),
        ours_again_s=_sum(row.ours_again_s for row in rows),
        theirs_process_s=theirs_process_s,
        theirs_search_s=_sum(row.theirs_search_s for row in rows),
        ours_mb=max(together.peak_mb, *(row.ours_mb or 0.0 for row in rows)),
        theirs_mb=max(row.theirs_mb or 0.0 for row in rows),
    )


def _sum(values: Iterable[float | None]) -> float | None:
    listed = list(values)
    known = [value for value in listed if value is not None]
    return sum(known) if len(known) == len(listed) else None


def comparisons(results: Results, group: str, peer: str) -> list[Comparison]:
    """Return one comparison a recipe of a group, then the whole group where it is known."""
    rows = [compare(results, name, peer) for name in results.groups()[group]]
    whole = compare_group(results, group, peer)
    return [*rows, *([whole] if whole else [])]


def is_measured(results: Results, group: str, peer: str) -> bool:
    """Tell whether a peer has been run on a recipe of a group, be it in vain."""
    names = set(results.groups()[group])
    return any(m.side == peer and names & set(m.recipes) for m in results.measurements)

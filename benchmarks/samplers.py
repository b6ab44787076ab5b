"""Our Gaussian process and forest beside scikit-optimize: ``python -m benchmarks.samplers``.

Both search the same functions with as many calls, from as many random points, over the same
number of seeds; the best values found are compared. With ``--write`` the table goes into
docs/samplers.md.
"""

from __future__ import annotations

import datetime as dt
import functools
import json
import time
import warnings
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Annotated, Any

import numpy as np
import optuna
import skopt
import typer
from scipy import stats
from threadpoolctl import threadpool_limits

from benchmarks.marked import replace
from benchmarks.results import ResultsFileError
from benchmarks.sampler_functions import FUNCTIONS, Function
from tuning.sampling.expected_improvement import ExpectedImprovement, Surrogate

SURROGATES: Mapping[Surrogate, str] = {"gp": "Gaussian process", "forest": "random forest"}
N_CALLS, N_SEEDS, N_RANDOM = 40, 20, 10
QUICK_CALLS, QUICK_SEEDS = 14, 3
ROUND = 3  # trials at once; the rounds of a search of 40
_LEVEL = 0.05
_MARK = "samplers"
_ROOT = Path(__file__).resolve().parent.parent
_PAGE = _ROOT / "docs" / "samplers.md"
_FILE = _ROOT / "build" / "samplers.json"


def ours(
    function: Function, surrogate: Surrogate, seed: int, n_calls: int, size: int = 1
) -> float:
    """Return the smallest distance to the minimum that our sampler finds.

    Parameters
    ----------
    size : int
        Trials that are proposed before any of them is told.
    """
    space = dict(function.space)
    sampler = ExpectedImprovement(surrogate, space, seed, N_RANDOM)
    study = optuna.create_study(sampler=sampler)
    for start in range(0, n_calls, size):
        asked = [study.ask(space) for _ in range(min(size, n_calls - start))]
        for trial in asked:
            study.tell(trial, function.distance([trial.params[name] for name in space]))
    return float(study.best_value)


def theirs(function: Function, surrogate: Surrogate, seed: int, n_calls: int) -> float:
    """Return the smallest distance to the minimum that scikit-optimize finds."""
    asked: dict[str, Any] = {
        "dimensions": function.dimensions(),
        "n_calls": n_calls,
        "n_initial_points": N_RANDOM,
        "acq_func": "EI",
        "random_state": seed,
    }
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The objective has been evaluated")
        if surrogate == "gp":
            return float(skopt.gp_minimize(function.distance, **asked).fun)
        found = skopt.forest_minimize(function.distance, base_estimator="RF", **asked)
        return float(found.fun)


def at_random(function: Function, seed: int, n_calls: int) -> float:
    """Return the smallest distance to the minimum that random draws find."""
    space = skopt.Space(function.dimensions())
    return min(function.distance(point) for point in space.rvs(n_calls, random_state=seed))


@dataclass
class Compared:
    """The best values of both on one function, by seed.

    Attributes
    ----------
    p_value : float
        Of the two-sided Mann-Whitney test that one finds smaller values than the other.
    chance : float
        That a value of ours is smaller than one of theirs, half of the ties included.
    """

    function: str
    surrogate: Surrogate
    ours: list[float] = field(default_factory=list)
    theirs: list[float] = field(default_factory=list)
    in_rounds: list[float] = field(default_factory=list)
    random: list[float] = field(default_factory=list)

    @property
    def p_value(self) -> float:
        """Two-sided, exact where there are no ties."""
        return float(stats.mannwhitneyu(self.ours, self.theirs).pvalue)

    @property
    def chance(self) -> float:
        """Return the share of pairs that we win."""
        found = stats.mannwhitneyu(self.ours, self.theirs).statistic
        return 1 - float(found) / (len(self.ours) * len(self.theirs))


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust p-values for their number, as Holm does (1979).

    Returns
    -------
    list of float
        In the order given; none is below its own p-value or above 1.
    """
    order = np.argsort(p_values)
    n = len(p_values)
    raised = [min(1.0, (n - rank) * p_values[index]) for rank, index in enumerate(order)]
    adjusted = np.empty(n)
    adjusted[order] = np.maximum.accumulate(raised)
    return [float(value) for value in adjusted]


def compare(function: Function, surrogate: Surrogate, n_seeds: int, n_calls: int) -> Compared:
    """Search a function with both, once a seed."""
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        search = functools.partial(_one_seed, function.name, surrogate, n_calls)
        found = list(pool.map(search, range(n_seeds)))
    columns = [list(values) for values in zip(*found, strict=True)]
    return Compared(function.name, surrogate, *columns)


def _one_seed(
    name: str, surrogate: Surrogate, n_calls: int, seed: int
) -> tuple[float, float, float, float]:
    """Search with one seed: ours, theirs, ours in rounds, random draws."""
    function = next(one for one in FUNCTIONS if one.name == name)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return (
        ours(function, surrogate, seed, n_calls),
        theirs(function, surrogate, seed, n_calls),
        ours(function, surrogate, seed, n_calls, ROUND),
        at_random(function, seed, n_calls),
    )


def table(compared: Sequence[Compared]) -> str:
    """Return the comparisons as a table, one a line."""
    lines = [
        "| surrogate | function | scikit-optimize | ours | p (Holm) | we win "
        + f"| ours in rounds of {ROUND} | random |",
        "|---|---|---|---|---|---|---|---|",
    ]
    adjusted = holm([own.p_value for own in compared])
    lines += [
        f"| {SURROGATES[own.surrogate]} | {own.function} | {median(own.theirs):.3g} "
        + f"| {median(own.ours):.3g} | {own.p_value:.2f} ({p:.2f}) | {own.chance:.0%} "
        + f"| {median(own.in_rounds):.3g} | {median(own.random):.3g} |"
        for own, p in zip(compared, adjusted, strict=True)
    ]
    return "\n".join(lines)


def summary(compared: Sequence[Compared]) -> str:
    """Say in one sentence whether any comparison tells the two apart."""
    adjusted = holm([own.p_value for own in compared])
    apart = [own for own, p in zip(compared, adjusted, strict=True) if p < _LEVEL]
    told = ", ".join(f"{SURROGATES[own.surrogate]} on {own.function}" for own in apart)
    return (
        f"Of {len(compared)} comparisons {len(apart)} tell ours and scikit-optimize apart at "
        + f"{_LEVEL:g} after Holm's adjustment{': ' + told if told else ''}; the smallest "
        + f"adjusted p is {min(adjusted):.2f}."
    )


def measure(n_seeds: int, n_calls: int, path: Path) -> list[Compared]:
    """Compare on every function, going on with what the file has, and write after each."""
    settings = {"n_seeds": n_seeds, "n_calls": n_calls}
    known = json.loads(path.read_text()) if path.is_file() else {}
    if {name: known.get(name) for name in settings} != settings:
        known = settings | {"date": dt.datetime.now(dt.UTC).date().isoformat(), "found": []}
    done = [Compared(**own) for own in known["found"]]
    path.parent.mkdir(parents=True, exist_ok=True)
    for surrogate in SURROGATES:
        for function in FUNCTIONS:
            if any((d.function, d.surrogate) == (function.name, surrogate) for d in done):
                continue
            began = time.perf_counter()
            done.append(compare(function, surrogate, n_seeds, n_calls))
            known["found"] = [own.__dict__ for own in done]
            path.write_text(json.dumps(known, indent=2))
            took = time.perf_counter() - began
            typer.echo(f"{surrogate}, {function.name}: {took:.0f} s", err=True)
    return done


def main(
    quick: Annotated[bool, typer.Option(help="Few seeds and calls: some minutes.")] = False,
    write: Annotated[bool, typer.Option(help="Write the table into the page.")] = False,
    out: Annotated[Path, typer.Option(help="The file of figures.")] = _FILE,
    page: Annotated[Path, typer.Option(help="The page to write into.")] = _PAGE,
) -> None:
    """Compare, print the table, and write it where asked."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    n_seeds, n_calls = (QUICK_SEEDS, QUICK_CALLS) if quick else (N_SEEDS, N_CALLS)
    compared = measure(n_seeds, n_calls, out.with_stem(out.stem + "-quick") if quick else out)
    text = (
        f"{n_calls} calls, {n_seeds} seeds, measured on {dt.datetime.now(dt.UTC):%Y-%m-%d}.\n\n"
        + f"{table(compared)}\n\n{summary(compared)}"
    )
    print(text)
    try:
        if write:
            replace(page, _MARK, text)
    except ResultsFileError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error


if __name__ == "__main__":
    typer.run(main)

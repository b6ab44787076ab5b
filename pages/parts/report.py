"""A study as one HTML file that opens offline: verdict, charts, every trial, how it was made.

It is made when somebody asks for it, from what is stored; nothing in it refers to a network.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterator
from html import escape
from importlib.metadata import version

import pandas as pd

from pages.parts.charts.gap import gap_intervals, gap_px
from pages.parts.charts.importance import effect_bars
from pages.parts.charts.leader_curves import leader_curves
from pages.parts.report_page import Cell, chart, page, paragraph, section, table
from pages.parts.show import duration, plural
from pages.parts.study.facts import SCORES, STATES, digits_of, outline
from pages.parts.study.verdict import tiles
from pages.parts.study.why import why
from storage.database import Database
from storage.reading import Trials, read_fit_lines, read_news
from storage.results import read_pieces
from storage.studies import StudyRow, get_study
from tuning.analysis.curves import CurveBook, measures
from tuning.analysis.effects import Effects, capital, effects
from tuning.analysis.gaps import gap_finding, gap_table
from tuning.analysis.grid import Grid, make_grid
from tuning.analysis.study_scores import ScoreBook
from tuning.analysis.tried import make_tried
from tuning.analysis.verdict_words import expected_sentence
from tuning.digits import digits_of_score
from tuning.judging import Judged, complete, judge_study, known_info
from tuning.parameters import PARAMETERS, show_value
from tuning.space import write_setting
from tuning.spec import StudySpec

_N_CURVES = 6
_CHART_PX = 420
_PACKAGES = ("tensorflow", "keras", "scikit-learn", "optuna", "numpy", "pandas")
_ROUNDING = 4  # decimals of numbers that have no ±


def report_html(db: Database, study_id: str) -> bytes:
    """Write the report of a study as it stands now.

    Raises
    ------
    UnknownStudyError
        If there is no such study.
    """
    row, judged = get_study(db, study_id), judge_study(db, study_id)
    trials = Trials(read_news(db, study_id).lines)
    parts = [
        *_head(row, judged),
        *_gaps(row, judged),
        *_importance(db, row, judged.spec, trials),
        *_curves(db, row, judged),
        *_all_trials(row, make_grid(judged.spec, trials, judged.found)),
        *_settings(judged.spec),
        *_evaluation(row, judged),
        *_versions(row),
    ]
    return page(f"{row.name} · Tuneboard", parts).encode()


def _head(row: StudyRow, judged: Judged) -> Iterator[str]:
    yield f"<h1>{escape(row.name)}</h1>"
    info = known_info(judged.spec)
    title = row.dataset if info is None else info.title
    yield paragraph(outline(judged.spec, title), "soft")
    yield paragraph(judged.sentence, "verdict")
    cards = "\n".join(
        f'<div class="tile">{escape(tile.label)}<b>{escape(tile.value)}</b>'
        + f'<span class="soft">{escape(tile.note)}</span></div>'
        for tile in tiles(judged.found, row)
    )
    yield f'<div class="tiles">{cards}</div>'
    if judged.found.leader is not None:
        yield paragraph(expected_sentence(judged.found))


def _gaps(row: StudyRow, judged: Judged) -> Iterator[str]:
    found, spec = judged.found, judged.spec
    default = 0 if spec.include_default and 0 in found.table.index else None
    shown = gap_table(found, (), default)
    if shown.empty:
        return
    figure = gap_intervals(
        shown,
        gap_finding(found),
        SCORES[row.score_name],
        higher_is_better=row.direction == "maximize",
    )
    note = "Hollow: may be as good as the leader. Filled: worse. Worse is on the left."
    yield section(
        "How far trials are from the leader",
        chart(figure, "gaps", gap_px(shown)),
        paragraph(note, "soft"),
    )


def _importance(db: Database, row: StudyRow, spec: StudySpec, trials: Trials) -> Iterator[str]:
    book = ScoreBook(spec)
    book.take(read_fit_lines(db, row.id))
    tried = make_tried(spec, trials, book.scores(complete(trials)))
    found = effects(spec, tried.settings, tried.scores, tried.states)
    title = "Which settings matter"
    if not isinstance(found, Effects):
        yield section(title, paragraph(str(found), "soft"))
        return
    note = f"From {plural(found.n_trials, 'finished trial')}. Grey: chance explains it."
    yield section(
        title,
        chart(effect_bars(found.table, found.sentence), "effects", _CHART_PX),
        paragraph(f"{note} {found.left_out}".strip(), "soft"),
    )


def _curves(db: Database, row: StudyRow, judged: Judged) -> Iterator[str]:
    numbers = judged.found.best_first[:_N_CURVES]
    book = CurveBook()
    book.add(read_pieces(db, row.id, numbers=numbers)[0])
    if not any(number in book for number in numbers):
        return
    measure = measures(row.score_name)[0]
    title = f"{measure.label} of the best trials by epoch"
    n_digits = digits_of(judged.found, row.score_name, measure, numbers)
    figure = leader_curves(book, numbers, measure, title, n_digits)
    yield section("Learning curves", chart(figure, "curves", _CHART_PX))


def _all_trials(row: StudyRow, grid: Grid) -> Iterator[str]:
    shown = grid.table.sort_values("place", kind="stable")
    names = [name for name in shown.columns if name in PARAMETERS]
    heads = ["Trial", "Rank", capital(SCORES[row.score_name]), "±", "Tie"]
    heads += [PARAMETERS[name].label for name in names]
    heads += ["Epochs trained", "Seconds", "Weights", "State", "Message"]
    rows = [_trial_cells(line, names) for _, line in shown.iterrows()]
    yield section("All trials", table(heads, rows, sortable=True))


def _trial_cells(line: pd.Series[str], names: list[str]) -> list[Cell]:
    n_digits = digits_of_score(float(line["half_width"]))
    cells = [
        _number(line["number"], 0),
        Cell(str(line["rank"]), _known(line["place"])),
        _number(line["score"], n_digits),
        _number(line["half_width"], n_digits),
        Cell(str(line["tie"])),
    ]
    cells += [_setting(line[name]) for name in names]
    cells += [_number(line["n_epochs"], 0), _number(line["duration_s"], 1)]
    cells.append(_number(line["n_weights"], 0))
    return [*cells, Cell(STATES.get(line["state"], line["state"])), Cell(str(line["message"]))]


def _number(value: object, n_digits: int) -> Cell:
    known = _known(value)
    return Cell("") if known is None else Cell(f"{known:,.{n_digits}f}", known)


def _known(value: object) -> float | None:
    number = float(value)  # type: ignore[arg-type]
    return number if math.isfinite(number) else None


def _setting(value: object) -> Cell:
    if isinstance(value, str):
        return Cell(value)
    number = _known(value)
    return Cell("off") if number is None else Cell(f"{number:.10g}", number)


def _settings(spec: StudySpec) -> Iterator[str]:
    rows = [
        [Cell(PARAMETERS[name].label), Cell("searched"), Cell(write_setting(name, setting))]
        for name, setting in spec.searched.items()
    ]
    rows += [
        [Cell(PARAMETERS[name].label), Cell("fixed"), Cell(show_value(value))]
        for name, value in spec.fixed.items()
    ]
    yield section("Settings", table(["Setting", "", "Values"], rows, sortable=False))


def _evaluation(row: StudyRow, judged: Judged) -> Iterator[str]:
    spec = judged.spec
    reasons = [[Cell(about), Cell(text)] for about, text in why(judged, row)]
    data, evaluation = spec.data, spec.evaluation
    facts = [
        ("Method", _method(spec)),
        ("Sealed rows", _sealed(spec)),
        ("Rows used", f"{data.sample_fraction:.0%} of the others"),
        ("Early stopping", _stopping(spec)),
        ("Seed", f"{spec.seed}"),
        ("Score", SCORES[evaluation.score]),
    ]
    rows = [[Cell(about), Cell(text)] for about, text in facts]
    yield section(
        "How it was evaluated", table(["What", "How"], rows + reasons, sortable=False)
    )


def _sealed(spec: StudySpec) -> str:
    info = known_info(spec)
    if spec.evaluation.method == "test":
        return "none: test rows score the trials"
    if info is not None and info.n_test_rows:
        return f"the {plural(info.n_test_rows, 'test row')} of the dataset"
    return f"{spec.data.test_fraction:.0%}, split by seed {spec.data.split_seed}"


def _method(spec: StudySpec) -> str:
    evaluation = spec.evaluation
    words = {
        "kfold": f"{evaluation.folds} folds",
        "holdout": f"{evaluation.holdout_fraction:.0%} held out",
        "test": "the test rows of the dataset",
    }
    shuffled = ", shuffled" if evaluation.shuffle and evaluation.method != "test" else ""
    return f"{words[evaluation.method]}, {plural(evaluation.repeats, 'repeat')}{shuffled}"


def _stopping(spec: StudySpec) -> str:
    asked = spec.evaluation.early_stopping
    if asked is None:
        return "none"
    watched = f"{asked.fraction:.0%} of the training rows"
    return (
        f"after {plural(asked.patience, 'epoch')} without a better {asked.monitor} on {watched}"
    )


def _versions(row: StudyRow) -> Iterator[str]:
    rows = [[Cell(package), Cell(version(package))] for package in _PACKAGES]
    now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
    took = "" if row.seconds is None else f" It took {duration(row.seconds)}."
    yield section(
        "Versions",
        table(["Package", "Version on the machine that wrote this"], rows, sortable=False),
        paragraph(f"Study {row.id}, {row.state}. Report of {now}.{took}", "soft"),
    )

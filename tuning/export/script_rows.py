"""Pieces of the script that say which rows do what, and what counts as the same score.

They cut rows as `tuning.datasets.splits` does, with scikit-learn's own functions.
"""

from __future__ import annotations

from tuning.datasets.info import DatasetInfo
from tuning.spec import StudySpec

_ASIDE = {
    "none": '''\
def set_aside(y, rows, share, seed):
    """Return the rows that stay, and a share of them set aside."""
    return train_test_split(rows, test_size=share, random_state=seed{stratify})
''',
    "time": '''\
def set_aside(y, rows, share, seed):
    """Return the earlier rows, and the last share of them set aside."""
    n_last = math.ceil(len(rows) * share)
    return rows[:-n_last], rows[-n_last:]
''',
    "groups": '''\
def set_aside(y, rows, share, seed):
    """Return the rows that stay, and whole groups of about a share of them set aside."""
    groups = GROUPS[rows]
    most = min(len(np.unique(groups)), 20)
    nearest = Fraction(share).limit_denominator(most) or Fraction(1, most)
    n_parts, of_parts = nearest.numerator, nearest.denominator
    splitter = {group_folds}(of_parts, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The least populated class", UserWarning)
        parts = [part for _, part in splitter.split(rows, y[rows], groups)]
    wanted = len(rows) * share / n_parts
    parts.sort(key=lambda part: abs(len(part) - wanted))
    is_off = np.zeros(len(rows), bool)
    is_off[np.concatenate(parts[:n_parts])] = True
    return rows[~is_off], rows[is_off]
''',
}


def rows_pieces(spec: StudySpec, info: DatasetInfo) -> list[str]:
    """Return `make_folds` and, where it is needed, `set_aside`."""
    stratify = "" if info.task == "regression" else ", stratify=y[rows]"
    body = [*_search_rows(spec, info, stratify), *_folds(spec, info)]
    sealed = "" if not _has_sealed(spec, info) else "; sealed rows stay out"
    folds = "\n".join(f"    {line}" for line in body)
    pieces = [
        f'''\
def make_folds(y):
    """Yield the rows of each fold as the study cut them{sealed}."""
{folds}
'''
    ]
    if "set_aside(" in folds or _is_inner(spec):
        group_folds = "GroupKFold" if info.task == "regression" else "StratifiedGroupKFold"
        aside = _ASIDE[info.belonging]
        aside = aside.replace("{stratify}", stratify).replace("{group_folds}", group_folds)
        pieces.append(aside)
    return pieces


def uses_published_test(spec: StudySpec, info: DatasetInfo) -> bool:
    """Tell whether trials are scored on the test rows that the dataset brings along."""
    return bool(info.n_test_rows) and spec.evaluation.method == "test"


def _has_sealed(spec: StudySpec, info: DatasetInfo) -> bool:
    if spec.evaluation.method == "test":
        return False
    return bool(info.n_test_rows or spec.data.test_fraction)


def _is_inner(spec: StudySpec) -> bool:
    stopping = spec.evaluation.early_stopping
    return stopping is not None and stopping.rows == "inner"


def _search_rows(spec: StudySpec, info: DatasetInfo, stratify: str) -> list[str]:
    data, lines = spec.data, ["rows = np.arange(len(y))"]
    if uses_published_test(spec, info):
        lines = ["rows, test_rows = np.arange(N_TRAIN), np.arange(N_TRAIN, len(y))"]
    elif not info.n_test_rows and data.test_fraction:
        name = "test_rows" if spec.evaluation.method == "test" else "_"
        aside = f"set_aside(y, rows, {data.test_fraction!r}, SPLIT_SEED)"
        lines.append(f"rows, {name} = {aside}")
    if data.sample_fraction < 1:
        lines.append(f"n_sample = max(1, round(len(rows) * {data.sample_fraction!r}))")
        if info.belonging == "time":
            lines.append("rows = rows[-n_sample:]")
        else:
            lines += [
                "sample, _ = train_test_split(",
                f"    rows, train_size=n_sample, random_state=SPLIT_SEED{stratify}",
                ")",
                "rows = rows[np.isin(rows, sample)]  # in the order they had",
            ]
    stopping = spec.evaluation.early_stopping
    if stopping is not None and stopping.rows == "separate":
        lines.append(f"rows, watch = set_aside(y, rows, {stopping.fraction!r}, SPLIT_SEED)")
    return lines


def _folds(spec: StudySpec, info: DatasetInfo) -> list[str]:
    evaluation = spec.evaluation
    stopping = evaluation.early_stopping
    watch = "watch, " if stopping is not None and stopping.rows == "separate" else ""
    lines = ["for repeat in range(N_REPEATS):"]
    if evaluation.method == "test":
        return [*lines, f"    yield repeat, 0, rows, {watch}test_rows"]
    seed = "    seed = int(np.random.SeedSequence((SEED, repeat)).generate_state(1)[0])"
    if evaluation.method == "holdout":
        share = repr(evaluation.holdout_fraction)
        if evaluation.shuffle or info.belonging != "none":
            lines += [seed, f"    train, held_out = set_aside(y, rows, {share}, seed)"]
        else:
            lines += [
                f"    n_held_out = math.ceil(len(rows) * {share})",
                "    train, held_out = rows[:-n_held_out], rows[-n_held_out:]",
            ]
        return [*lines, f"    yield repeat, 0, train, {watch}held_out"]
    shuffled = evaluation.shuffle and info.belonging != "time"
    if shuffled:
        lines.append(seed)
    more = ", shuffle=True, random_state=seed" if shuffled else ""
    groups = ", GROUPS[rows]" if info.belonging == "groups" else ""
    lines += [
        f"    folds = {_splitter(info)}(N_FOLDS{more})",
        f"    parts = folds.split(rows, y[rows]{groups})",
        "    for fold, (train, held_out) in enumerate(parts):",
        f"        yield repeat, fold, rows[train], {watch}rows[held_out]",
    ]
    return lines


def _splitter(info: DatasetInfo) -> str:
    if info.belonging == "time":
        return "TimeSeriesSplit"
    plain = "KFold" if info.task == "regression" else "StratifiedKFold"
    grouped = "GroupKFold" if info.task == "regression" else "StratifiedGroupKFold"
    return grouped if info.belonging == "groups" else plain


_BOOTSTRAP = '''\
def half_width(y_true, outputs):
    """Return half the 95 % interval of a score of one fit: of its rows, drawn anew."""
    rng = np.random.default_rng(SEED)
    drawn = rng.integers(len(y_true), size=(500, len(y_true)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a draw may lack a class
        scores = [score(y_true[rows], outputs[rows]) for rows in drawn]
    return 1.96 * np.nanstd(scores)
'''


def check_pieces(spec: StudySpec, load: str) -> list[str]:
    """Return `main`, and of a single fit what its check needs.

    Parameters
    ----------
    load : str
        Source that gives x and y.
    """
    stopping = spec.evaluation.early_stopping
    watch = "watch, " if stopping is not None and stopping.rows == "separate" else ""
    name = spec.evaluation.score.replace("_", " ")
    single = spec.n_fits_per_trial == 1
    if single:
        rule = "math.sqrt(2) * half_width(y[held_out], outputs)"
        why = "One fit has no recorded noise: both vary as far as drawing its rows anew tells."
    else:
        rule = "RECORDED_NOISE"
        why = (
            "As far as other seeds and folds of the same rows change the score, 19 times of 20."
        )
    loop = f"for repeat, fold, train, {watch}held_out in make_folds(y):"
    call = f"train_fold(x, y, train, {watch}held_out, repeat, fold)"
    main = f'''\
def main():
    {load}
    scores = []
    {loop}
        outputs = {call}
        scores.append(score(y[held_out], outputs))
        print(f"repeat {{repeat}}, fold {{fold}}: {name} {{scores[-1]:.4f}}", flush=True)
    mean = float(np.mean(scores))
    print(f"{name} {{mean:.4f}}; recorded: {{RECORDED_SCORE:.4f}}")
    # {why}
    allowed = {rule} + 1e-6
    if not abs(mean - RECORDED_SCORE) <= allowed:
        sys.exit(f"NOT the same: more than {{allowed:.4f}} lies between the two scores.")
    print(f"The same up to chance: at most {{allowed:.4f}} may lie between the two scores.")


if __name__ == "__main__":
    main()
'''
    return [_BOOTSTRAP, main] if single else [main]

"""The race: who enters, what each look decides, and how often it finds winners among equals."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from tuning.analysis.race import (
    LOOKS,
    Decision,
    enter_race,
    error_over_floor,
    extra_fits,
    next_look,
)
from tuning.analysis.ties import gap_to, rank

Array = NDArray[np.float64]


def make_race(n_trials: int, repeats_wanted: int = 2) -> Decision:
    return Decision("go on", tuple(range(n_trials)), repeats_wanted, "", n_trials)


def noisy(
    shifts: list[float], n_repeats: int, seed: int = 0, noise: float = 1.0, n_folds: int = 5
) -> Array:
    """Score trials that are better or worse by known amounts, on folds they share."""
    rng = np.random.default_rng(seed)
    folds = rng.normal(size=(n_repeats, n_folds))
    own = rng.normal(scale=noise, size=(len(shifts), n_repeats, n_folds))
    scores: Array = np.array(shifts)[:, np.newaxis, np.newaxis] + folds + own
    return scores


def run(scores: Array, n_searched: int = 1, *, rope: float = 0.0) -> tuple[Decision, list[int]]:
    """Run a race whose scores are all there already; return its end and where it looked."""
    race, looks = enter_race(scores[:, :n_searched], rope=rope), []
    while race.kind == "go on":
        looks.append(race.repeats_wanted)
        survivors = scores[list(race.survivors), : race.repeats_wanted]
        race = next_look(survivors, race, rope=rope)
    return race, looks


@pytest.mark.parametrize(
    ("n_folds", "n_repeats", "expected"),
    [
        (5, 1, 1.3416),
        (5, 2, 1.1832),
        (5, 3, 1.1255),
        (5, 5, 1.0770),
        (5, 7, 1.0556),
        (5, 10, 1.0392),
        (10, 3, 1.1402),
    ],
)
def test_repeats_run_into_a_floor(n_folds: int, n_repeats: int, expected: float) -> None:
    assert error_over_floor(n_folds, n_repeats) == pytest.approx(expected, abs=5e-5)


@pytest.mark.parametrize(
    ("n_folds", "n_repeats", "critical"),
    [(5, 1, 2.998528), (5, 2, 2.398441), (3, 5, 2.263781), (5, 5, 2.171545)],
)
def test_two_trials_are_told_apart_by_a_test_of_four_in_a_hundred(
    n_folds: int, n_repeats: int, critical: float
) -> None:
    n_fits = n_folds * n_repeats
    differences = np.random.default_rng(0).normal(size=(n_repeats, n_folds))
    differences = (differences - differences.mean()) / differences.std(ddof=1)
    error = math.sqrt(1 / n_fits + 1 / (n_folds - 1))
    assert stats.t.ppf(0.98, n_fits - 1) == pytest.approx(critical, abs=1e-6)

    kinds = [
        next_look(
            np.stack([differences + factor * critical * error, 0 * differences]), two
        ).kind
        for two in [make_race(2, n_repeats)]
        for factor in (0.999, 1.001)
    ]

    assert kinds == ["go on", "winner"]


def test_at_most_ten_of_the_tied_enter_best_first() -> None:
    scores = noisy([0.0] * 15, 1)
    assert rank(scores).tied.sum() > 10

    race = enter_race(scores)

    best_first = np.argsort(-scores.mean(axis=(1, 2)))
    assert race.survivors == tuple(best_first[:10])
    assert (race.kind, race.repeats_wanted, race.n_entered) == ("go on", 2, 10)
    assert race.sentence == "10 of 10 left; the next look is at 2 repeats."


def test_the_runner_up_enters_beside_a_clear_winner() -> None:
    scores = noisy([9.0, 0.0, 3.0, -3.0], 1, noise=0.1)
    assert rank(scores).badge

    assert enter_race(scores).survivors == (0, 2)


def test_a_tied_trial_enters_before_a_better_one_that_is_behind() -> None:
    steps = np.array([-2.0, -1.0, 0.0, 1.0, 2.0])
    scores = np.stack([0 * steps, 0.001 * steps - 0.1, steps - 0.2])[:, np.newaxis, :]
    assert rank(scores).tied.tolist() == [True, False, True]

    assert enter_race(scores).survivors == (0, 2)


@pytest.mark.parametrize(
    ("n_searched", "wanted"), [(1, 2), (2, 4), (3, 4), (4, 7), (5, 7), (9, 10)]
)
def test_repeats_of_the_search_count(n_searched: int, wanted: int) -> None:
    assert enter_race(noisy([0.0, 0.0], n_searched)).repeats_wanted == wanted


def test_a_search_of_ten_repeats_leaves_nothing_to_race_for() -> None:
    race = enter_race(noisy([0.0, 0.0, 0.0], 10), 1000)

    assert (race.kind, race.repeats_wanted) == ("cannot tell", 0)
    assert race.sentence.startswith("Cannot tell: more repeats cannot separate these 3")


@pytest.mark.parametrize(
    ("rope", "end"), [(0.0, ("cannot tell", LOOKS)), (0.01, ("equal", (2,)))]
)
def test_identical_trials_never_have_a_winner(
    rope: float, end: tuple[str, tuple[int, ...]]
) -> None:
    scores = np.repeat(noisy([0.0], 10), 4, axis=0)

    race, looks = run(scores, rope=rope)

    assert (race.kind, tuple(looks)) == end
    assert race.survivors == (0, 1, 2, 3)


def test_a_trial_that_is_much_better_wins_at_the_first_look() -> None:
    race, looks = run(noisy([0.0, 0.0, 5.0, 0.0], 10))

    assert (race.kind, race.survivors, looks) == ("winner", (2,), [2])
    assert race.repeats_wanted == 0


@pytest.mark.parametrize(
    ("n_trials", "words"), [(2, "the other one"), (3, "all 2 others"), (8, "all 7 others")]
)
def test_a_winner_is_better_than_all_that_entered(n_trials: int, words: str) -> None:
    race = next_look(noisy([5.0] + [0.0] * (n_trials - 1), 2), make_race(n_trials))

    assert race.sentence == f"Clear winner: better than {words} in the race."


def test_those_that_cannot_be_the_best_leave_and_the_rows_stay_those_of_the_study() -> None:
    entered = Decision("go on", (40, 7, 12), 2, "", 3)
    scores = noisy([0.0, -9.0, 0.1], 2)

    race = next_look(scores, entered)

    assert race.kind == "go on"
    assert sorted(race.survivors) == [12, 40]
    assert (race.repeats_wanted, race.n_entered) == (4, 3)
    assert race.sentence == "2 of 3 left; the next look is at 4 repeats."


def test_the_order_of_the_survivors_does_not_matter() -> None:
    scores = noisy([0.0, -9.0, 0.1, 0.2, -4.0, 0.3], 4)
    order = np.random.default_rng(0).permutation(6)

    straight = next_look(scores, make_race(6))
    mixed = next_look(scores[order], Decision("go on", tuple(order.tolist()), 2, "", 6))

    assert mixed == straight


def test_a_constant_added_to_all_scores_decides_nothing() -> None:
    scores = noisy([0.0, -9.0, 0.1, 0.2], 4)

    assert next_look(scores + 100, make_race(4)) == next_look(scores, make_race(4))


def test_differences_that_do_not_matter_are_practically_equal() -> None:
    scores = noisy([0.0, 0.0, 0.0], 2, noise=0.01)

    race = next_look(scores, make_race(3), rope=0.1)

    assert (race.kind, len(race.survivors)) == ("equal", 3)
    assert race.sentence == "Practically equal: take the cheapest of these 3."
    assert next_look(scores, make_race(3), rope=0.001).kind == "go on"


def test_one_that_is_behind_does_not_keep_the_others_from_being_equal() -> None:
    race = next_look(noisy([0.0, -5.0, 0.0], 2, noise=0.01), make_race(3), rope=0.1)

    assert (race.kind, sorted(race.survivors)) == ("equal", [0, 2])


def test_a_winner_is_also_better_than_those_that_left_before() -> None:
    race = next_look(noisy([5.0, 0.0], 4), Decision("go on", (3, 8), 4, "", 10))

    assert race.sentence == "Clear winner: better than all 9 others in the race."


def test_after_the_last_look_rows_are_named_that_could_separate_the_best() -> None:
    steps = np.tile([-0.02, -0.01, 0.0, 0.01, 0.02], (10, 1))
    scores = np.stack([steps + 0.001, 0 * steps])

    race = next_look(scores, make_race(2, 10), 1000)

    # SE² = .0002·50/49/4 after endless repeats: 1000·(2.8/.001)²·.00005102 is 400,000 rows.
    assert race.kind == "cannot tell"
    assert race.need_rows == pytest.approx(1000 * 2.8**2 / 0.001**2 * 0.0002 * 50 / 49 / 4)
    assert race.sentence == (
        "Cannot tell: more repeats cannot separate these 2 "
        + "(the error is within 4% of its floor); about 400,000 rows could."
    )


def test_without_a_gap_no_number_of_rows_is_named() -> None:
    race, _ = run(np.repeat(noisy([0.0], 10), 2, axis=0))

    assert race.sentence.endswith("(the error is within 4% of its floor).")


def test_a_trial_that_failed_leaves_the_race() -> None:
    scores = noisy([0.0, 0.0, 0.1], 4)
    scores[1, 3, 2] = np.nan

    assert sorted(next_look(scores, make_race(3)).survivors) == [0, 2]


def test_a_trial_left_alone_by_failures_has_not_won() -> None:
    scores = noisy([0.0, 0.0], 2)
    scores[0, 1, 1] = np.nan

    race = next_look(scores, make_race(2))

    assert (race.kind, race.survivors) == ("cannot tell", (1,))
    assert race.sentence == "Cannot tell: fewer than two of those left have all their scores."


def test_two_folds_and_single_trials_do_not_race() -> None:
    two_folds = enter_race(noisy([0.0, 1.0], 3, n_folds=2))
    alone = enter_race(noisy([0.0], 1))

    assert two_folds.sentence == (
        "Cannot tell: with fewer than 3 folds repeats hardly help. Use 5 folds."
    )
    assert alone.sentence == "Cannot tell: a race takes two trials that have all their scores."
    assert two_folds.kind == alone.kind == "cannot tell"


def test_a_look_before_its_time_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^3 repeats; this look needs 4\.$"):
        next_look(noisy([0.0, 0.0], 3), make_race(2, 4))


def test_the_fits_of_a_race_are_bounded() -> None:
    assert extra_fits(10, 1, 5) == 10 * 9 * 5
    assert extra_fits(4, 2, 5, up_to=4) == 40
    assert extra_fits(4, 12, 5) == 0


def ridge_losses(rng: np.random.Generator, n_rows: int = 300) -> Array:
    """Score two ridge regressions on the two halves of 16 inputs that matter alike.

    Real fits and real folds: on any one data set one half is better by luck of its rows, in
    the population neither is. Sums of products per fold are all that a fit and its loss need.
    """
    inputs = rng.normal(size=(n_rows, 16))
    target = inputs.sum(axis=1) / 4 + rng.normal(size=n_rows)
    table = np.column_stack([inputs, target])
    orders = np.argsort(rng.random((10, n_rows)), axis=1).reshape(10, 5, -1)
    folds = table[orders]
    scored = np.swapaxes(folds, -1, -2) @ folds
    trained = scored.sum(axis=1, keepdims=True) - scored
    losses = []
    for half in (slice(0, 8), slice(8, 16)):
        weights = np.linalg.solve(trained[..., half, half] + np.eye(8), trained[..., half, 16:])
        fitted = np.swapaxes(weights, -1, -2) @ scored[..., half, half] @ weights
        crossed = np.swapaxes(weights, -1, -2) @ scored[..., half, 16:]
        losses.append((scored[..., 16:, 16:] - 2 * crossed + fitted)[..., 0, 0])
    return -np.stack(losses) / (n_rows // 5)


def lucky_differences(rng: np.random.Generator) -> Array:
    """Score two equals whose data set favours one by as much as the correction allows for."""
    luck = rng.normal(scale=math.sqrt(1 / (5 - 1)))
    return np.stack([luck + rng.normal(size=(10, 5)), np.zeros((10, 5))])


def winners_at_looks(simulate: Callable[[np.random.Generator], Array], n_races: int) -> Array:
    """Return, a row a race, whether the first test that names a winner is that of each look."""
    rng, found = np.random.default_rng(4), np.zeros((n_races, len(LOOKS)))
    for race in range(n_races):
        end, looks = run(simulate(rng))
        if end.kind == "winner":
            found[race, LOOKS.index(looks[-1])] = 1
    return found


def test_of_two_equal_learners_a_race_names_a_winner_in_at_most_one_of_twenty() -> None:
    found = winners_at_looks(ridge_losses, 1000)

    share = found.sum() / 1000
    assert 0.01 < share <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / 1000)


def test_where_the_correction_is_exact_a_look_keeps_its_level_and_four_looks_add_up() -> None:
    """An independent simulation of 200,000 pairs by t tests has .0400 and .0762."""
    found = winners_at_looks(lucky_differences, 1000)

    at_first, at_any = found[:, 0].mean(), found.sum() / 1000
    assert abs(at_first - 0.0400) <= 3 * math.sqrt(0.04 * 0.96 / 1000)
    assert abs(at_any - 0.0762) <= 3 * math.sqrt(0.0762 * 0.9238 / 1000)


def test_of_ten_equal_trials_one_hardly_ever_wins() -> None:
    rng = np.random.default_rng(5)
    luck = rng.normal(scale=0.5, size=(150, 10))

    ends = [run(noisy(list(shifts), 10, seed=n)) for n, shifts in enumerate(luck)]

    assert np.mean([race.kind == "winner" for race, _ in ends]) <= 0.02


def beside_the_race(n_studies: int, luck: float) -> tuple[int, int]:
    """Race 30 equals; count where the first did not race, and where it is then behind."""
    n_beside = n_behind = 0
    for seed in range(n_studies):
        shifts = np.random.default_rng(seed).normal(scale=luck, size=30)
        scores = noisy(list(shifts), 10, seed=seed)
        end, looks = run(scores)
        if 0 in enter_race(scores[:, :1]).survivors:
            continue
        n_beside += 1
        of_leader, of_first = scores[[end.survivors[0], 0], : looks[-1]]
        n_behind += gap_to(of_leader, of_first, 30)[1] > 0
    return n_beside, n_behind


@pytest.mark.parametrize(("luck", "most"), [(0.0, 0.01), (0.5, 0.10)])
def test_default_settings_beside_a_race_of_their_equals_are_rarely_behind(
    luck: float, most: float
) -> None:
    """With luck as large as the correction allows for, no more often than a race errs."""
    n_beside, n_behind = beside_the_race(200, luck)

    assert n_beside > 100
    assert n_behind / 200 <= most


def test_a_trial_that_is_truly_better_is_confirmed() -> None:
    better = 3 * math.sqrt(2)  # three times the spread of a difference between fits

    ends = [run(noisy([0.0] * 9 + [better], 10, seed=n)) for n in range(60)]

    assert all(9 in race.survivors for race, _ in ends)
    assert np.mean([race.kind == "winner" for race, _ in ends]) > 0.95

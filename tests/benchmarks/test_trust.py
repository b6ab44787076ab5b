"""The trust benchmark: its studies have the truth they claim, and each measurement runs."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from sklearn.linear_model import Ridge

from benchmarks import trust, trust_scores, trust_settings, trust_time, trust_winners
from benchmarks.marked import marks
from benchmarks.results import ResultsFileError
from benchmarks.trust_curves import found_before, labelled
from benchmarks.trust_figures import Bounds, Figure, at_least, at_most, found, misses, tables
from benchmarks.trust_nulls import count_claims, makers, winners_while_running
from benchmarks.trust_studies import (
    Population,
    climbed,
    draw_choices,
    lucky,
    maker_of,
    paired_deviation,
    pima_coins,
)  # fmt: skip
from tuning.analysis.intervals import Interval

Generator = np.random.Generator
POPULATIONS = [Population("share", 300), Population("mean", 300, is_flat=False)]


@pytest.fixture
def rng() -> Generator:
    return np.random.default_rng(0)


@pytest.mark.parametrize(
    ("bounds", "n_hits", "verdict"),
    [
        (at_most(0.05), 5, "yes"),
        (at_most(0.05), 11, "within luck"),  # three errors: 0.05 + 3 · 0.0218 = 0.115
        (at_most(0.05), 12, "no"),
        (at_least(0.9), 81, "within luck"),  # 0.9 - 3 · 0.03 = 0.81
        (at_least(0.9), 80, "no"),
        (found(0.5, n=100), 71, "within luck"),  # 0.5 + 3 · √2 · 0.05 = 0.712
        (found(0.5, n=100), 72, "no"),
        (found(0.0, n=100), 4, "within luck"),  # as if one of 101: 3 · √2 · 0.0099 = 0.042
        (found(0.0, n=100), 5, "no"),
    ],
)
def test_a_miss_may_be_luck(bounds: Bounds, n_hits: int, verdict: str) -> None:
    assert Figure("x", n_hits, 100, bounds).kept == verdict


def test_what_hits_together_is_worth_fewer_and_has_more_luck() -> None:
    assert Figure("x", 820, 1000, at_least(0.9)).kept == "no"
    assert Figure("x", 820, 1000, at_least(0.9), n_independent=100).kept == "within luck"


def test_studies_that_hit_all_or_nothing_are_worth_one_answer_each() -> None:
    ten = np.full(2, 10)

    assert trust_settings.independent(np.array([10, 0]), ten) == 2  # 0.25 / ((5² + 5²) / 20²)
    assert trust_settings.independent(np.array([5, 5]), ten) == 20


def test_figures_of_one_row_stand_side_by_side_and_misses_are_named() -> None:
    text = tables(
        [
            Figure("score", 90, 100, at_least(0.9), case="90 %"),
            Figure("score", 70, 100, at_least(0.95), found(0.96, 0.98, n=500), case="95 %"),
            Figure("alone", 1, 200, how="why"),
        ]
    )

    assert text.splitlines() == [
        "| what | of | 90 % | 95 % | promised | kept | again |",
        "| --- | --: | --: | --: | --- | --- | --- |",
        "| score | 100 | 90.0 % | **70.0 %** (96.0 % – 98.0 %) | as headed | **no** | **no** |",
        "",
        "| what | of | measured | how |",
        "| --- | --: | --: | --- |",
        "| alone | 200 | 0.5 % | why |",
        "",
        "- Promises not kept: score, 95 % (70.0 %).",
        "- Missed by no more than luck: none.",
        "- Found otherwise than before: score, 95 % (70.0 %).",
    ]
    lucky = misses([Figure("x", 7, 100, at_most(0.05))])
    assert lucky == ["Promises not kept: none.", "Missed by no more than luck: x (7.0 %)."]


@pytest.mark.parametrize("population", POPULATIONS, ids=lambda one: one.kind)
def test_fits_are_ridge_on_the_other_folds(population: Population, rng: Generator) -> None:
    study = maker_of(population)(rng, 2, 5)
    choices = draw_choices(3, 16, rng)

    scores = study.scores(choices)

    assert scores.shape == (3, 2, 5)
    for trial, columns in enumerate(choices):
        for repeat, fold in ((0, 0), (1, 4)):
            rows = study.folds[repeat][fold]
            rest = np.setdiff1d(np.arange(300), rows)
            ridge = Ridge(alpha=1.0, fit_intercept=False)
            ridge.fit(study.inputs[np.ix_(rest, columns)], study.targets[rest])
            said, targets = ridge.predict(study.inputs[np.ix_(rows, columns)]), study.targets
            is_right = (said > 0) == (targets[rows] > 0)
            loss = np.square(said - targets[rows]).mean()
            expected = is_right.mean() if population.kind == "share" else -loss
            assert scores[trial, repeat, fold] == pytest.approx(expected)


@pytest.mark.parametrize("population", POPULATIONS, ids=lambda one: one.kind)
def test_the_truth_is_that_of_very_many_rows(population: Population, rng: Generator) -> None:
    fitted = maker_of(population)(rng, 1, 5).refitted(draw_choices(4, 16, rng))
    inputs, targets = Population(population.kind, 200_000, is_flat=population.is_flat).draw(rng)

    said = inputs @ fitted.T
    is_right = (said > 0) == (targets[:, np.newaxis] > 0)
    by_row = is_right if population.kind == "share" else -((said - targets[:, None]) ** 2)
    error = by_row.std(axis=0) / math.sqrt(200_000)
    assert (np.abs(population.truth(fitted) - by_row.mean(axis=0)) < 4 * error).all()


def test_every_row_scores_once_in_each_repeat(rng: Generator) -> None:
    study = pima_coins()(rng, 2, 5)

    for repeat in study.folds:
        assert np.sort(np.concatenate(repeat)).tolist() == list(range(768))
    assert study.inputs.shape == (768, 44)  # eight measurements and 8 · 9 / 2 products
    assert set(study.targets.tolist()) == {-1.0, 1.0}
    assert study.scores(draw_choices(20, 44, rng)).mean() == pytest.approx(0.5, abs=0.06)


def test_configurations_differ_and_a_climb_changes_one_column(rng: Generator) -> None:
    choices = draw_choices(1000, 16, rng)
    assert len({tuple(row) for row in choices.tolist()}) == 1000

    steps, scores = climbed(maker_of(POPULATIONS[0])(rng, 1, 5), 20, rng)

    best = set(steps[scores[:10].mean(axis=(1, 2)).argmax()].tolist())
    assert all(len(set(row) & best) == 7 for row in steps[10:].tolist())
    assert len(scores) == 20


def test_lucky_equals_vary_as_the_correction_says(rng: Generator) -> None:
    scores = lucky(20_000, 3, rng)

    variance = 1 / 15 + 1 / 4
    error = variance * math.sqrt(2 / 20_000)
    assert scores.mean(axis=(1, 2)).var() == pytest.approx(variance, abs=4 * error)
    assert paired_deviation(scores) == pytest.approx(math.sqrt(2), rel=0.01)


@pytest.mark.parametrize("name", ["accuracy", "squared error", "random labels on Pima"])
def test_equals_hardly_ever_have_a_winner(name: str, rng: Generator) -> None:
    n_winners = sum(
        counts[n_repeats, "winner"]
        for n_folds in (5, 3)
        for counts in [count_claims(makers()[name], 10, n_folds, 10, rng)]
        for n_repeats in (1, 5)
    )

    assert n_winners <= stats.binom.ppf(0.999, 40, 0.05)


def test_a_search_that_is_looked_at_again_has_none_either(rng: Generator) -> None:
    assert winners_while_running(makers()["accuracy"], 5, rng) <= 2


def test_one_that_is_much_better_is_found_and_a_race_counts_its_fits(rng: Generator) -> None:
    [few, many] = trust_winners.search(maker_of(POPULATIONS[0]), 10, 6, rng, (0.0, 6.0))

    assert sum(one.race.winner is None for one in few) >= 5
    assert all(one.winners == (0, 0) and one.is_kept for one in many)
    assert all((one.race.winner, one.race.n_repeats) == (0, 2) for one in many)


def test_two_that_cannot_be_told_apart_take_all_repeats() -> None:
    one = np.random.default_rng(0).normal(size=(1, 10, 5))

    race = trust_winners.confirm(np.concatenate([one, one]))

    assert (race.winner, race.n_repeats) == (None, 2 * 9)
    assert trust_winners.find(np.concatenate([one, one]), 0.0).winners == (None, None)


def test_two_leaders_stand_above_a_quiet_field(rng: Generator) -> None:
    for make in (None, maker_of(POPULATIONS[0])):
        scores = trust_winners.leaders_above_a_quiet_field(make, rng)

        assert scores.shape == (100, 3, 5)
        means = scores.mean(axis=(1, 2))
        assert means[:2].min() > means[2:].max()


@pytest.mark.parametrize("cell", [trust_scores.CELLS[place] for place in (0, 5, 7, 14)])
def test_score_intervals_hold_the_truth(cell: trust_scores.Cell, rng: Generator) -> None:
    held = trust_scores.score_coverage(cell, 60, rng)

    assert 60 * 0.78 <= held[0.90] <= held[0.95]
    assert held[0.95] >= 60 * 0.86  # three errors of 0.028 below 0.95


def test_gap_intervals_hold_nothing_between_equals(rng: Generator) -> None:
    held = trust_scores.gap_coverage(Population("mean", 300), (5, 3), 60, rng)

    assert held[0.90] <= held[0.95]
    assert held[0.95] >= 60 * 0.86


@pytest.mark.parametrize("selection", [trust_scores.SELECTIONS[1], trust_scores.SELECTIONS[8]])
def test_the_search_shows_more_than_its_winner_is_worth(
    selection: trust_scores.Selection, rng: Generator
) -> None:
    winners = [trust_scores.look_at_winner(selection, rng) for _ in range(20)]

    shown = np.mean([one.honest.cv - one.truth for one in winners])
    honest = np.mean([one.honest.honest - one.truth for one in winners])
    assert 0.02 < shown < 0.10
    assert abs(honest) < 0.03
    held = [trust_scores.holds(one.honest.interval, one.truth, 0.95) for one in winners]
    assert sum(held) >= 15


def test_an_interval_is_made_narrower_by_its_own_quantiles() -> None:
    half = 2.776445  # t of 4 degrees of freedom at 95 %; 2.131847 at 90 %
    interval = Interval(0.0, -half, half, 4, "", None)

    assert trust_scores.holds(interval, 2.131, 0.90)
    assert not trust_scores.holds(interval, 2.132, 0.90)
    assert trust_scores.holds(interval, 2.776, 0.95)
    assert not trust_scores.holds(interval, 2.777, 0.95)


def test_scores_depend_on_each_parameter_by_its_share(rng: Generator) -> None:
    places = rng.uniform(size=(50_000, 7))

    scores = trust_settings.draw_scores(places, rng)

    linear = np.array([np.corrcoef(own, scores)[0, 1] ** 2 for own in places.T])
    bowl = np.corrcoef((places[:, 0] - 0.5) ** 2, scores)[0, 1] ** 2
    pair = np.corrcoef((places[:, 2] - 0.5) * (places[:, 3] - 0.5), scores)[0, 1] ** 2
    assert (bowl, pair) == pytest.approx((0.45, 0.10), abs=0.02)
    assert linear[[1, 4]] == pytest.approx([0.20, 0.05], abs=0.02)
    assert linear[[0, 2, 3, 5, 6]].max() < 0.002
    assert scores.var() == pytest.approx(1, abs=0.03)


def test_a_strong_parameter_is_flagged_and_noise_is_not(rng: Generator) -> None:
    found_one = trust_settings.flagged(rng, is_noise=False)
    noise = [trust_settings.flagged(rng, is_noise=True, with_totals=False) for _ in range(10)]
    n_flags = sum(one.main.sum() for one in noise)

    assert found_one.main[0]
    assert found_one.total[0]
    assert (found_one.low <= found_one.high).all()
    assert n_flags <= stats.poisson.ppf(0.999, 0.8)  # 0.08 a study in the specification


def test_untried_settings_score_where_they_are_said_to(rng: Generator) -> None:
    counts = trust_settings.held_by_what_if("a smooth surface, even noise", 30, 2, rng)

    n_known, n_90, n_95 = counts.sum(axis=0)
    assert n_known > 60
    assert 0.7 * n_known < n_90 <= n_95


def test_a_steady_machine_is_foretold(rng: Generator) -> None:
    costs = trust_time.costs_of(trust_time.make_spec(ends_early=False))
    pace = trust_time.pilots(trust_time.SETTINGS[0], costs, rng)

    told = trust_time.follow(trust_time.SETTINGS[0], rng)

    assert len(costs) == 300
    assert pace.scatter is not None
    assert told[0].within[0.80][0] <= told[0].truth <= told[0].within[0.80][1]
    for done in (10, 50):
        low, high = (np.log(told[done].within[level]) for level in (0.80, 0.95))
        assert told[done].seconds == pytest.approx(told[done].truth, rel=0.15)
        assert np.ptp(high) / np.ptp(low) == pytest.approx(1.959964 / 1.281552)


def test_clear_curves_get_their_label_and_noise_is_no_mistake(rng: Generator) -> None:
    assert labelled("plateau", 0.01, 50, 40, rng) == (40, 0)
    n_right, n_wrong = labelled("still improving", 0.15, 20, 100, rng)
    assert n_right < 25  # 5 in the specification
    assert n_wrong < 20
    assert found_before("still improving", 0.08, 200) == Bounds(0.81, 0.81, 300)


def test_the_page_of_the_project_has_a_table_of_every_part() -> None:
    page = (Path(__file__).parents[2] / "docs" / "trust.md").read_text()

    for part in trust.PARTS:
        begin, end = marks(trust.mark(part))
        assert "| what | of |" in page.partition(begin)[2].partition(end)[0]
    assert "; form: full; " in page


def test_a_file_of_figures_is_kept_and_not_mixed_with_another_form(tmp_path: Path) -> None:
    path = tmp_path / "trust.json"
    figure = Figure("x", 3, 40, at_most(0.05), found(0.1, n=9), "one", "how", 20)
    path.write_text(trust.Measured("full", "2026-01-01", {"curves": [figure]}).text())

    assert trust.Measured.resumed(path, "full").parts == {"curves": [figure]}
    with pytest.raises(ResultsFileError) as error:
        trust.Measured.resumed(path, "quick")
    assert str(error.value) == f"{path} is of the full form. Delete it, or use --out."


@pytest.mark.slow
@pytest.mark.soak  # each of its parts has a smaller form above
def test_the_quick_form_keeps_what_matters_most_and_fills_the_page(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy, out = tmp_path / "trust.md", tmp_path / "build" / "trust.json"
    copy.write_text((Path(__file__).parents[2] / "docs" / "trust.md").read_text())

    trust.main(quick=True, write=True, as_json=True, out=out, page=copy)

    parts = json.loads(capsys.readouterr().out)["parts"]
    assert set(parts) == set(trust.PARTS)
    winners = [one for one in parts["equals"] if one["what"].startswith("winner")]
    n_hits, n_studies = (sum(one[key] for one in winners) for key in ("n_hits", "n"))
    assert n_hits / n_studies <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / n_studies)
    for part in ("equals", "better", "confirming", "what-if", "seconds", "curves"):
        assert [one["what"] for one in parts[part] if one["kept"] == "no"] == []
    assert "a quick form" in copy.read_text()

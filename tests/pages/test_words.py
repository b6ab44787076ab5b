"""Values as words, worked out by hand."""

from __future__ import annotations

import pytest

from pages.parts import show
from pages.parts.words import HELP
from storage import studies
from tuning.digits import with_error


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (0.04, "0.1 s"),
        (0.42, "0.4 s"),
        (9.2, "9 s"),
        (59.4, "59 s"),
        (59.6, "1 min"),
        (110, "1 min 50 s"),
        (3599.6, "1 h"),
        (7500, "2 h 5 min"),
    ],
)
def test_durations_use_the_units_of_a_clock(seconds: float, words: str) -> None:
    assert show.duration(seconds) == words


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (7, 14, "about 10 s (7–15 s)"),
        (6.4, 9.4, "about 8 s (6–9 s)"),
        (50, 72, "about 1 min (50 s – 1 min 10 s)"),
        (150, 400, "about 4 min (2–7 min)"),
        (0.2, 0.3, "about 1 s"),
        (3000, 6000, "about 1 h 11 min (50 min – 1 h 40 min)"),
    ],
)
def test_guesses_are_rounded_as_coarsely_as_they_are_known(
    low: float, high: float, words: str
) -> None:
    assert show.about(low, high) == words


@pytest.mark.parametrize(
    ("mean", "spread", "words"),
    [
        (0.76243, 0.01367, "0.762 ± 0.014"),
        (0.98340, 0.00029, "0.98340 ± 0.00029"),
        (0.98340, 0.00049, "0.9834 ± 0.0005"),
        (1234.56, 78.9, "1,235 ± 79"),
        (1234.56, 21.4, "1,235 ± 21"),
        (0.6966, 0.0090, "0.697 ± 0.009"),
        (0.6629, 0.0311, "0.663 ± 0.031"),
        (0.6484, 0.0581, "0.65 ± 0.06"),
        (0.7, 0.0, "0.700 ± 0.000"),
        (0.76243, None, "0.762"),
        (float("nan"), 0.1, "–"),
        (0.5, float("nan"), "0.500"),
        (0.76243, 0.0999, "0.76 ± 0.10"),
    ],
)
def test_a_score_has_no_more_digits_than_its_spread_supports(
    mean: float, spread: float | None, words: str
) -> None:
    assert with_error(mean, spread) == words


def test_the_clock_is_the_one_on_the_persons_wall() -> None:
    moment = 1_700_000_000.0  # 14 November 2023, 22:13:20 UTC
    assert show.clock(moment, "UTC") == "22:13:20"
    assert show.clock(moment, "Europe/Berlin") == "23:13:20"
    assert show.clock(moment, "No/Where") == "22:13:20"


def test_an_earlier_day_is_named() -> None:
    then = 1_700_000_000.0
    assert show.since(then, "UTC", now=then + 3600) == "22:13"
    assert show.since(then, "UTC", now=then + 86_400) == "14 November 22:13"


def test_a_wish_to_stop_is_shown_until_it_is_done() -> None:
    assert show.state_badge("training", wish="stop").word == "Stopping"
    assert show.state_badge("stopped", wish="stop").word == "Stopped"
    assert show.state_badge("training").word == "Training"


def test_every_state_has_a_word_an_icon_and_a_color() -> None:
    badges = [show.state_badge(state) for state in studies.ACTIVE_STATES + studies.FINAL_STATES]

    assert len({badge.word for badge in badges}) == len(badges)
    assert all(badge.icon.startswith(":material/") for badge in badges)


def test_markdown_in_names_is_shown_letter_by_letter() -> None:
    assert show.escape("a_b *c* [d](e) $f$ :red[g] <b>\n# h") == (
        r"a\_b \*c\* \[d\]\(e\) \$f\$ \:red\[g\] \<b\> \# h"
    )


def test_one_is_singular() -> None:
    assert show.plural(1, "study", "studies") == "1 study"
    assert show.plural(1204, "row") == "1,204 rows"


def test_the_spread_says_what_it_is() -> None:
    assert HELP["spread"] == (
        "± : half of the 95 % interval of the mean. More repeats make it smaller."
    )


def test_help_is_whole_sentences_without_exclamation_marks() -> None:
    for text in HELP.values():
        assert text.endswith(".")
        assert "!" not in text


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("http://e.x", "http\\://\u2060e\\.x"),
        ("www.e.x", "www\\.\u2060e\\.x"),
        ("a@e.x", "a@\u2060e\\.x"),
    ],
)
def test_an_address_in_a_name_does_not_become_a_link(text: str, escaped: str) -> None:
    assert show.escape(text) == escaped

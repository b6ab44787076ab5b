"""What a study will do, in short: its network, its first trials, its cost."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import streamlit as st

from pages.parts import show, state
from pages.parts.estimated import UNMEASURED, confirming_text, time_text
from pages.parts.forms.budget import draw_budget
from pages.parts.words import HELP
from storage.database import Database
from storage.timings import read_past_estimates
from tuning.analysis.estimate import Estimate, estimate
from tuning.analysis.past import calibration_of, past_sentence
from tuning.analysis.tables import value_in_words
from tuning.datasets.info import DatasetInfo
from tuning.models.size import layer_text, n_weights
from tuning.parameters import PARAMETERS, Value
from tuning.samplers import all_params, planned_settings, sample_settings
from tuning.space import count_sentence
from tuning.spec import StudySpec

_N_SHOWN = 3
_N_SIZED = 64  # settings whose networks are counted, to say from how small to how large
_KEY = "new_brief"


@dataclass(frozen=True)
class Brief:
    """What a study will do, in sentences.

    Attributes
    ----------
    network : str
        Layers and weights of the first network.
    trials : tuple of str
        The settings of the first trials; empty where scores decide them.
    n_more : int
        Trials that are not listed.
    cost : str
        How many fits it has, and how long they will take.
    time : str
        How long, with its interval.
    past : str
        How often such intervals held on this machine; empty before there was any.
    """

    network: str
    trials: tuple[str, ...]
    n_more: int
    cost: str
    time: str
    past: str


def brief_of(db: Database, spec: StudySpec, info: DatasetInfo) -> Brief:
    """Describe a study before it starts."""
    planned = planned_settings(spec)
    sized = sample_settings(spec, _N_SIZED) if planned is None else planned[:_N_SIZED]
    shown = () if planned is None else tuple(_settings(s) for s in planned[:_N_SHOWN])
    guess = estimate(db, spec, info)
    return Brief(
        network=_network(spec, info, sized),
        trials=shown if spec.searched else (),
        n_more=spec.n_trials - len(shown),
        cost=_cost(spec, guess, confirming_text(db, spec, info)),
        time=time_text(guess),
        past=_past(db, guess),
    )


def _past(db: Database, guess: Estimate) -> str:
    if not guess.is_measured:
        return UNMEASURED
    return past_sentence(calibration_of(read_past_estimates(db)))


def _cost(spec: StudySpec, guess: Estimate, confirming: str) -> str:
    """Say how many fits, how long they take, and into how few computations they are put."""
    cost = f"{count_sentence(spec)} · {time_text(guess)}{confirming}"
    if guess.n_computations >= guess.n_trained:
        return cost
    return f"{cost} · {show.plural(guess.n_computations, 'computation')}"


def predicted(info: DatasetInfo) -> str:
    """Say what is predicted: "diabetes, yes or no"."""
    if info.task == "regression":
        return f"{info.target}, a number" + (f" in {info.unit}" if info.unit else "")
    names = info.class_names
    if names == ("no", "yes"):
        return f"{info.target}, yes or no"
    if len(names) > 4:
        return f"{info.target}, one of {len(names)} classes"
    return f"{info.target}, {', '.join(names[:-1])} or {names[-1]}"


def guessing(info: DatasetInfo) -> str:
    """Return the accuracy of always saying the most common class; empty for numbers."""
    if not info.class_counts:
        return ""
    return f"{max(info.class_counts) / sum(info.class_counts):.3f}"


def draw_brief(info: DatasetInfo | None, brief: Brief | None) -> None:
    """Draw the right column."""
    with st.container(border=True, key="new_brief_card", gap="xsmall"):
        st.subheader("In short", anchor=False)
        if info is not None:
            st.markdown(f"**Predict** {show.escape(predicted(info))}")
        if brief is None:
            st.caption("The rest follows when everything is filled in.")
            return
        st.markdown(f"**Network** {brief.network}")
        if info is not None and (share := guessing(info)):
            st.markdown(f"**Guessing** the most common class: accuracy {share}")
        st.markdown(f"**Time** {show.escape(brief.time)}", help=brief.past or None)
        draw_budget()
        _draw_trials(brief)


def remembered_brief(db: Database, spec: StudySpec, info: DatasetInfo) -> Brief:
    """Return `brief_of`, made anew only when the study has changed."""
    key = (spec.to_json(), info)
    known = state.recall(_KEY)
    if known is None or known[0] != key:
        known = (key, brief_of(db, spec, info))
        state.remember(_KEY, known)
    brief: Brief = known[1]
    return brief


def _draw_trials(brief: Brief) -> None:
    st.markdown("**Will try**", help=HELP["trial"])
    if not brief.trials:
        one = "One trial, as fixed." if brief.n_more == 1 else ""
        st.caption(one or "What has worked decides what comes next.")
        return
    for number, settings in enumerate(brief.trials):
        st.caption(f"{number} · {settings}")
    if brief.n_more:
        st.caption(f"… {brief.n_more:,} more")


def _network(
    spec: StudySpec, info: DatasetInfo, settings: Sequence[Mapping[str, Value]]
) -> str:
    params = [all_params(spec, searched) for searched in settings or ({},)]
    counts = [n_weights(spec.model, every, info) for every in params]
    shape = layer_text(spec.model, params[0], info)
    if min(counts) == max(counts):
        return f"{shape}, {show.plural(counts[0], 'weight')}"
    return f"{shape} and others, {min(counts):,} to {max(counts):,} weights"


def _settings(searched: Mapping[str, Value]) -> str:
    shown = itertools.starmap(_setting, searched.items())
    return show.escape(", ".join(shown))


def _setting(name: str, value: Value) -> str:
    text = f"{value:.3g}" if isinstance(value, float) else value_in_words(name, value)
    return f"{PARAMETERS[name].label.lower()} {text}"

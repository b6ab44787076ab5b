"""Values as the words a person reads. Nothing here draws or reads anything."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from zoneinfo import ZoneInfo

Color = Literal["gray", "blue", "orange", "green", "red"]

_MINUTE_S = 60
_HOUR_S = 3600
_WHOLE_SECONDS_BELOW_S = 10
_STEPS_BELOW_S = 120
_STEP_S = 5
_ADDRESS = re.compile(r"://|www\.|@", re.IGNORECASE)
_WORD_JOINER = "\u2060"
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~$:])")


@dataclass(frozen=True)
class Badge:
    """A state as a person sees it: word, icon and colour, never colour alone."""

    word: str
    icon: str
    color: Color


_BADGES: Mapping[str, Badge] = {
    "waiting": Badge("Waiting", ":material/schedule:", "gray"),
    "preparing": Badge("Preparing", ":material/hourglass_top:", "blue"),
    "training": Badge("Training", ":material/play_arrow:", "blue"),
    "paused": Badge("Paused", ":material/pause:", "orange"),
    "finished": Badge("Finished", ":material/check_circle:", "green"),
    "stopped": Badge("Stopped", ":material/stop:", "gray"),
    "failed": Badge("Failed", ":material/error:", "red"),
}
_STOPPING = Badge("Stopping", ":material/hourglass_top:", "orange")
_PAUSING = Badge("Pausing", ":material/hourglass_top:", "orange")
_FINAL = frozenset({"finished", "stopped", "failed"})

TASKS: Mapping[str, str] = {
    "binary": "yes / no",
    "multiclass": "one of several",
    "regression": "number",
}
SOURCES: Mapping[str, str] = {
    "bundled": "bundled",
    "download": "download",
    "upload": "upload",
}
SAMPLERS: Mapping[str, str] = {
    "grid": "Grid",
    "random": "Random",
    "tpe": "TPE",
    "gp": "Gaussian process",
    "forest": "Forest",
    "qmc": "QMC",
    "cmaes": "CMA-ES",
}


def state_badge(state: str, wish: str = "") -> Badge:
    """Return the badge of a study: its state, or what it is about to do for a person."""
    if wish == "stop" and state not in _FINAL:
        return _STOPPING
    if wish == "pause" and state not in _FINAL:
        return _PAUSING
    return _BADGES[state]


def duration(seconds: float) -> str:
    """Say how long something took: 9 s, 1 min 50 s, 2 h 5 min.

    Below ten seconds one digit behind the point says more than a rounded zero.
    """
    if 0 < seconds < 1:
        return f"{max(seconds, 0.1):.1f} s"
    whole = round(seconds)
    if whole < _MINUTE_S:
        return f"{whole} s"
    if whole < _HOUR_S:
        minutes, rest = divmod(whole, _MINUTE_S)
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(round(seconds / _MINUTE_S), _MINUTE_S)
    return f"{hours:,} h {minutes} min" if minutes else f"{hours:,} h"


def about(low_s: float, high_s: float, likely_s: float | None = None) -> str:
    """Say how long something will take, with its range, in steps as coarse as the guess.

    The middle, where it is not known, is the geometric mean: half and twice as long are
    equally likely.
    """
    middle = _rough(math.sqrt(max(low_s, 1) * max(high_s, 1)) if likely_s is None else likely_s)
    low, high = _rough(low_s), _rough(high_s)
    if low == high:
        return f"about {duration(middle)}"
    return f"about {duration(middle)} ({_span(low, high)})"


def _rough(seconds: float) -> int:
    if seconds < _WHOLE_SECONDS_BELOW_S:
        return max(round(seconds), 1)
    step = _STEP_S if seconds < _STEPS_BELOW_S else _MINUTE_S
    return round(seconds / step) * step


def _span(low: int, high: int) -> str:
    """Write a range with its unit once, where both ends have the same."""
    low_words, high_words = duration(low).split(" "), duration(high).split(" ")
    if len(low_words) == len(high_words) == 2 and low_words[1] == high_words[1]:
        return f"{low_words[0]}–{high_words[0]} {high_words[1]}"
    return f"{duration(low)} – {duration(high)}"


def clock(epoch_seconds: float, timezone: str = "UTC") -> str:
    """Write a time of day as a person's wall clock shows it: 14:03:22."""
    return moment(epoch_seconds, timezone).strftime("%H:%M:%S")


def since(epoch_seconds: float, timezone: str = "UTC", now: float | None = None) -> str:
    """Write since when: 14:02 today, otherwise with its day."""
    then = moment(epoch_seconds, timezone)
    zone = then.tzinfo
    today = (dt.datetime.now(zone) if now is None else moment(now, timezone)).date()
    if then.date() == today:
        return then.strftime("%H:%M")
    return f"{then.day} {then.strftime('%B %H:%M')}"


def moment(epoch_seconds: float, timezone: str = "UTC") -> dt.datetime:
    """Return seconds since 1970 as a time in a time zone; UTC where that is unknown."""
    try:
        zone = ZoneInfo(timezone)
    except (KeyError, ValueError, OSError):
        zone = ZoneInfo("UTC")
    return dt.datetime.fromtimestamp(epoch_seconds, zone)


def plural(count: int, one: str, many: str = "") -> str:
    """Write a count with its noun: 1 trial, 18 trials."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def escape(text: str) -> str:
    """Return text that Markdown shows letter by letter: for names people or files gave.

    Addresses would become links even so; an invisible word joiner keeps them text.
    """
    plain = _ADDRESS.sub(f"\\g<0>{_WORD_JOINER}", " ".join(text.split()))
    return _MARKDOWN.sub(r"\\\1", plain)

"""How long a study will take, in words."""

from __future__ import annotations

from pages.parts.show import about
from storage.database import Database
from tuning.analysis.estimate import Estimate, estimate
from tuning.confirm_plan import most_extra_fits, race_as_search
from tuning.datasets.info import DatasetInfo
from tuning.spec import StudySpec

UNMEASURED = "Perhaps: a guess, until this machine has trained something of the kind."
_ABOUT = "about "


def time_text(guess: Estimate, share: float = 1.0) -> str:
    """Say how long a study, or a share of it, will take: "about 12 min (9–16 min)".

    Only the lower end is told where some trainings are far larger than any measured one. On a
    machine that has trained nothing of the kind it is a guess, and called so: "perhaps".
    """
    low_s, likely_s, high_s = (
        each * share for each in (guess.low_s, guess.likely_s, guess.high_s)
    )
    if guess.is_least:
        return f"at least {about(low_s, low_s).removeprefix(_ABOUT)}"
    known = about(low_s, high_s, likely_s)
    if guess.is_measured:
        return known
    return f"perhaps {known.removeprefix(_ABOUT)}"


def confirming_text(db: Database, spec: StudySpec, info: DatasetInfo) -> str:
    """Say how long confirming may take after the search: ", then up to 40 s to confirm"."""
    if not most_extra_fits(spec):
        return ""
    guess = estimate(db, race_as_search(spec), info)
    if guess.is_least or not guess.is_measured:
        return ", confirming not counted"
    most = about(guess.high_s, guess.high_s).removeprefix(_ABOUT)
    return f", then up to {most} to confirm"

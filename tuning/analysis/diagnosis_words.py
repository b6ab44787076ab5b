"""The words of a diagnosis: its label, the rule behind it, what was found, what to do next.

Epochs count from 0 in code and from 1 in sentences.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

Label = Literal[
    "diverged",
    "too short",
    "overfits",
    "not learning",
    "still improving",
    "plateau",
    "too noisy",
]
LABELS: tuple[Label, ...] = (
    "diverged",
    "too short",
    "overfits",
    "not learning",
    "still improving",
    "plateau",
    "too noisy",
)
RULES: Mapping[Label, str] = {
    "diverged": "A loss is missing or infinite, or both losses end at 1.5 times their first.",
    "too short": "The curve has fewer than 10 epochs.",
    "overfits": "After its lowest point, validation loss rises by more than the noise and 5% "
    + "of its fall, while training loss ends no higher than it was there.",
    "not learning": "Validation loss falls by no more than the noise and training loss by no "
    + "more than 5%; or it falls no longer and the score is no better than that of a model "
    + "that ignores the inputs.",
    "still improving": "Over the last third, validation loss falls by more than the noise, and "
    + "fast enough to gain another 5% of its fall in a quarter more epochs.",
    "plateau": "A quarter more epochs would gain less than 10% of the fall so far, even with "
    + "the noise added.",
    "too noisy": "No other rule fires: noise hides whether the loss still falls.",
}

FEWEST_EPOCHS = 10
MOST_TIMES = 3  # the epochs so far; slopes under noise foretell no more


def counts_in_words(labels: Iterable[str]) -> str:
    """Say how many trials have each label, the most frequent first: "9 plateau, 1 diverged"."""
    counts = Counter(label for label in labels if label)
    return ", ".join(f"{count:,} {label}" for label, count in counts.most_common())


@dataclass(frozen=True)
class Diagnosis:
    """What the curves of one trial, or of one fit, say.

    Attributes
    ----------
    epoch : int or None
        From 0: where it diverged, where overfitting or the plateau begins; None for the rest.
    noise : float
        Standard deviation of the validation loss around its trend as a share of its fall; NaN
        where it has not fallen, diverged or is too short.
    n_epochs_advised : int or None
        How many epochs to train for, all in all; None where their number is not the matter.
    """

    label: Label
    epoch: int | None
    noise: float
    n_epochs: int
    n_epochs_advised: int | None

    @property
    def rule(self) -> str:
        """The rule that fired, in words."""
        return RULES[self.label]

    @property
    def sentence(self) -> str:
        """What was found."""
        at = "" if self.epoch is None else f"epoch {self.epoch + 1:,}"
        share = "" if math.isnan(self.noise) else f" Noise is {self.noise:.0%} of its fall."
        found: Mapping[Label, str] = {
            "diverged": f"Diverged at {at}.",
            "too short": f"Too short to tell: {self.n_epochs} of {FEWEST_EPOCHS} epochs.",
            "overfits": f"Overfits: validation loss rises after {at}, training loss does not.",
            "not learning": "Not learning: no better than a guess that ignores the inputs.",
            "still improving": f"Validation loss still falls at epoch {self.n_epochs:,}.",
            "plateau": f"Validation loss is flat from {at} on.",
            "too noisy": f"Too noisy to tell whether validation loss still falls.{share}",
        }
        return found[self.label]

    @property
    def advice(self) -> str:
        """What to do about it."""
        if self.n_epochs_advised is not None:
            return self._advice_on_epochs(self.n_epochs_advised)
        advice: Mapping[Label, str] = {
            "diverged": "Use a lower learning rate.",
            "overfits": "Use a lower learning rate, a smaller network or dropout.",
            "not learning": "Try other learning rates or a larger network; check the inputs.",
            "plateau": "More epochs will not help.",
            "too noisy": "Use a larger batch, a lower learning rate or more repeats.",
        }
        return advice[self.label]

    def _advice_on_epochs(self, n_epochs: int) -> str:
        more = " or more" if n_epochs >= MOST_TIMES * self.n_epochs else ""
        advice: Mapping[Label, str] = {
            "too short": f"Train for {n_epochs} epochs or more.",
            "overfits": f"Train for about {n_epochs:,} epochs, or add dropout.",
            "still improving": f"Train for about {n_epochs:,} epochs{more}.",
            "plateau": f"About {n_epochs:,} epochs would do.",
        }
        return advice[self.label]

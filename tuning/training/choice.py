"""Which trainer trains which kind of network, and its name in words; without TensorFlow."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from storage.settings import settings

STACKED, GRAPH, KERAS = "stacked", "graph", "keras"

_FASTEST: Mapping[str, str] = {"dense": STACKED, "convolutional": GRAPH}
_WORDS: Mapping[str, str] = {
    STACKED: "many fits at once",
    GRAPH: "epochs as one graph",
    KERAS: "Model.fit",
}


def trainer_of(model: str, *, keras_only: bool | None = None) -> str:
    """Return the name of the trainer for a kind of model.

    Parameters
    ----------
    keras_only : bool or None
        Whether `keras.Model.fit` trains everything; None goes by the setting.
    """
    if keras_only is None:
        keras_only = settings().trainer == KERAS
    return KERAS if keras_only else _FASTEST.get(model, KERAS)


def trainers_in_words(names: Iterable[str]) -> str:
    """Say how fits were trained, each way once; empty while that is not known."""
    known = dict.fromkeys(name for name in names if name)
    return ", ".join(_WORDS.get(name, name) for name in known)

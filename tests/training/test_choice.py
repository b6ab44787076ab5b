"""Which trainer a network gets, from the setting, and what people read about it."""

from __future__ import annotations

import pytest

from tuning.training.choice import trainer_of, trainers_in_words


@pytest.mark.parametrize(
    ("model", "trainer"), [("dense", "stacked"), ("convolutional", "graph"), ("new", "keras")]
)
@pytest.mark.usefixtures("home")
def test_each_kind_of_network_has_its_trainer(model: str, trainer: str) -> None:
    assert trainer_of(model) == trainer
    assert trainer_of(model, keras_only=True) == "keras"


@pytest.mark.usefixtures("home")
def test_the_setting_makes_keras_train_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUNEBOARD_TRAINER", "keras")

    assert [trainer_of(model) for model in ("dense", "convolutional")] == ["keras", "keras"]
    assert trainer_of("dense", keras_only=False) == "stacked"


def test_ways_of_training_are_told_once_each_in_words() -> None:
    assert trainers_in_words(["stacked", "", "stacked"]) == "many fits at once"
    assert trainers_in_words(["keras", "graph"]) == "Model.fit, epochs as one graph"
    assert trainers_in_words(["", "another"]) == "another"
    assert trainers_in_words([""]) == ""

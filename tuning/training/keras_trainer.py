"""Trains with `keras.Model.fit`, one fit after another: any model, and the oracle of others."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from tuning.models.build import loss_name, make_model
from tuning.spec import EarlyStoppingSpec
from tuning.training.class_weights import class_weights, is_balanced
from tuning.training.divergence import guessing_loss, not_finite, ran_away
from tuning.training.interface import (
    FitResult,
    FoldData,
    FoldSource,
    Network,
    Readout,
    Reporter,
    Rows,
    Training,
)
from tuning.training.progress import curve_values
from tuning.training.scores import scores
from tuning.training.seeds import epoch_order

_COLLECT_EVERY = 10  # trainings
_CHUNK = 4096  # rows pushed forward at once; bounds the memory of convolutions


class KerasTrainer:
    """One interface, this trainer: `keras.Model.fit`."""

    name = "keras"

    def train(
        self,
        network: Network,
        trainings: Sequence[Training],
        folds: FoldSource,
        reporter: Reporter,
    ) -> None:
        """Run the trainings one by one; see `Trainer.train`."""
        for count, training in enumerate(trainings):
            if reporter.stopping([training]).all():
                continue
            data = folds(*training.part)
            self.fit(network, training, data, reporter)
            # Graphs of finished models would pile up; collecting them costs a quarter second.
            keras.backend.clear_session(free_memory=count % _COLLECT_EVERY == 0)

    def fit(
        self, network: Network, training: Training, data: FoldData, reporter: Reporter
    ) -> keras.Model:
        """Run one training and return its model, as it was left by the last readout."""
        started = time.perf_counter()
        keras.utils.set_random_seed(training.seed)
        model = make_model(network.model, training.params, network.info, training.seed)
        batch_size = _batch_size(training)
        n_steps = -(-len(data.train) // batch_size)
        model.steps_per_execution = n_steps  # a whole epoch in one call into TensorFlow
        watch = _Watch(network, training, data, reporter, started)
        callbacks: list[keras.callbacks.Callback] = [watch]
        if network.early_stopping is not None:
            watch.stopping = _early_stopping(network.early_stopping)
            callbacks.append(watch.stopping)
        callbacks.append(_Readouts(watch))
        model.fit(
            _batches(data.train, training.seed, batch_size),
            epochs=training.n_epochs,
            steps_per_epoch=n_steps,
            callbacks=callbacks,
            class_weight=_class_weight(network, training, data),
            shuffle=False,  # the batches come in their order already
            verbose=0,
        )
        return model


def _batch_size(training: Training) -> int:
    return int(training.params["batch_size"])  # type: ignore[arg-type]


def _class_weight(
    network: Network, training: Training, data: FoldData
) -> dict[int, float] | None:
    weights = class_weights(training.params, network.info, data.train.targets)
    return None if weights is None else dict(enumerate(weights.tolist()))


def _batches(rows: Rows, seed: int, batch_size: int) -> tf.data.Dataset:
    """Give the batches of one epoch after another, in the order `epoch_order` says."""

    def orders() -> Iterator[NDArray[np.intp]]:
        epoch = 0
        while True:
            yield epoch_order(seed, epoch, len(rows))
            epoch += 1

    features, targets = tf.constant(rows.features), tf.constant(rows.targets[:, None])
    signature = tf.TensorSpec((len(rows),), tf.int64)
    epochs = tf.data.Dataset.from_generator(orders, output_signature=signature)
    picked = epochs.flat_map(
        lambda order: tf.data.Dataset.from_tensor_slices(order).batch(batch_size)
    )
    return picked.map(lambda rows: (tf.gather(features, rows), tf.gather(targets, rows)))


def _early_stopping(asked: EarlyStoppingSpec) -> keras.callbacks.EarlyStopping:
    return keras.callbacks.EarlyStopping(
        monitor="watched",
        mode="min" if asked.monitor == "loss" else "max",
        patience=asked.patience,
        min_delta=asked.min_delta,
        restore_best_weights=asked.restore_best_weights,
    )


class _Judge:
    """Loss, metric and outputs of a model on some rows, as Keras' own evaluation has them."""

    def __init__(self, model: keras.Model, network: Network) -> None:
        loss = keras.losses.get(loss_name(network.model, network.info))

        def judge(features: tf.Tensor, targets: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            outputs = model(features, training=False)
            return outputs, loss(targets, outputs)  # in a graph: from logits, as in training

        self._judge = tf.function(judge)
        self._task = network.info.task

    def __call__(self, rows: Rows) -> tuple[NDArray[np.float32], tuple[float, float]]:
        """Return the outputs, and mean loss and metric."""
        targets, parts = rows.targets[:, None], range(0, len(rows), _CHUNK)
        judged = [
            self._judge(rows.features[i : i + _CHUNK], targets[i : i + _CHUNK]) for i in parts
        ]
        outputs = np.concatenate([said.numpy() for said, _ in judged])
        loss = float(np.mean(np.concatenate([losses.numpy() for _, losses in judged])))
        if self._task == "regression":
            return outputs, (loss, float(np.mean(np.abs(targets - outputs))))
        said = outputs.argmax(axis=1) if outputs.shape[1] > 1 else outputs[:, 0] > 0.5
        return outputs, (loss, float(np.mean(said == rows.targets)))


class _Watch(keras.callbacks.Callback):
    """After each epoch: judges the model, tells the reporter, and ends what must end."""

    def __init__(
        self,
        network: Network,
        training: Training,
        data: FoldData,
        reporter: Reporter,
        started: float,
    ) -> None:
        super().__init__()
        self.network, self.training, self.data = network, training, data
        self.reporter, self.started = reporter, started
        self.stopping: keras.callbacks.EarlyStopping | None = None
        self.outputs: NDArray[np.float32] = np.empty((0, 1), np.float32)
        self.best_outputs = self.outputs
        self.epochs_done = 0
        self.loss = float("nan")
        self.error = ""
        self.interrupted = False

    def on_train_begin(self, _logs: dict[str, Any] | None = None) -> None:
        self.judge = _Judge(self.model, self.network)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        logs = {} if logs is None else logs
        self.epochs_done = epoch + 1
        self.loss = float(logs["loss"])
        metric = float(next(value for name, value in logs.items() if name != "loss"))
        self.outputs, val = self.judge(self.data.score)
        watched = None if self.data.watch is None else self.judge(self.data.watch)[1]
        values = curve_values(self.network, (self.loss, metric), val, watched)
        logs["watched"] = float(values[4])
        self.reporter.epoch([self.training], epoch, values[None])
        if not np.isfinite([self.loss, val[0]]).all():
            params = self.training.params
            self.error = not_finite(epoch, params.get("learning_rate"), params["optimizer"])
            self.model.stop_training = True
        elif self.reporter.stopping([self.training]).all():
            self.interrupted = True
            self.model.stop_training = True


class _Readouts(keras.callbacks.Callback):
    """Last of the callbacks: reads the training out at each epoch that a trial asks for."""

    def __init__(self, watch: _Watch) -> None:
        super().__init__()
        self._watch = watch
        self._left = list(watch.training.readouts)

    def on_epoch_end(self, epoch: int, _logs: dict[str, Any] | None = None) -> None:
        watch = self._watch
        if watch.stopping is not None and watch.stopping.best_epoch == epoch:
            watch.best_outputs = watch.outputs
        if watch.interrupted:
            return
        ends = self.model.stop_training
        while self._left and (ends or self._left[0].n_epochs == epoch + 1):
            self._read(self._left.pop(0))

    def _read(self, readout: Readout) -> None:
        watch = self._watch
        error = watch.error or self._ran_away()
        result = FitResult(
            metrics={} if error else self._scores(),
            n_epochs=watch.epochs_done,
            best_epoch=None if watch.stopping is None else int(watch.stopping.best_epoch),
            duration_s=time.perf_counter() - watch.started,
            trainer=KerasTrainer.name,
            error=error,
        )
        watch.reporter.result(watch.training, readout, result)

    def _scores(self) -> dict[str, float]:
        watch, asked = self._watch, self._watch.network.early_stopping
        restored = asked is not None and asked.restore_best_weights
        outputs = watch.best_outputs if restored else watch.outputs
        return scores(watch.network.info.task, watch.data.score.targets, outputs)

    def _ran_away(self) -> str:
        watch = self._watch
        largest = max(float(np.abs(weight).max()) for weight in self.model.get_weights())
        params, info = dict(watch.training.params), watch.network.info
        balanced = is_balanced(params, info)
        guessing = guessing_loss(info.task, watch.data.train.targets, balanced=balanced)
        return ran_away(watch.loss, guessing, largest, params) or ""

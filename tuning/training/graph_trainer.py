"""Trains convolutional networks fast on a CPU: an epoch is one call of one graph.

Weights, optimizer state and seeds go in and come out as tensors, so one graph serves every
training of its shape, on any thread; what comes home is the Keras model with those weights.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple, cast

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from tuning.cores import n_usable_cores
from tuning.models.build import loss_name, make_model
from tuning.training.class_weights import class_weights, is_balanced
from tuning.training.interface import FoldData, FoldSource, Network, Reporter, Rows, Training
from tuning.training.progress import Pair, Progress, curve_values
from tuning.training.seeds import epoch_order
from tuning.training.stacked.optimizers import Numbers, nadam_product, rule_of

Tensors = list[tf.Tensor]
Chunk = tuple[tf.Tensor, tf.Tensor]  # some rows: features and targets

_KEPT = 32  # graphs; each takes about a megabyte
_CHUNK = 4096  # rows judged in one call; bounds the memory of convolutions
_JUDGED_AT_ONCE = 256  # rows whose convolutions stay in a core's cache


@dataclass(frozen=True)
class Shape:
    """What a graph depends on, besides numbers.

    Attributes
    ----------
    input_shape : tuple of int
        Of one row.
    weight_shapes : tuple of tuple of int
        As Keras lists them: kernel and bias of each convolution, hidden layer and the head.
    dropout : tuple of bool
        Whether there is dropout after pooling, and after each hidden layer.
    weighted : bool
        Whether rows count by their class.
    """

    input_shape: tuple[int, ...]
    weight_shapes: tuple[tuple[int, ...], ...]
    pool_size: int
    dropout: tuple[bool, bool]
    activation: str
    head: str
    loss: str
    optimizer: str
    momentum: bool
    max_norm: bool
    weighted: bool

    @property
    def n_convolutions(self) -> int:
        """How many of the layers are convolutions."""
        return sum(len(shape) == 4 for shape in self.weight_shapes)

    @property
    def n_dropouts(self) -> int:
        """How many layers drop some of their inputs."""
        n_hidden = len(self.weight_shapes) // 2 - self.n_convolutions - 1
        return (self.dropout[0] and self.n_convolutions > 0) + self.dropout[1] * n_hidden

    @property
    def n_weights(self) -> list[int]:
        """Numbers in each array of weights."""
        return [int(np.prod(shape)) for shape in self.weight_shapes]


class State(NamedTuple):
    """A training between two steps; all weights lie in one vector, which is updated at once.

    Attributes
    ----------
    step : tensor
        Steps taken; int64.
    product : tensor
        Nadam's running product of momenta.
    """

    weights: tf.Tensor
    slots: Tensors
    step: tf.Tensor
    product: tf.Tensor


class Settings(NamedTuple):
    """Numbers that differ between trainings of one shape.

    Attributes
    ----------
    rates, seeds : list of tensor
        Of each dropout layer; a seed is the pair that Keras' layer starts with.
    class_weights : list of tensor
        One of shape (n_classes,) where rows are weighted, otherwise none.
    """

    batch_size: tf.Tensor
    learning_rate: tf.Tensor
    momentum: tf.Tensor
    max_norm: tf.Tensor
    rates: Tensors
    seeds: Tensors
    class_weights: Tensors


class Graph:
    """One shape of network, to train and to judge; keeps no numbers, so threads share it."""

    def __init__(self, shape: Shape) -> None:
        self._shape = shape
        self._rule = rule_of(shape.optimizer, momentum=shape.momentum)
        self._loss = keras.losses.get(shape.loss)
        self._activate = keras.activations.get(shape.activation)
        self._head = keras.activations.get(shape.head)
        rows = tf.TensorSpec((None, *shape.input_shape), tf.float32)
        numbers = tf.TensorSpec((None,), tf.float32)
        self.train = tf.function(
            self._train,
            autograph=False,
            input_signature=[
                *self._signature(),
                rows,
                numbers,
                tf.TensorSpec((None,), tf.int32),
            ],
        )
        self.judge = tf.function(
            self._judge, autograph=False, input_signature=[numbers, rows, numbers]
        )

    def _signature(self) -> tuple[State, Settings]:
        vector = tf.TensorSpec((sum(self._shape.n_weights),), tf.float32)
        number, pair = tf.TensorSpec((), tf.float32), tf.TensorSpec((2,), tf.int64)
        n_drops = self._shape.n_dropouts
        return (
            State(vector, [vector] * self._rule.n_slots, tf.TensorSpec((), tf.int64), number),
            Settings(
                batch_size=tf.TensorSpec((), tf.int32),
                learning_rate=number,
                momentum=number,
                max_norm=number,
                rates=[number] * n_drops,
                seeds=[pair] * n_drops,
                class_weights=[tf.TensorSpec((None,), tf.float32)] * self._shape.weighted,
            ),
        )

    def start(self, weights: Sequence[NDArray[np.float32]]) -> State:
        """Return the state before the first step."""
        vector = tf.constant(np.concatenate([weight.ravel() for weight in weights]))
        slots = [tf.fill(vector.shape, self._rule.start) for _ in range(self._rule.n_slots)]
        return State(vector, slots, tf.constant(0, tf.int64), tf.constant(1.0))

    def arrays(self, vector: tf.Tensor) -> Tensors:
        """Cut a vector of all weights into Keras' arrays."""
        parts = tf.split(vector, self._shape.n_weights)
        shapes = self._shape.weight_shapes
        return [tf.reshape(part, shape) for part, shape in zip(parts, shapes, strict=True)]

    def _train(
        self,
        state: State,
        settings: Settings,
        features: tf.Tensor,
        targets: tf.Tensor,
        order: tf.Tensor,
    ) -> tuple[State, tf.Tensor]:
        """Train one epoch in the order given; also return the sums of loss and metric."""

        def step(
            start: tf.Tensor, state: State, sums: tf.Tensor
        ) -> tuple[tf.Tensor, State, tf.Tensor]:
            rows = order[start : start + settings.batch_size]
            batch = tf.gather(features, rows), tf.gather(targets, rows)
            state, more = self._step(state, settings, *batch)
            return start + settings.batch_size, state, sums + more

        n_rows = tf.shape(order)[0]
        _, state, sums = tf.while_loop(
            lambda start, *_: start < n_rows, step, (0, state, tf.zeros(2))
        )
        return state, sums

    def _step(
        self, state: State, settings: Settings, features: tf.Tensor, targets: tf.Tensor
    ) -> tuple[State, tf.Tensor]:
        layers = iter(zip(settings.rates, settings.seeds, strict=True))

        def drop(array: tf.Tensor) -> tf.Tensor:
            rate, seed = next(layers)
            # Keras counts the calls of a layer in its seed and takes it as int32 like this.
            seed = tf.math.floormod(seed + tf.stack([0, state.step]), tf.int32.max - 1)
            return tf.nn.experimental.stateless_dropout(array, rate, tf.cast(seed, tf.int32))

        with tf.GradientTape() as tape:
            tape.watch(state.weights)
            outputs = self._outputs(state.weights, features, drop)
            losses = self._loss(targets[:, None], outputs)
            for weights in settings.class_weights:
                losses *= tf.gather(weights, tf.cast(targets, tf.int32))
            loss = tf.reduce_mean(losses)
        gradient = tape.gradient(loss, state.weights)
        hits = _row_metric(self._shape.loss, targets, outputs)
        sums = tf.stack([tf.reduce_sum(losses), tf.reduce_sum(hits)])
        return self._updated(state, gradient, settings), sums

    def _updated(self, state: State, gradient: tf.Tensor, settings: Settings) -> State:
        step = state.step + 1
        number = tf.cast(step, tf.float32)
        product = nadam_product(state.product, number)
        numbers = Numbers(settings.learning_rate, settings.momentum, number, product)
        weights, *slots = self._rule.update(state.weights, gradient, state.slots, numbers)
        if self._shape.max_norm:
            weights = self._limited(weights, settings.max_norm)
        return State(weights, slots, step, product)

    def _limited(self, vector: tf.Tensor, limit: tf.Tensor) -> tf.Tensor:
        """Limit the weights of each hidden unit as `keras.constraints.MaxNorm` does."""
        arrays = self.arrays(vector)
        for index in range(2 * self._shape.n_convolutions, len(arrays) - 2, 2):
            kernel = arrays[index]
            norms = tf.sqrt(tf.reduce_sum(tf.square(kernel), axis=0, keepdims=True))
            desired = tf.clip_by_value(norms, 0.0, limit)
            arrays[index] = kernel * (desired / (keras.config.epsilon() + norms))
        return tf.concat([tf.reshape(array, [-1]) for array in arrays], 0)

    def _outputs(
        self,
        vector: tf.Tensor,
        features: tf.Tensor,
        drop: Callable[[tf.Tensor], tf.Tensor] | None = None,
    ) -> tf.Tensor:
        """Return what the network says of rows, of shape (n_rows, n_outputs)."""
        shape, arrays = self._shape, self.arrays(vector)
        pairs = list(zip(arrays[::2], arrays[1::2], strict=True))
        array = features
        for kernel, bias in pairs[: shape.n_convolutions]:
            # A plain sum: the gradient of `bias_add` adds up images at half the speed.
            array = self._activate(tf.nn.conv2d(array, kernel, 1, "VALID") + bias)
        if shape.n_convolutions:
            array = tf.nn.max_pool2d(array, shape.pool_size, shape.pool_size, "VALID")
            array = drop(array) if drop and shape.dropout[0] else array
        array = tf.reshape(array, [-1, pairs[shape.n_convolutions][0].shape[0]])
        for kernel, bias in pairs[shape.n_convolutions : -1]:
            array = self._activate(tf.nn.bias_add(tf.matmul(array, kernel), bias))
            array = drop(array) if drop and shape.dropout[1] else array
        kernel, bias = pairs[-1]
        return self._head(tf.nn.bias_add(tf.matmul(array, kernel), bias))

    def _judge(
        self, vector: tf.Tensor, features: tf.Tensor, targets: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Return outputs of rows, and the sums of their losses and metrics."""
        n_rows = tf.shape(features)[0]
        n_parts = -(-n_rows // _JUDGED_AT_ONCE)
        said = tf.TensorArray(tf.float32, n_parts, infer_shape=False)

        def judge(
            i: tf.Tensor, said: tf.TensorArray, sums: tf.Tensor
        ) -> tuple[tf.Tensor, tf.TensorArray, tf.Tensor]:
            part = slice(i * _JUDGED_AT_ONCE, (i + 1) * _JUDGED_AT_ONCE)
            outputs = self._outputs(vector, features[part])
            losses = self._loss(targets[part][:, None], outputs)
            hits = _row_metric(self._shape.loss, targets[part], outputs)
            sums += tf.stack([tf.reduce_sum(losses), tf.reduce_sum(hits)])
            return i + 1, said.write(i, outputs), sums

        _, said, sums = tf.while_loop(lambda i, *_: i < n_parts, judge, (0, said, tf.zeros(2)))
        return said.concat(), sums


def _row_metric(loss: str, targets: tf.Tensor, outputs: tf.Tensor) -> tf.Tensor:
    if loss == "mean_squared_error":
        return tf.abs(outputs[:, 0] - targets)
    if loss == "binary_crossentropy":
        said = tf.cast(outputs[:, 0] > 0.5, tf.float32)
    else:
        said = tf.cast(tf.argmax(outputs, 1), tf.float32)
    return tf.cast(said == targets, tf.float32)


class _Graphs:
    """The graphs used last, for all threads of the process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[Shape, Graph] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, shape: Shape) -> Graph:
        """Return the graph of a shape, made now or before."""
        with self._lock:
            graph = self._kept.pop(shape, None) or Graph(shape)
            self._kept[shape] = graph
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return graph


GRAPHS = _Graphs()


class _Fit:
    """One training: its model, its rows as tensors and its state."""

    def __init__(self, network: Network, training: Training, data: FoldData) -> None:
        self.model = make_model(network.model, training.params, network.info, training.seed)
        self._graph = GRAPHS.get(shape_of(network, training, self.model))
        weights = class_weights(training.params, network.info, data.train.targets)
        self._settings = _settings(training, self.model, weights)
        self.state = self._graph.start(self.model.get_weights())
        self._seed, self._n_rows = training.seed, len(data.train)
        self._features = tf.constant(data.train.features)
        self._targets = tf.constant(data.train.targets)
        self._score = _chunks(data.score)
        self._watch = None if data.watch is None else _chunks(data.watch)

    def train_epoch(self, epoch: int) -> tuple[float, float]:
        """Train one epoch; return loss and metric as Keras' History has them."""
        order = tf.constant(epoch_order(self._seed, epoch, self._n_rows), tf.int32)
        self.state, sums = self._graph.train(
            self.state, self._settings, self._features, self._targets, order
        )
        loss, metric = sums.numpy() / self._n_rows
        return float(loss), float(metric)

    def judge_score(self) -> tuple[NDArray[np.float32], Pair]:
        """Return the outputs for the rows that score, and their loss and metric."""
        return self._said(self._score)

    def judge_watched(self) -> Pair | None:
        """Return loss and metric of the rows that are watched, if any are."""
        return None if self._watch is None else self._said(self._watch)[1]

    def largest_weight(self) -> float:
        """Return the largest absolute value of any weight."""
        return float(np.abs(self.state.weights.numpy()).max())

    def taken_home(self, vector: tf.Tensor) -> keras.Model:
        """Return the model with these weights."""
        # A file of a compiled model needs the arrays of its optimizer, even if they are new.
        self.model.optimizer.build(self.model.trainable_variables)
        self.model.set_weights([array.numpy() for array in self._graph.arrays(vector)])
        return self.model

    def _said(self, chunks: Sequence[Chunk]) -> tuple[NDArray[np.float32], Pair]:
        parts = [self._graph.judge(self.state.weights, *chunk) for chunk in chunks]
        outputs = np.concatenate([said.numpy() for said, _ in parts])
        loss, metric = sum(sums.numpy() for _, sums in parts) / len(outputs)
        return outputs, (float(loss), float(metric))


def _chunks(rows: Rows) -> list[Chunk]:
    parts = [slice(start, start + _CHUNK) for start in range(0, len(rows), _CHUNK)]
    return [(tf.constant(rows.features[p]), tf.constant(rows.targets[p])) for p in parts]


def shape_of(network: Network, training: Training, model: keras.Model) -> Shape:
    """Return what the graph of a training depends on."""
    params = training.params
    return Shape(
        input_shape=tuple(model.input_shape[1:]),
        weight_shapes=tuple(tuple(weight.shape) for weight in model.weights),
        pool_size=cast(int, params.get("pool_size", 1)),
        dropout=(bool(params.get("conv_dropout_rate")), bool(params["dropout_rate"])),
        activation=str(params["activation"]),
        head=model.layers[-1].activation.__name__,
        loss=loss_name(network.model, network.info),
        optimizer=str(params["optimizer"]),
        momentum=bool(params.get("momentum")),
        max_norm=bool(params.get("max_norm")),
        weighted=is_balanced(params, network.info),
    )


def _settings(
    training: Training, model: keras.Model, weights: NDArray[np.float64] | None
) -> Settings:
    def number(name: str) -> tf.Tensor:
        return tf.constant(float(cast(float, training.params.get(name) or 0.0)))

    dropouts = [layer for layer in model.layers if isinstance(layer, keras.layers.Dropout)]
    return Settings(
        batch_size=tf.constant(cast(int, training.params["batch_size"])),
        learning_rate=tf.constant(float(model.optimizer.learning_rate)),
        momentum=number("momentum"),
        max_norm=number("max_norm"),
        rates=[tf.constant(float(layer.rate)) for layer in dropouts],
        seeds=[tf.constant(layer.seed_generator.state.numpy()) for layer in dropouts],
        class_weights=[] if weights is None else [tf.constant(weights, tf.float32)],
    )


class GraphTrainer:
    """One interface, this trainer: whole epochs as single calls, trainings side by side.

    Parameters
    ----------
    n_threads : int or None
        Trainings at once; None takes the cores this process may use.
    """

    name = "graph"

    def __init__(self, n_threads: int | None = None) -> None:
        self._n_threads = n_threads or n_usable_cores()
        self._making = threading.Lock()  # folds and Keras' making of models take turns

    def train(
        self,
        network: Network,
        trainings: Sequence[Training],
        folds: FoldSource,
        reporter: Reporter,
    ) -> None:
        """Run the trainings, some at once; see `Trainer.train`."""

        def run(training: Training) -> None:
            if reporter.stopping([training]).all():
                return
            with self._making:
                data = folds(*training.part)
            self.fit(network, training, data, reporter)

        with ThreadPoolExecutor(self._n_threads, "fit") as threads:
            for _ in threads.map(run, trainings):
                pass

    def fit(
        self, network: Network, training: Training, data: FoldData, reporter: Reporter
    ) -> keras.Model:
        """Run one training and return its model, as it was left by the last readout."""
        progress = Progress(network, training, data, self.name)
        with self._making:
            fit = _Fit(network, training, data)
        best = fit.state.weights
        while not progress.ended:
            epoch = progress.epochs_done
            trained, (outputs, val) = fit.train_epoch(epoch), fit.judge_score()
            values = curve_values(network, trained, val, fit.judge_watched())
            reporter.epoch([training], epoch, values[None])
            progress.advance(values, outputs)
            best = fit.state.weights if progress.improved else best
            if not progress.failed and reporter.stopping([training]).all():
                progress.interrupt()
            if progress.due:
                for readout, result in progress.read(fit.largest_weight()):
                    reporter.result(training, readout, result)
        return fit.taken_home(best if progress.restores else fit.state.weights)

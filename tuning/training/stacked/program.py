"""One epoch of a whole stack as one compiled computation, kept for the next one of its layout.

Fits are slots along the leading axis of every array. Slots never mix: each row of a sum, each
draw and each update belongs to one fit, whatever stands beside it.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal, NamedTuple

import keras
import tensorflow as tf

from tuning.training.compiled import forget
from tuning.training.stacked.draws import uniform_groups
from tuning.training.stacked.optimizers import Numbers, Rule, nadam_product, rule_of

Head = Literal["sigmoid", "softmax", "linear"]
Batches = Literal["full", "short", "ragged"]
Tensors = tuple[tf.Tensor, ...]

_KEPT = 48  # compiled epochs; each takes a few megabytes
_CHUNK_NUMBERS = 2**21  # numbers in the widest array when rows are judged
# What reading a broken file of compiled code raises.
_UNREADABLE = (
    tf.errors.DataLossError,
    tf.errors.InvalidArgumentError,
    tf.errors.OutOfRangeError,
)
_OUT = -1e30  # logit of a unit that is not there


@dataclass(frozen=True)
class Layout:
    """What a compiled epoch depends on, besides numbers.

    Attributes
    ----------
    widths : tuple of int
        Units of each hidden layer; a narrower fit leaves the rest of its units unused.
    momentum, dropout, max_norm, padded, weighted : bool
        Whether any fit needs it.
    batches : {"full", "short", "ragged"}
        Whether every batch is full, the last of an epoch may be shorter, or fits also differ in
        batch size or number of steps.
    n_fits : int
        Slots.
    n_parts : int
        Folds (of repeats) whose rows are there.
    n_train, n_score, n_watch : int
        Rows of the largest part; the others are filled up.
    """

    n_inputs: int
    widths: tuple[int, ...]
    n_outputs: int
    head: Head
    activation: str
    optimizer: str
    momentum: bool
    dropout: bool
    max_norm: bool
    padded: bool
    weighted: bool
    batch_size: int
    n_steps: int
    batches: Batches
    n_fits: int
    n_parts: int
    n_train: int
    n_score: int
    n_watch: int

    @property
    def sizes(self) -> list[tuple[int, int]]:
        """Inputs and units of each layer with weights."""
        edges = (self.n_inputs, *self.widths, self.n_outputs)
        return list(pairwise(edges))


class Rows(NamedTuple):
    """Rows of one kind, of every part.

    Attributes
    ----------
    features : tensor of shape (n_parts, n_rows, n_inputs)
    targets : tensor of shape (n_parts, n_rows)
    counts : tensor of shape (n_parts,)
        Rows of each part that are not filling.
    """

    features: tf.Tensor
    targets: tf.Tensor
    counts: tf.Tensor


PartRows = tuple[Rows, Rows, Rows | None]  # to train with, to score by, to watch


class Fits(NamedTuple):
    """What stays the same in a fit while it trains; float32 unless said otherwise.

    Attributes
    ----------
    part : tensor of shape (n_fits,)
        int32; whose rows it uses.
    n_rows, batch_size : tensor of shape (n_fits,)
        int32; of its training.
    learning_rate, momentum, rate, keep_scale, max_norm : tensor of shape (n_fits, 1, 1)
        `keep_scale` is 1 / (1 - dropout rate).
    seeds : tensor of shape (n_layers, n_fits)
        uint32; of the dropout after each hidden layer.
    widths : tensor of shape (n_layers, n_fits)
        int32; units of each hidden layer.
    class_weights : tensor of shape (n_fits, n_classes) or None
        What a row of each class counts; None where all rows of all fits count the same.
    """

    part: tf.Tensor
    n_rows: tf.Tensor
    batch_size: tf.Tensor
    learning_rate: tf.Tensor
    momentum: tf.Tensor
    rate: tf.Tensor
    keep_scale: tf.Tensor
    max_norm: tf.Tensor
    seeds: tf.Tensor
    widths: tf.Tensor
    class_weights: tf.Tensor | None


class State(NamedTuple):
    """What training changes.

    Attributes
    ----------
    weights : tuple of tensor
        Kernel (n_fits, inputs, units) and bias (n_fits, 1, units) of each layer in turn.
    slots : tuple of tensor
        The optimizer's arrays, those of the first array of weights first.
    step : tensor of shape (n_fits, 1, 1)
        Steps done.
    product : tensor of shape (n_fits, 1, 1)
        See `Numbers.product`.
    """

    weights: Tensors
    slots: Tensors
    step: tf.Tensor
    product: tf.Tensor


class Epoch(NamedTuple):
    """What an epoch tells of each fit; arrays of shape (n_fits,) unless said otherwise.

    Attributes
    ----------
    outputs : tensor of shape (n_fits, n_score, n_outputs)
        What the networks say about the rows that score.
    largest_weight : tensor
        Largest absolute value among the weights.
    """

    loss: tf.Tensor
    metric: tf.Tensor
    val_loss: tf.Tensor
    val_metric: tf.Tensor
    watch_loss: tf.Tensor
    watch_metric: tf.Tensor
    largest_weight: tf.Tensor
    outputs: tf.Tensor


class Program:
    """The compiled epoch of one layout.

    Attributes
    ----------
    has_run : bool
        Whether it is compiled.
    """

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.rule: Rule = rule_of(layout.optimizer, momentum=layout.momentum)
        self._activation = keras.activations.get(layout.activation)
        self._epoch = self._compiled()
        self.has_run = False

    def epoch(
        self,
        rows: PartRows,
        fits: Fits,
        state: State,
        picked: tf.Tensor,
    ) -> tuple[State, Epoch]:
        """Train one epoch and judge.

        Parameters
        ----------
        rows : PartRows
        picked : tensor of shape (n_steps, n_fits, batch_size)
            int32; rows of each batch, counted through all parts.
        """
        try:
            result: tuple[State, Epoch] = self._epoch(rows, fits, state, picked)
        except _UNREADABLE:
            if self.has_run or not forget():
                raise
            self._epoch = self._compiled()  # under a new name, or the error would be kept
            result = self._epoch(rows, fits, state, picked)
        if not self.has_run:
            _compiled.append(self.layout)
            self.has_run = True
        return result

    def _compiled(self) -> Any:  # noqa: ANN401 (TensorFlow ships no types)
        return tf.function(self._trace, jit_compile=True, autograph=False)

    def _trace(
        self,
        rows: PartRows,
        fits: Fits,
        state: State,
        picked: tf.Tensor,
    ) -> tuple[State, Epoch]:
        train, score, watch = rows
        n_inputs = self.layout.n_inputs
        features = tf.reshape(train.features, (-1, n_inputs))
        targets = tf.reshape(train.targets, (-1,))
        masks = self._unit_masks(fits)
        zeros = tf.zeros(self.layout.n_fits)

        def step(
            index: tf.Tensor, state: State, loss: tf.Tensor, metric: tf.Tensor
        ) -> tuple[tf.Tensor, State, tf.Tensor, tf.Tensor]:
            batch = picked[index]
            present = self._present(index, fits)
            inputs, wanted = tf.gather(features, batch), tf.gather(targets, batch)
            state, losses, metrics = self._step(inputs, wanted, present, fits, state, masks)
            return index + 1, state, loss + losses, metric + metrics

        _, state, loss, metric = tf.while_loop(
            lambda index, *_: index < self.layout.n_steps,
            step,
            (tf.constant(0), state, zeros, zeros),
            maximum_iterations=self.layout.n_steps,
        )
        n_rows = tf.cast(fits.n_rows, tf.float32)
        outputs, val_loss, val_metric = self._judge(score, fits, state.weights, masks)
        watched = (zeros, zeros)
        if watch is not None:
            watched = self._judge(watch, fits, state.weights, masks)[1:]
        largest = [tf.reduce_max(tf.abs(array), axis=(1, 2)) for array in state.weights]
        told = Epoch(
            loss / n_rows,
            metric / n_rows,
            val_loss,
            val_metric,
            *watched,
            tf.reduce_max(tf.stack(largest), axis=0),
            outputs,
        )
        return state, told

    def _unit_masks(self, fits: Fits) -> list[tf.Tensor | None]:
        """Say which units of each hidden layer are there; shape (n_fits, 1, units)."""
        if not self.layout.padded:
            return [None] * len(self.layout.widths)
        return [
            (tf.range(width)[None, :] < fits.widths[index][:, None])[:, None, :]
            for index, width in enumerate(self.layout.widths)
        ]

    def _present(self, index: tf.Tensor, fits: Fits) -> tf.Tensor | None:
        """Say which rows of a step's batches are there; shape (n_fits, batch_size)."""
        if self.layout.batches == "full":
            return None
        place = tf.range(self.layout.batch_size)[None, :]
        size, n_rows = fits.batch_size[:, None], fits.n_rows[:, None]
        return (place < size) & (index * size + place < n_rows)

    def _step(
        self,
        inputs: tf.Tensor,
        targets: tf.Tensor,
        present: tf.Tensor | None,
        fits: Fits,
        state: State,
        masks: Sequence[tf.Tensor | None],
    ) -> tuple[State, tf.Tensor, tf.Tensor]:
        calls = tf.cast(state.step[:, 0, 0], tf.uint32)
        with tf.GradientTape() as tape:
            tape.watch(state.weights)
            logits = self._forward(inputs, state.weights, masks, fits, calls)
            losses, metrics = self._losses(targets, logits)
            if fits.class_weights is not None:
                codes = tf.cast(targets, tf.int32)
                losses *= tf.gather(fits.class_weights, codes, batch_dims=1)
            if present is None:
                mean = tf.reduce_mean(losses, axis=1)
            else:
                losses, metrics = _only(present, losses), _only(present, metrics)
                n_present = tf.reduce_sum(tf.cast(present, tf.float32), axis=1)
                mean = tf.reduce_sum(losses, axis=1) / tf.maximum(n_present, 1.0)
            total = tf.reduce_sum(mean)
        gradients = tape.gradient(total, state.weights)
        after = self._update(gradients, fits, state)
        if self.layout.batches == "ragged" and present is not None:
            after = _where(tf.reduce_any(present, axis=1), after, state)
        return after, tf.reduce_sum(losses, axis=1), tf.reduce_sum(metrics, axis=1)

    def _forward(
        self,
        inputs: tf.Tensor,
        weights: Tensors,
        masks: Sequence[tf.Tensor | None],
        fits: Fits,
        calls: tf.Tensor | None = None,
    ) -> tf.Tensor:
        """Return the logits; `calls` counts dropout's draws and is None when judging."""
        hidden = inputs
        for index, mask in enumerate(masks):
            hidden = tf.matmul(hidden, weights[2 * index]) + weights[2 * index + 1]
            hidden = self._activate(hidden, mask)
            if self.layout.dropout and calls is not None:
                hidden = self._drop(hidden, index, fits, calls)
        return tf.matmul(hidden, weights[-2]) + weights[-1]

    def _activate(self, sums: tf.Tensor, mask: tf.Tensor | None) -> tf.Tensor:
        if mask is None:
            return self._activation(sums)
        if self.layout.activation == "softmax":
            return self._activation(tf.where(mask, sums, _OUT))
        return _only(mask, self._activation(sums))

    def _drop(self, hidden: tf.Tensor, index: int, fits: Fits, calls: tf.Tensor) -> tf.Tensor:
        """Drop what Keras' Dropout layer would drop, seeded as the layer is."""
        batch, width = self.layout.batch_size, self.layout.widths[index]
        drawn = uniform_groups(fits.seeds[index], calls, batch * width)
        if self.layout.padded:
            # A narrower fit draws its numbers row by row of its own width.
            place = tf.range(batch)[:, None] * fits.widths[index][:, None, None]
            place = tf.minimum(place + tf.range(width)[None, :], batch * width - 1)
            drawn = tf.gather(drawn, tf.reshape(place, (-1, batch * width)), batch_dims=1)
        drawn = tf.reshape(drawn[:, : batch * width], (-1, batch, width))
        return tf.where(drawn >= fits.rate, hidden * fits.keep_scale, 0.0)

    def _losses(self, targets: tf.Tensor, logits: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Return Keras' loss and metric of each row."""
        if self.layout.head == "linear":
            gap = logits[..., 0] - targets
            return tf.square(gap), tf.abs(gap)
        if self.layout.head == "sigmoid":
            losses = tf.nn.sigmoid_cross_entropy_with_logits(targets, logits[..., 0])
            said = tf.cast(tf.sigmoid(logits[..., 0]) > 0.5, tf.float32)
            return losses, tf.cast(said == targets, tf.float32)
        classes = tf.cast(targets, tf.int32)
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(classes, logits)
        said = tf.argmax(tf.nn.softmax(logits), axis=-1, output_type=tf.int32)
        return losses, tf.cast(said == classes, tf.float32)

    def _outputs(self, logits: tf.Tensor) -> tf.Tensor:
        if self.layout.head == "linear":
            return logits
        return tf.sigmoid(logits) if self.layout.head == "sigmoid" else tf.nn.softmax(logits)

    def _update(self, gradients: Sequence[tf.Tensor], fits: Fits, state: State) -> State:
        step, product = state.step + 1.0, state.product
        if self.layout.optimizer == "nadam":
            product = nadam_product(product, step)
        numbers = Numbers(fits.learning_rate, fits.momentum, step, product)
        weights: list[tf.Tensor] = []
        slots: list[tf.Tensor] = []
        n_slots = self.rule.n_slots
        for index, (array, gradient) in enumerate(zip(state.weights, gradients, strict=True)):
            own = state.slots[index * n_slots : (index + 1) * n_slots]
            after, *kept = self.rule.update(array, gradient, own, numbers)
            is_hidden_kernel = index % 2 == 0 and index < 2 * len(self.layout.widths)
            if self.layout.max_norm and is_hidden_kernel:
                after = _limit(after, fits.max_norm)
            weights.append(after)
            slots += kept
        return State(tuple(weights), tuple(slots), step, product)

    def _judge(
        self, rows: Rows, fits: Fits, weights: Tensors, masks: Sequence[tf.Tensor | None]
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Return outputs, mean loss and mean metric of each fit on its part's rows."""
        n_rows = rows.features.shape[1]
        chunk = self._chunk(n_rows)
        if chunk >= n_rows:
            logits = self._forward(tf.gather(rows.features, fits.part), weights, masks, fits)
        else:
            logits = self._forward_in_chunks(rows.features, chunk, fits, weights, masks)
        targets = tf.gather(rows.targets, fits.part)
        counts = tf.gather(rows.counts, fits.part)[:, None]
        present = tf.range(n_rows)[None, :] < counts
        means = [
            tf.reduce_sum(_only(present, values), axis=1) / tf.cast(counts[:, 0], tf.float32)
            for values in self._losses(targets, logits)
        ]
        return self._outputs(logits), means[0], means[1]

    def _chunk(self, n_rows: int) -> int:
        """Return how many rows of every fit are pushed forward at once."""
        widest = max(self.layout.n_inputs, *self.layout.widths, self.layout.n_outputs)
        return max(1, min(n_rows, _CHUNK_NUMBERS // (widest * self.layout.n_fits)))

    def _forward_in_chunks(
        self,
        features: tf.Tensor,
        chunk: int,
        fits: Fits,
        weights: Tensors,
        masks: Sequence[tf.Tensor | None],
    ) -> tf.Tensor:
        n_rows = features.shape[1]
        n_chunks = -(-n_rows // chunk)
        features = tf.pad(features, ((0, 0), (0, n_chunks * chunk - n_rows), (0, 0)))

        def forward(index: tf.Tensor, parts: tf.TensorArray) -> tuple[Any, ...]:
            start = (0, index * chunk, 0)
            some = tf.slice(features, start, (features.shape[0], chunk, features.shape[2]))
            logits = self._forward(tf.gather(some, fits.part), weights, masks, fits)
            return index + 1, parts.write(index, logits)

        shape = (self.layout.n_fits, chunk, self.layout.n_outputs)
        _, parts = tf.while_loop(
            lambda index, _: index < n_chunks,
            forward,
            (tf.constant(0), tf.TensorArray(tf.float32, n_chunks, element_shape=shape)),
            maximum_iterations=n_chunks,
        )
        logits = tf.transpose(parts.stack(), (1, 0, 2, 3))
        logits = tf.reshape(logits, (self.layout.n_fits, -1, self.layout.n_outputs))
        return logits[:, :n_rows]


def _only(mask: tf.Tensor, values: tf.Tensor) -> tf.Tensor:
    return tf.where(mask, values, 0.0)


def _limit(kernel: tf.Tensor, most: tf.Tensor) -> tf.Tensor:
    """Apply Keras' MaxNorm along the inputs of each unit; an infinite limit changes nothing."""
    norms = tf.sqrt(tf.reduce_sum(tf.square(kernel), axis=1, keepdims=True))
    wanted = tf.clip_by_value(norms, 0.0, most)
    limited = kernel * (wanted / (keras.backend.epsilon() + norms))
    return tf.where(tf.math.is_inf(most), kernel, limited)


def _where(chosen: tf.Tensor, yes: State, no: State) -> State:
    mask = chosen[:, None, None]
    merged: State = tf.nest.map_structure(lambda new, old: tf.where(mask, new, old), yes, no)
    return merged


_programs: OrderedDict[Layout, Program] = OrderedDict()
_lock = threading.Lock()
_compiled: list[Layout] = []  # by this process, those that are not kept any more included


def n_compiled() -> int:
    """Return how many computations this process has compiled; TensorFlow frees none of them."""
    return len(_compiled)


def program_for(layout: Layout) -> Program:
    """Return the program of a layout; the last few dozen are kept, compiled."""
    with _lock:
        program = _programs.pop(layout, None) or Program(layout)
        _programs[layout] = program
        while len(_programs) > _KEPT:
            _programs.popitem(last=False)
        return program

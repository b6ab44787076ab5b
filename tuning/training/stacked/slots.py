"""Trainings → the arrays of a stack, one slot each, and back to the weights of one fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from tuning.models.build import make_optimizer
from tuning.models.size import hidden_layers, n_outputs
from tuning.training import interface
from tuning.training.class_weights import class_weights, is_balanced
from tuning.training.interface import FoldData, Network, Part, Training
from tuning.training.plan import Stack
from tuning.training.seeds import epoch_orders, part_seed
from tuning.training.stacked.draws import as_int32_seed, starting_kernels
from tuning.training.stacked.optimizers import rule_of
from tuning.training.stacked.program import Batches, Fits, Head, Layout, PartRows, Rows, State

_NO_LIMIT = float("inf")
_CHUNK_ROWS = 2**18  # put in order at once: sorting takes ten times their memory


def make_layout(network: Network, stack: Stack, parts: Mapping[Part, FoldData]) -> Layout:
    """Decide what is compiled for a stack.

    Parameters
    ----------
    parts : mapping
        The rows of each part that may occur.
    """
    params = [training.params for training in stack.trainings]
    widths = [hidden_layers(chosen) for chosen in params]
    rows = np.array([len(parts[t.part].train) for t in stack.trainings], np.int64)
    sizes = batch_sizes(stack)
    return Layout(
        n_inputs=network.info.n_inputs,
        widths=stack.widths,
        n_outputs=n_outputs(network.model, network.info),
        head=_head(network),
        activation=cast(str, params[0]["activation"]),
        optimizer=cast(str, params[0]["optimizer"]),
        momentum=any(chosen.get("momentum") for chosen in params),
        dropout=bool(stack.widths) and any(chosen.get("dropout_rate") for chosen in params),
        max_norm=bool(stack.widths) and any(chosen.get("max_norm") for chosen in params),
        padded=any(own != stack.widths for own in widths),
        weighted=any(is_balanced(chosen, network.info) for chosen in params),
        batch_size=int(sizes.max()),
        n_steps=int((-(-rows // sizes)).max()),
        batches=_batches(rows, sizes),
        n_fits=stack.n_slots,
        n_parts=len(parts),
        n_train=max(len(part.train) for part in parts.values()),
        n_score=max(len(part.score) for part in parts.values()),
        n_watch=max(0 if part.watch is None else len(part.watch) for part in parts.values()),
    )


def parts_of(stack: Stack) -> list[Part]:
    """Return the parts whose rows a stack needs, which are of one preparation."""
    return sorted({training.part for training in stack.trainings})


def batch_sizes(stack: Stack) -> NDArray[np.int64]:
    """Return the batch size of each training."""
    return np.array([t.params["batch_size"] for t in stack.trainings], np.int64)


def _head(network: Network) -> Head:
    if network.info.task == "regression":
        return "linear"
    return "sigmoid" if n_outputs(network.model, network.info) == 1 else "softmax"


def _batches(rows: NDArray[np.int64], sizes: NDArray[np.int64]) -> Batches:
    steps = -(-rows // sizes)
    if len(np.unique(sizes)) > 1 or len(np.unique(steps)) > 1:
        return "ragged"
    return "short" if (rows % sizes).any() else "full"


def make_rows(parts: Sequence[FoldData]) -> PartRows:
    """Put the rows of every part side by side: to train with, to score by, to watch."""
    watched = [part.watch for part in parts if part.watch is not None]
    return (
        _side_by_side([part.train for part in parts]),
        _side_by_side([part.score for part in parts]),
        _side_by_side(watched) if watched else None,
    )


def _side_by_side(parts: Sequence[interface.Rows]) -> Rows:
    """Fill up all parts to the longest."""
    longest = max(len(part) for part in parts)
    n_inputs = int(np.prod(parts[0].features.shape[1:]))
    features = np.zeros((len(parts), longest, n_inputs), np.float32)
    targets = np.zeros((len(parts), longest), np.float32)
    for place, part in enumerate(parts):
        features[place, : len(part)] = part.features.reshape((len(part), n_inputs))
        targets[place, : len(part)] = part.targets
    counts = np.array([len(part) for part in parts], np.int32)
    return Rows(tf.constant(features), tf.constant(targets), tf.constant(counts))


def make_fits(network: Network, stack: Stack, parts: Mapping[Part, FoldData]) -> Fits:
    """Collect the numbers in which trainings differ.

    Parameters
    ----------
    parts : mapping
        The rows of each part, in the order in which `make_rows` got them.
    """
    order = {key: place for place, key in enumerate(parts)}
    n_rows = [len(parts[t.part].train) for t in stack.trainings]
    trainings = stack.trainings
    rates = np.array([t.params.get("dropout_rate") or 0.0 for t in trainings], np.float64)
    seeds = [
        [as_int32_seed(part_seed(t.seed, f"dropout-dense{layer}")) for t in trainings]
        for layer in range(len(stack.widths))
    ]
    widths = np.array([hidden_layers(t.params) for t in trainings], np.int32)
    fill = Filler(stack)
    return Fits(
        part=fill(np.array([order[t.part] for t in trainings], np.int32)),
        n_rows=fill(np.array(n_rows, np.int32)),
        batch_size=fill(batch_sizes(stack).astype(np.int32)),
        learning_rate=fill.numbers([_learning_rate(t) for t in trainings]),
        momentum=fill.numbers([t.params.get("momentum") or 0.0 for t in trainings]),
        rate=fill.numbers(rates),
        keep_scale=fill.numbers(1.0 / (1.0 - rates)),
        max_norm=fill.numbers([t.params.get("max_norm") or _NO_LIMIT for t in trainings]),
        seeds=fill(np.array(seeds, np.uint32).reshape(-1, len(trainings)), axis=1),
        widths=fill(widths.T.reshape(-1, len(trainings)), axis=1),
        class_weights=_class_weights(network, stack, parts),
    )


def _class_weights(
    network: Network, stack: Stack, parts: Mapping[Part, FoldData]
) -> tf.Tensor | None:
    """Return what a row of each class counts in each slot; 1 in a fit that weighs none."""
    info = network.info
    weights = [
        class_weights(t.params, info, parts[t.part].train.targets) for t in stack.trainings
    ]
    if all(own is None for own in weights):
        return None
    ones = np.ones(len(info.class_names))
    rows = [ones if own is None else own for own in weights]
    return Filler(stack)(np.array(rows, np.float32))


_default_rates: dict[str, float] = {}


def _learning_rate(training: Training) -> float:
    chosen = training.params.get("learning_rate")
    if chosen is not None:
        return cast(float, chosen)
    name = str(training.params["optimizer"])
    if name not in _default_rates:
        _default_rates[name] = float(make_optimizer({"optimizer": name}).learning_rate)
    return _default_rates[name]


class Filler:
    """Gives arrays of one value a training a value for every slot: the last one's again."""

    def __init__(self, stack: Stack) -> None:
        last = len(stack.trainings) - 1
        self._places = np.minimum(np.arange(stack.n_slots), last)

    def __call__(self, values: NDArray[Any], axis: int = 0) -> tf.Tensor:
        """Fill along an axis."""
        return tf.constant(np.take(values, self._places, axis=axis))

    def numbers(self, values: Sequence[Any] | NDArray[np.float64]) -> tf.Tensor:
        """Fill numbers, as float32 of shape (n_slots, 1, 1)."""
        return self(np.asarray(values, np.float64).astype(np.float32)[:, None, None])


def make_state(layout: Layout, stack: Stack) -> State:
    """Draw the starting weights, and begin the optimizer's arrays."""
    fill = Filler(stack)
    weights: list[tf.Tensor] = []
    for layer, shape in enumerate(layout.sizes):
        weights.append(fill(_kernels(stack, layer, shape)))
        weights.append(tf.zeros((layout.n_fits, 1, shape[1])))
    rule = rule_of(layout.optimizer, momentum=layout.momentum)
    slots = [tf.fill(tf.shape(w), rule.start) for w in weights for _ in range(rule.n_slots)]
    ones = tf.ones((layout.n_fits, 1, 1))
    return State(tuple(weights), tuple(slots), tf.zeros_like(ones), ones)


def _kernels(stack: Stack, layer: int, shape: tuple[int, int]) -> NDArray[np.float32]:
    """Draw one layer's kernels at their own sizes, into the corner of the shared size."""
    kernels = np.zeros((len(stack.trainings), *shape), np.float32)
    alike: dict[tuple[str, int, int], list[int]] = {}
    for slot, training in enumerate(stack.trainings):
        own = hidden_layers(training.params)
        n_inputs = own[layer - 1] if layer else shape[0]
        n_units = own[layer] if layer < len(own) else shape[1]
        initializer = str(training.params["kernel_initializer"])
        alike.setdefault((initializer, n_inputs, n_units), []).append(slot)
    part = f"dense{layer}" if layer < len(stack.widths) else "head"
    for (initializer, n_inputs, n_units), slots in alike.items():
        seeds = [part_seed(stack.trainings[slot].seed, part) for slot in slots]
        drawn = starting_kernels(initializer, seeds, n_inputs, n_units)
        kernels[slots, :n_inputs, :n_units] = drawn
    return kernels


def weights_of(state: State, slot: int, training: Training, n_inputs: int) -> list[Any]:
    """Return one fit's weights as `keras.Model.set_weights` takes them."""
    own = hidden_layers(training.params)
    arrays: list[Any] = []
    for place in range(0, len(state.weights), 2):
        layer = place // 2
        rows = own[layer - 1] if layer else n_inputs
        kernel, bias = state.weights[place][slot].numpy(), state.weights[place + 1][slot, 0]
        units = own[layer] if layer < len(own) else kernel.shape[1]
        arrays += [kernel[:rows, :units], bias.numpy()[:units]]
    return arrays


def taken(state: State, slots: NDArray[np.intp]) -> State:
    """Return the state of some slots, in this order."""
    chosen: State = tf.nest.map_structure(lambda array: tf.gather(array, slots), state)
    return chosen


class Orders:
    """Says which rows make up the batches of an epoch; see `Program.epoch`."""

    def __init__(self, stack: Stack, fits: Fits, layout: Layout) -> None:
        last = len(stack.trainings) - 1
        places = np.minimum(np.arange(stack.n_slots), last)
        self._seeds = np.array([t.seed for t in stack.trainings], np.int64)[places]
        self._n_rows = fits.n_rows.numpy().astype(np.int64)
        self._sizes = fits.batch_size.numpy()
        self._starts = fits.part.numpy()[:, None].astype(np.int64) * layout.n_train
        self._shape = (layout.n_steps, layout.n_fits, layout.batch_size)

    def __call__(self, epoch: int) -> NDArray[np.int32]:
        """Return the rows of every step, of shape (n_steps, n_fits, batch_size).

        What is beyond a fit's own rows or batch size is there and means nothing.
        """
        picked = np.zeros(self._shape, np.int32)
        for size in np.unique(self._sizes):
            alike = np.flatnonzero(self._sizes == size)
            n_chunks = -(-len(alike) * int(self._n_rows.max()) // _CHUNK_ROWS)
            for slots in np.array_split(alike, min(n_chunks, len(alike))):
                orders = epoch_orders(self._seeds[slots], epoch, self._n_rows[slots])
                n_steps = -(-orders.shape[1] // size)
                filled = np.zeros((len(slots), n_steps * size), np.int32)
                filled[:, : orders.shape[1]] = orders + self._starts[slots]
                batches = filled.reshape((len(slots), n_steps, size)).transpose(1, 0, 2)
                picked[:n_steps, slots, :size] = batches
        return picked

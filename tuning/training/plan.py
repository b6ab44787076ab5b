"""Which trainings are trained together: trainings → stacks, by a measured cost model.

Without TensorFlow, so that a page can tell beforehand how long a search will take. A plan
depends on the trainings and the number of cores alone: a search is cut the same way again.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain, pairwise
from typing import cast

from tuning.models.size import hidden_layers, n_outputs
from tuning.training.interface import FoldData, FoldSource, Network, Training

# Measured on 2 cores with benchmarks/stack_cost.py: seconds.
COMPILE_S = 0.21
COMPILE_LAYER_S = 0.13
EPOCH_S = 8.5e-4  # of one call, its orders and its report
STEP_LAYER_S = 1e-6
SLOT_LAYER_S = 4.8e-7  # of one slot in one step and layer
WEIGHT_S = 1.4e-9  # of one weight of one slot in one step
PRODUCT_S = 1.8e-11  # of one multiply-add
DRAW_S = 2.2e-8  # of one number that dropout draws
_BACKWARD = 3  # a training step costs about three forward passes

# A stack beyond this many times its fixed cost gains little; a smaller one tells results sooner
# and leaves something for the other core.
_WORTH = 10
_HALF_WORTH = 2  # a stack for another core should have this many times its fixed cost to do
_MOST_SLOTS = 256
STACK_BYTES = 256 * 2**20  # of arrays, in one stack; one is trained on each core
_NUMBER = 4  # bytes
# Measured with benchmarks/stack_memory.py: numbers held at the same time.
_WEIGHT_NUMBERS = 9  # of a weight: itself, its gradient, the optimizer's, and those replaced
_UNIT_NUMBERS = 3  # of a unit, for each row of a batch
_DRAWN_NUMBERS = 4  # more of them with dropout
_JUDGED_NUMBERS = (4, 5)  # of an output, and besides, for each row that is judged
_COPIES = 2  # of a part's rows, while they become tensors


@dataclass(frozen=True)
class Rows:
    """How many rows a part has, at most."""

    train: int
    score: int
    watch: int = 0


def row_counts(network: Network, trainings: Sequence[Training], folds: FoldSource) -> Rows:
    """Count the rows of the largest fold of some trainings, of which there is at least one.

    Folds of rows that belong to no groups and no time are alike, so that one is enough.
    """
    first = trainings[0]
    parts = [first.part]
    if network.info.belonging != "none":
        same = [t for t in trainings if t.key[:2] == first.key[:2]]
        parts = [training.part for training in same]
    counts = [_counts_of(folds(*part)) for part in parts]
    return Rows(*(max(count) for count in zip(*counts, strict=True)))


def _counts_of(data: FoldData) -> tuple[int, int, int]:
    return len(data.train), len(data.score), 0 if data.watch is None else len(data.watch)


@dataclass(frozen=True)
class Stack:
    """Trainings that are one computation.

    Attributes
    ----------
    widths : tuple of int
        Units of each hidden layer, of the widest of the trainings.
    n_slots : int
        Places in the computation; a few may be empty, so that fewer sizes are compiled.
    seconds : float
        What its epochs will probably take on one core, without compiling.
    slot_s : float
        What each slot adds to an epoch.
    """

    trainings: tuple[Training, ...]
    widths: tuple[int, ...]
    n_slots: int
    seconds: float
    slot_s: float


@dataclass(frozen=True)
class Plan:
    """Stacks in the order in which they are to be trained.

    Attributes
    ----------
    n_layouts : int
        Different computations that have to be compiled.
    compile_s : float
        What compiling them will probably take.
    """

    stacks: tuple[Stack, ...]
    n_layouts: int
    compile_s: float

    def seconds(self, n_cores: int) -> float:
        """Return what all will probably take; compiling fills the cores by itself."""
        return self.compile_s + self.epochs_s(n_cores)

    def epochs_s(self, n_cores: int) -> float:
        """Return what all will probably take once everything is compiled."""
        busiest = [0.0] * n_cores
        for stack in self.stacks:
            heapq.heapreplace(busiest, busiest[0] + stack.seconds)
        return max(busiest)


@dataclass(frozen=True)
class Share:
    """Seconds of a plan that are one training's: before its first epoch, and in its epochs."""

    start_s: float
    epochs_s: float


def shares(plan: Plan, n_cores: int) -> dict[tuple[int, int, int], Share]:
    """Divide what a plan will probably take among its trainings, by their keys.

    Those of the first stack of a layout share its compiling. The shares add up to
    `Plan.seconds`: where cores work side by side, each is smaller.
    """
    one_after_another = sum(stack.seconds for stack in plan.stacks)
    scale = plan.epochs_s(n_cores) / one_after_another if one_after_another else 0.0
    seen, divided = set(), {}
    for stack in plan.stacks:
        layout = (id_of(stack), stack.n_slots)
        start_s = 0.0 if layout in seen else _compile_s(stack.widths) / len(stack.trainings)
        seen.add(layout)
        epoch_s = scale * stack.seconds / sum(t.n_epochs for t in stack.trainings)
        for training in stack.trainings:
            divided[training.key] = Share(start_s, epoch_s * training.n_epochs)
    return divided


def reached(plan: Plan, epochs: Mapping[tuple[int, int, int], int]) -> Plan:
    """Return a plan of what is trained, when some trainings end early or are not wanted.

    Parameters
    ----------
    epochs : mapping
        Epochs of each training by its key; without any it is left out. A stack lasts as long
        as the longest of its trainings.
    """
    stacks = []
    for stack in plan.stacks:
        going = tuple(t for t in stack.trainings if epochs.get(t.key))
        if going:
            share = max(epochs[t.key] for t in going) / max(t.n_epochs for t in stack.trainings)
            stacks.append(replace(stack, trainings=going, seconds=stack.seconds * share))
    return plan_of(stacks)


def slots_for(n_fits: int) -> int:
    """Return a number of slots for these fits: few different ones, an eighth to spare."""
    step = _slot_step(n_fits)
    return -(-n_fits // step) * step


def _round_down(n_slots: int) -> int:
    """Return the largest number of slots that fits are given and that is no larger."""
    return n_slots // _slot_step(n_slots) * _slot_step(n_slots)


def _slot_step(n_slots: int) -> int:
    return 1 << max(0, n_slots.bit_length() - 4)


def make_plan(
    network: Network, trainings: Sequence[Training], rows: Rows, n_cores: int
) -> Plan:
    """Cut trainings into stacks.

    Trainings of the same preparation, optimizer, activation and depth may share a stack: others
    in width or batch size where the waste of filling up costs less than compiling another
    computation. All folds and repeats of a trial stay together unless memory forbids.

    Parameters
    ----------
    rows : Rows
        Of the largest fold.
    n_cores : int
        Stacks trained side by side.
    """
    groups: dict[tuple[object, ...], list[Training]] = {}
    for training in trainings:
        params, preparation = training.params, training.part[-1]
        depth = len(hidden_layers(params))
        kind = (params["optimizer"], params["activation"], depth, preparation)
        groups.setdefault(kind, []).append(training)
    cut: list[tuple[_Segment, list[Training]]] = []
    for group in groups.values():
        classes = _classes(network, group, rows)
        segments = [
            _Segment(kind, place, place + 1, Counter(t.n_epochs for t in own))
            for place, (kind, own) in enumerate(classes)
        ]
        for segment in _merged(segments):
            own = chain.from_iterable(own for _, own in classes[segment.first : segment.end])
            cut.append((segment, sorted(own, key=lambda training: training.key)))
    total = sum(segment.seconds for segment, _ in cut)
    stacks = [
        stack
        for segment, own in cut
        for stack in _cut(segment, own, n_cores, alone=_is_alone(segment, total, n_cores))
    ]
    stacks.sort(key=lambda stack: (-stack.seconds, stack.trainings[0].key))
    return plan_of(stacks)


def plan_of(stacks: Sequence[Stack]) -> Plan:
    """Return the plan that trains these stacks in this order, each layout compiled once."""
    layouts = {(id_of(stack), stack.n_slots) for stack in stacks}
    compile_s = sum(_compile_s(widths) for (*_, widths), _ in layouts)
    return Plan(tuple(stacks), len(layouts), compile_s)


def id_of(stack: Stack) -> tuple[object, object, int, tuple[int, ...]]:
    """Return what decides which computation a stack needs, besides its slots and rows."""
    params = stack.trainings[0].params
    batch_size = max(cast(int, training.params["batch_size"]) for training in stack.trainings)
    return params["optimizer"], params["activation"], batch_size, stack.widths


@dataclass(frozen=True)
class _Kind:
    """What trainings of a segment have in common or at most."""

    network: Network
    rows: Rows
    widths: tuple[int, ...]
    batch_size: int
    smallest_batch: int
    dropout: bool

    @cached_property
    def edges(self) -> list[tuple[int, int]]:
        outputs = n_outputs(self.network.model, self.network.info)
        return list(pairwise((self.network.info.n_inputs, *self.widths, outputs)))

    @cached_property
    def n_weights(self) -> int:
        return sum(inputs * units + units for inputs, units in self.edges)

    @cached_property
    def n_steps(self) -> int:
        return -(-self.rows.train // self.smallest_batch)

    @cached_property
    def fixed_s(self) -> float:
        """Seconds of an epoch, whatever the slots."""
        return EPOCH_S + self.n_steps * len(self.edges) * STEP_LAYER_S

    @cached_property
    def slot_s(self) -> float:
        """Seconds of an epoch for each slot."""
        products = sum(inputs * units for inputs, units in self.edges)
        seen = _BACKWARD * self.n_steps * self.batch_size + self.rows.score + self.rows.watch
        step = len(self.edges) * SLOT_LAYER_S + self.n_weights * WEIGHT_S
        if self.dropout:
            step += self.batch_size * sum(self.widths) * DRAW_S
        return self.n_steps * step + seen * products * PRODUCT_S

    @cached_property
    def slot_bytes(self) -> int:
        """Bytes of arrays each slot needs."""
        outputs = self.edges[-1][1]
        per_unit = _UNIT_NUMBERS + (_DRAWN_NUMBERS if self.dropout else 0)
        numbers = self.n_weights * _WEIGHT_NUMBERS
        numbers += 2 * self.n_steps * self.batch_size  # rows of every step, on both sides
        numbers += self.batch_size * (self.network.info.n_inputs + per_unit * sum(self.widths))
        per_output, besides = _JUDGED_NUMBERS
        numbers += (self.rows.score + self.rows.watch) * (per_output * outputs + besides)
        return numbers * _NUMBER

    @cached_property
    def part_bytes(self) -> int:
        """Bytes of the rows of one part."""
        seen = self.rows.train + self.rows.score + self.rows.watch
        return seen * (self.network.info.n_inputs + 1) * _NUMBER * _COPIES

    def joined(self, other: _Kind) -> _Kind:
        return _Kind(
            self.network,
            self.rows,
            tuple(max(pair) for pair in zip(self.widths, other.widths, strict=True)),
            max(self.batch_size, other.batch_size),
            min(self.smallest_batch, other.smallest_batch),
            self.dropout or other.dropout,
        )


@dataclass(frozen=True, eq=False)
class _Segment:
    """Neighbouring classes of trainings that may share a computation.

    Attributes
    ----------
    first, end : int
        Its classes, as a range.
    lengths : Counter
        How many trainings last how many epochs.
    """

    kind: _Kind
    first: int
    end: int
    lengths: Counter[int]

    @cached_property
    def seconds(self) -> float:
        """Seconds of its epochs on one core, in stacks as large as is worth it."""
        n_stacks = -(-self.lengths.total() // largest_worth(self.kind))
        fit_epochs = sum(epochs * count for epochs, count in self.lengths.items())
        calls = n_stacks * max(self.lengths)
        return calls * self.kind.fixed_s + fit_epochs * self.kind.slot_s

    @cached_property
    def cost(self) -> float:
        return self.seconds + _compile_s(self.kind.widths)

    def joined(self, other: _Segment) -> _Segment:
        kind, lengths = self.kind.joined(other.kind), self.lengths + other.lengths
        return _Segment(kind, self.first, other.end, lengths)


def _compile_s(widths: tuple[int, ...]) -> float:
    return COMPILE_S + COMPILE_LAYER_S * (len(widths) + 1)


def largest_worth(kind: _Kind) -> int:
    """Return how many slots a stack has at most."""
    worth = int(_WORTH * kind.fixed_s / kind.slot_s)
    return max(1, min(worth, _MOST_SLOTS))


def _classes(
    network: Network, trainings: Iterable[Training], rows: Rows
) -> list[tuple[_Kind, list[Training]]]:
    """Group trainings that cost the same, neighbours in batch size and width side by side."""
    alike: dict[tuple[int, bool, tuple[int, ...]], list[Training]] = {}
    for training in trainings:
        params = training.params
        batch = cast(int, params["batch_size"])
        sort_key = (batch, bool(params.get("dropout_rate")), hidden_layers(params))
        alike.setdefault(sort_key, []).append(training)
    return [
        (_Kind(network, rows, widths, batch, batch, dropout), alike[batch, dropout, widths])
        for batch, dropout, widths in sorted(alike)
    ]


def _merged(segments: Iterable[_Segment]) -> list[_Segment]:
    """Join neighbours for as long as that saves time, the largest saving first."""
    starting = {segment.first: segment for segment in segments}
    ending = {segment.end: segment for segment in starting.values()}
    queue: list[tuple[float, int, int, _Segment, _Segment]] = []

    def offer(left: _Segment | None, right: _Segment | None) -> None:
        if left is not None and right is not None:
            saved = left.cost + right.cost - left.joined(right).cost
            if saved > 0:
                heapq.heappush(queue, (-saved, left.first, right.end, left, right))

    for segment in starting.values():
        offer(segment, starting.get(segment.end))
    while queue:
        *_, left, right = heapq.heappop(queue)
        if starting.get(left.first) is not left or starting.get(right.first) is not right:
            continue  # one of the two has been joined since
        joined = left.joined(right)
        del starting[right.first], ending[left.end]
        starting[joined.first] = ending[joined.end] = joined
        offer(ending.get(joined.first), joined)
        offer(joined, starting.get(joined.end))
    return list(starting.values())


def _is_alone(segment: _Segment, total: float, n_cores: int) -> bool:
    """Tell whether a segment is so much of the work that other cores would wait for it."""
    return segment.seconds * n_cores > total


def _cut(
    segment: _Segment, trainings: Sequence[Training], n_cores: int, *, alone: bool
) -> list[Stack]:
    """Cut a segment into stacks of one size, so that they share one computation."""
    kind, families = segment.kind, families_of(trainings)
    worth = max(largest_worth(kind), *map(len, families))  # a trial stays together
    size = min(worth, _within_memory(kind, len(families[0])))
    n_stacks = -(-len(trainings) // size)
    if alone:
        halves = round(len(trainings) * kind.slot_s / (_HALF_WORTH * kind.fixed_s))
        n_stacks = max(n_stacks, min(n_cores, halves, len(families)))
    pieces = _pieces(families, -(-len(trainings) // n_stacks), size)
    n_slots = slots_for(max(len(piece) for piece in pieces))
    return [
        Stack(piece, kind.widths, n_slots, _seconds(kind, piece, n_slots), kind.slot_s)
        for piece in pieces
    ]


def repacked(stack: Stack, going: Sequence[Training], epoch: int) -> Stack | None:
    """Return a smaller stack for what is still going after `epoch` epochs.

    Returns
    -------
    Stack or None
        None if compiling it would take longer than it saves, should all run to their end.
    """
    n_slots = slots_for(len(going))
    epochs_left = max(training.n_epochs for training in going) - epoch
    saved = (stack.n_slots - n_slots) * stack.slot_s * epochs_left
    if saved <= _compile_s(stack.widths):
        return None
    return replace(stack, trainings=tuple(going), n_slots=n_slots)


def families_of(trainings: Sequence[Training]) -> list[list[Training]]:
    """Group the folds and repeats of each trial."""
    families: dict[int, list[Training]] = {}
    for training in trainings:
        families.setdefault(training.readouts[0].number, []).append(training)
    return list(families.values())


def stack_bytes(network: Network, stack: Stack, rows: Rows) -> int:
    """Return how many bytes of arrays a stack will probably need."""
    sizes = [cast(int, training.params["batch_size"]) for training in stack.trainings]
    dropout = any(training.params.get("dropout_rate") for training in stack.trainings)
    kind = _Kind(network, rows, stack.widths, max(sizes), min(sizes), dropout)
    n_parts = len({training.part for training in stack.trainings})
    return stack.n_slots * kind.slot_bytes + n_parts * kind.part_bytes


def _within_memory(kind: _Kind, n_parts: int) -> int:
    """Return how many slots memory allows; each trial needs the rows of `n_parts` folds."""
    free = STACK_BYTES - n_parts * kind.part_bytes
    if free >= n_parts * kind.slot_bytes:
        return _round_down(free // kind.slot_bytes)
    return _round_down(max(1, STACK_BYTES // (kind.slot_bytes + kind.part_bytes)))


def _pieces(
    families: Sequence[Sequence[Training]], even: int, most: int
) -> list[tuple[Training, ...]]:
    """Fill pieces up to `even` fits with whole families; only one beyond `most` is split."""
    pieces: list[list[Training]] = [[]]
    for family in families:
        for start in range(0, len(family), max(most, 1)):
            part = family[start : start + most]
            if pieces[-1] and len(pieces[-1]) + len(part) > max(even, len(part)):
                pieces.append([])
            pieces[-1] += part
    return [tuple(piece) for piece in pieces]


def _seconds(kind: _Kind, piece: Sequence[Training], n_slots: int) -> float:
    longest = max(training.n_epochs for training in piece)
    return longest * (kind.fixed_s + n_slots * kind.slot_s)

"""Pieces of the script that cut rows, prepare them, build the network, train and score.

Each function returns source text for one study and trial; what a study does not use is not in
its script.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tuning.datasets.info import DatasetInfo
from tuning.export.script_text import quoted
from tuning.models.size import hidden_layers, n_outputs
from tuning.parameters import Value
from tuning.spec import EarlyStoppingSpec, StudySpec

_OPTIMIZERS = {
    "sgd": "SGD", "rmsprop": "RMSprop", "adagrad": "Adagrad", "adadelta": "Adadelta",
    "adam": "Adam", "adamax": "Adamax", "nadam": "Nadam",
}  # fmt: skip
_INITIALIZERS = {
    "glorot_uniform": "GlorotUniform", "glorot_normal": "GlorotNormal",
    "he_uniform": "HeUniform", "he_normal": "HeNormal", "lecun_uniform": "LecunUniform",
    "lecun_normal": "LecunNormal", "random_uniform": "RandomUniform",
    "random_normal": "RandomNormal",
}  # fmt: skip
_LOSSES = {
    "number": ("mean_squared_error", "mean_absolute_error"),
    "sigmoid": ("binary_crossentropy", "binary_accuracy"),
    "softmax": ("sparse_categorical_crossentropy", "sparse_categorical_accuracy"),
}
_SCORERS = {
    "mse": "mean_squared_error(y_true, outputs[:, 0])",
    "rmse": "root_mean_squared_error(y_true, outputs[:, 0])",
    "mae": "mean_absolute_error(y_true, outputs[:, 0])",
    "r2": "r2_score(y_true, outputs[:, 0])",
}
_OF_TWO = {
    "accuracy": "accuracy_score(y_true, probability > 0.5)",
    "f1": "f1_score(y_true, probability > 0.5, zero_division=0)",
    "roc_auc": "roc_auc_score(y_true, probability)",
    "log_loss": "log_loss(y_true, probability.clip(1e-7, 1 - 1e-7), labels=[0, 1])",
}
_OF_MANY = {
    "accuracy": "accuracy_score(y_true, outputs.argmax(axis=1))",
    "f1": 'f1_score(y_true, outputs.argmax(axis=1), average="macro", zero_division=0)',
    "roc_auc": (
        'roc_auc_score(y_true, shares, multi_class="ovr", labels=np.arange(outputs.shape[1]))'
    ),
    "log_loss": "-np.log(shares[np.arange(len(y_true)), y_true].clip(1e-7, 1 - 1e-7)).mean()",
}


def head_of(spec: StudySpec, info: DatasetInfo) -> str:
    """Name what the last layer says: a number, one probability, or one for each class."""
    if info.task == "regression":
        return "number"
    return "sigmoid" if n_outputs(spec.model, info) == 1 else "softmax"


SEEDS = '''\
def part_seed(seed, part):
    """Return the seed of one part of a fit, such as the starting weights of a layer."""
    digest = hashlib.sha256(f"{seed}/{part}".encode()).digest()
    return int.from_bytes(digest[:4], "big") >> 1
'''

_BATCHES = '''\
def batches(x, y, seed{weights}):
    """Yield batches epoch after epoch, in the order in which the study visited the rows."""
    for epoch in itertools.count():
        order = epoch_order(seed, epoch, len(y))
        for first in range(0, len(y), BATCH_SIZE):
            rows = order[first : first + BATCH_SIZE]
            yield x[rows], y[rows, None]{weighed}


def epoch_order(seed, epoch, n_rows):
    """Return the order of rows in an epoch: sorted by the first outputs of SplitMix64."""
    steps = np.arange(1, n_rows + 1, dtype="uint64") * np.uint64(0x9E3779B97F4A7C15)
    keys = mix(mix(np.array([seed << 32 | epoch], dtype="uint64")) + steps)
    n_bits = np.uint64(n_rows.bit_length())
    return np.argsort(keys >> n_bits, kind="stable")


def mix(words):
    words = (words ^ words >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ words >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
    return words ^ words >> np.uint64(31)
'''


def batches_piece(*, weighted: bool) -> str:
    """Return `batches` and what puts rows in order.

    Parameters
    ----------
    weighted : bool
        Whether rows of rare classes count more.
    """
    weights, weighed = (", weights", ", weights[rows]") if weighted else ("", "")
    return _BATCHES.replace("{weights}", weights).replace("{weighed}", weighed)


def is_weighted(params: Mapping[str, Value], info: DatasetInfo) -> bool:
    """Tell whether rows of rare classes count more in the loss."""
    return params.get("class_weight") is not None and info.task != "regression"


def model_piece(spec: StudySpec, params: Mapping[str, Value], info: DatasetInfo) -> str:
    """Return `make_model`, with every layer of the network spelled out."""
    head = head_of(spec, info)
    layers = [f"keras.Input({info.image_shape or (info.n_inputs,)}),"]
    if spec.model == "convolutional":
        layers += _convolutions(params)
    if info.image_shape is not None:
        layers.append("keras.layers.Flatten(),")
    limit = params.get("max_norm")
    for index, units in enumerate(hidden_layers(params)):
        part = f"dense{index}"
        norm = f"keras.constraints.MaxNorm({limit!r})"
        more = f"    kernel_constraint={norm},\n" if limit else ""
        layers.append(_dense(units, str(params["activation"]), params, part, more))
        layers += _dropout(params["dropout_rate"], part)
    activation = {"number": "linear"}.get(head, head)
    layers.append(_dense(n_outputs(spec.model, info), activation, params, "head"))
    loss, metric = _LOSSES[head]
    listed = "\n".join(f"            {line}" for layer in layers for line in layer.split("\n"))
    named = any("initializers." in layer for layer in layers)
    start = "    initializers = keras.initializers\n" if named else ""
    return f'''\
def make_model(seed, n_steps):
    """Build the network; every draw in it has a seed of its own, as in the study."""
{start}    model = keras.Sequential(
        [
{listed}
        ]
    )
    model.compile(
        optimizer={_optimizer(params)},
        loss="{loss}",
        metrics=["{metric}"],
        steps_per_execution=n_steps,
        jit_compile=False,
    )
    return model
'''


def _convolutions(params: Mapping[str, Value]) -> list[str]:
    kernel, activation = params["kernel_size"], params["activation"]
    filters: Any = params["filters"]
    layers = [
        f"keras.layers.Conv2D(\n    {n},\n    {kernel},\n"
        + f"    activation={quoted(str(activation))},\n"
        + f"    kernel_initializer={_initializer(params, f'conv{index}')},\n),"
        for index, n in enumerate(filters)
    ]
    layers.append(f"keras.layers.MaxPooling2D({params['pool_size']}),")
    return layers + _dropout(params["conv_dropout_rate"], "conv")


def _dense(
    units: int, activation: str, params: Mapping[str, Value], part: str, more: str = ""
) -> str:
    start = f"    {units},\n    activation={quoted(activation)},\n"
    weights = f"    kernel_initializer={_initializer(params, part)},\n{more}"
    return f"keras.layers.Dense(\n{start}{weights}),"


def _dropout(rate: Value, part: str) -> list[str]:
    if not rate:
        return []
    return [f'keras.layers.Dropout({rate!r}, seed=part_seed(seed, "dropout-{part}")),']


def _initializer(params: Mapping[str, Value], part: str) -> str:
    name = str(params["kernel_initializer"])
    if name == "zeros":
        return '"zeros"'
    return f'initializers.{_INITIALIZERS[name]}(seed=part_seed(seed, "{part}"))'


def _optimizer(params: Mapping[str, Value]) -> str:
    name = str(params["optimizer"])
    settings = {}
    if params.get("learning_rate") is not None:
        settings["learning_rate"] = params["learning_rate"]
    if name in ("sgd", "rmsprop"):
        settings["momentum"] = params.get("momentum", 0.0)
    listed = ", ".join(f"{key}={value!r}" for key, value in settings.items())
    return f"keras.optimizers.{_OPTIMIZERS[name]}({listed})"


def fitting_piece(
    spec: StudySpec,
    params: Mapping[str, Value],
    info: DatasetInfo,
    *,
    prepared: bool,
    is_frame: bool,
) -> str:
    """Return `train_fold`.

    Parameters
    ----------
    prepared : bool
        Whether rows go through `make_preparation`.
    is_frame : bool
        Whether they are in a DataFrame.
    """
    stopping = spec.evaluation.early_stopping
    inner = stopping is not None and stopping.rows == "inner"
    rows = "x.iloc[{}]" if is_frame else "x[{}]"
    lines = ["seed = FIT_SEEDS[repeat][fold]"]
    if inner and stopping is not None:
        lines.append('inner_seed = part_seed(SEED, f"inner-{repeat}-{fold}")')
        lines.append(f"train, watch = set_aside(y, train, {stopping.fraction!r}, inner_seed)")
    if prepared:
        lines.append(f"preparation = make_preparation().fit({rows.format('train')})")
    lines.append(f"x_train = {_take(rows, 'train', prepared=prepared)}")
    weights = ""
    if is_weighted(params, info):
        lines.append('weights = compute_sample_weight("balanced", y[train])')
        weights = ", weights"
    lines += [
        "n_steps = math.ceil(len(train) / BATCH_SIZE)",
        "keras.utils.set_random_seed(seed)",
        "model = make_model(seed, n_steps)",
    ]
    more = _fit_options(lines, stopping, _take(rows, "watch", prepared=prepared))
    listed = "\n".join(f"        {option}" for option in [*more, "verbose=0,"])
    body = "\n".join(f"    {line}" for text in lines for line in text.split("\n"))
    arguments = "x, y, train, held_out, repeat, fold"
    if stopping is not None and not inner:
        arguments = "x, y, train, watch, held_out, repeat, fold"
    return f'''\
def train_fold({arguments}):
    """Train on one fold, and return what the network says of the rows held out."""
{body}
    model.fit(
        batches(x_train, y[train], seed{weights}),
        steps_per_epoch=n_steps,
        epochs=EPOCHS,
        shuffle=False,  # `batches` does it
{listed}
    )
    x_held_out = {_take(rows, "held_out", prepared=prepared)}
    return model.predict(x_held_out, batch_size=1024, verbose=0)
'''


def _take(rows: str, name: str, *, prepared: bool) -> str:
    chosen = rows.format(name)
    return f'preparation.transform({chosen}).astype("float32")' if prepared else chosen


def _fit_options(
    lines: list[str], stopping: EarlyStoppingSpec | None, watched: str
) -> list[str]:
    if stopping is None:
        return []
    lines.append(f"x_watch = {watched}")
    return [
        "validation_data=(x_watch, y[watch, None]),",
        "validation_batch_size=4096,",
        "callbacks=[make_early_stopping()],",
    ]


def stopping_piece(spec: StudySpec, info: DatasetInfo) -> str:
    """Return `make_early_stopping`; empty where every fit has all its epochs."""
    asked = spec.evaluation.early_stopping
    if asked is None:
        return ""
    _, metric = _LOSSES[head_of(spec, info)]
    watched, mode = "val_loss", "min"
    if asked.monitor == "metric":
        watched, mode = f"val_{metric}", "min" if info.task == "regression" else "max"
    return f'''\
def make_early_stopping():
    return keras.callbacks.EarlyStopping(
        monitor="{watched}",
        mode="{mode}",
        patience={asked.patience},
        min_delta={asked.min_delta!r},
        restore_best_weights={asked.restore_best_weights},
    )
'''


def score_piece(spec: StudySpec, info: DatasetInfo) -> str:
    """Return `score`, in scikit-learn's words."""
    name, head = spec.evaluation.score, head_of(spec, info)
    if head == "number":
        body = f"    return float({_SCORERS[name]})"
    elif head == "sigmoid" or n_outputs(spec.model, info) == 2:
        taken = "outputs[:, 0]" if head == "sigmoid" else "outputs[:, 1] / outputs.sum(axis=1)"
        body = f'    probability = {taken}.astype("float64")\n'
        if head == "softmax":
            body = f'    outputs = outputs.astype("float64")\n    probability = {taken}\n'
        body += f"    return float({_OF_TWO[name]})"
    else:
        shares = '    outputs = outputs.astype("float64")\n' + (
            "    shares = outputs / outputs.sum(axis=1, keepdims=True)\n"
        )
        needs_shares = "shares" in _OF_MANY[name]
        body = f"{shares if needs_shares else ''}    return float({_OF_MANY[name]})"
    return f'''\
def score(y_true, outputs):
    """Return the {name.replace("_", " ")} on rows the network has not seen."""
{body}
'''

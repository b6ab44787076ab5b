"""A study as TensorBoard reads it: a run a trial, with its settings, score and curves.

Only TensorBoard's own messages and record writer are used; none of them needs TensorFlow.
"""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from tensorboard.compat.proto import event_pb2, summary_pb2
from tensorboard.plugins.hparams import (
    api_pb2,
    metadata,
    plugin_data_pb2,
)
from tensorboard.summary.writer.record_writer import (
    RecordWriter,
)

from storage.database import Database
from storage.results import TrialRow, read_pieces, read_trials
from storage.studies import StudyRow, get_study
from tuning.analysis.curves import Array, CurveBook
from tuning.analysis.tables import settings_of
from tuning.export.trial_curves import score_tag, trial_curves
from tuning.parameters import PARAMETERS, Value, show_value
from tuning.setting import grid_values
from tuning.spec import StudySpec

_AT_ONCE = 50  # trials whose curves are held at a time
_FILE_NAME = "events.out.tfevents.{seconds:010d}.tuneboard"
_STATUS = {"COMPLETE": "STATUS_SUCCESS", "RUNNING": "STATUS_RUNNING"}

Summary = Any  # of TensorBoard, which has no types
Log = tuple[str, bytes]


def tensorboard_zip(db: Database, study_id: str) -> bytes:
    """Write a study as a zip archive of logs: unpack it, then ``tensorboard --logdir`` it."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, log in event_logs(db, study_id):
            archive.writestr(f"{study_id}/{name}", log)
    return content.getvalue()


def event_logs(db: Database, study_id: str) -> Iterator[Log]:
    """Yield the path and the content of each log: of the experiment, then of each trial.

    Curves are means over the fits of a trial, by epoch from 1. The HParams tab has the searched
    settings and the score; a setting that is a number in one trial and none in another is text
    throughout.
    """
    row = get_study(db, study_id)
    spec = StudySpec.parse(row.spec)
    trials = read_trials(db, study_id)
    as_text = _text_settings(spec, trials)
    tag = score_tag(spec)
    yield _log("", row.created_at, [(0, _experiment(row, spec, trials, as_text))])
    for start in range(0, len(trials), _AT_ONCE):
        part = trials[start : start + _AT_ONCE]
        book = CurveBook()
        book.add(read_pieces(db, study_id, numbers=[trial.number for trial in part])[0])
        for trial in part:
            curves = trial_curves(spec, book, trial.number)
            events = [(0, _start(row, trial, as_text)), *_curve_events(curves)]
            if trial.score is not None:
                n_epochs = max((len(curve) for curve in curves.values()), default=0)
                events.append((n_epochs, _scalar(tag, trial.score)))
            events.append((0, _end(trial)))
            finished_at = trial.finished_at or row.created_at
            yield _log(f"trial {trial.number}/", finished_at, events)


def _text_settings(spec: StudySpec, trials: Iterable[TrialRow]) -> frozenset[str]:
    """Return the searched settings that are not numbers in every trial."""
    names = {name for name in spec.searched if PARAMETERS[name].kind not in ("int", "float")}
    for trial in trials:
        names |= {name for name, value in trial.params.items() if value is None}
    return frozenset(names)


def _experiment(
    row: StudyRow, spec: StudySpec, trials: Sequence[TrialRow], as_text: frozenset[str]
) -> Summary:
    experiment = api_pb2.Experiment(
        description=f"{row.name} ({row.id})", time_created_secs=row.created_at
    )
    for name in spec.searched:
        is_text = name in as_text
        kind = api_pb2.DATA_TYPE_STRING if is_text else api_pb2.DATA_TYPE_FLOAT64
        info = experiment.hparam_infos.add(
            name=name, display_name=PARAMETERS[name].label, type=kind
        )
        values = grid_values(name, spec.searched[name])
        listed = [] if values is None else [_value(value, is_text=is_text) for value in values]
        tried = {_value(settings_of(trial)[name], is_text=is_text) for trial in trials}
        if listed and tried <= set(listed):
            info.domain_discrete.extend(listed)
    experiment.metric_infos.add(
        name=api_pb2.MetricName(tag=score_tag(spec)), display_name=spec.evaluation.score
    )
    data = plugin_data_pb2.HParamsPluginData(experiment=experiment)
    return _plugin(metadata.EXPERIMENT_TAG, data)


def _value(value: Value, *, is_text: bool) -> str | float:
    return show_value(value) if is_text else float(value)  # type: ignore[arg-type]


def _start(row: StudyRow, trial: TrialRow, as_text: frozenset[str]) -> Summary:
    info = plugin_data_pb2.SessionStartInfo(group_name=f"trial {trial.number}")
    info.start_time_secs = (trial.finished_at or row.created_at) - (trial.duration_s or 0.0)
    for name, value in settings_of(trial).items():
        if name in as_text:
            info.hparams[name].string_value = show_value(value)
        else:
            info.hparams[name].number_value = _value(value, is_text=False)
    data = plugin_data_pb2.HParamsPluginData(session_start_info=info)
    return _plugin(metadata.SESSION_START_INFO_TAG, data)


def _end(trial: TrialRow) -> Summary:
    status = getattr(api_pb2, _STATUS.get(trial.state, "STATUS_FAILURE"))
    info = plugin_data_pb2.SessionEndInfo(status=status)
    info.end_time_secs = trial.finished_at or 0.0
    data = plugin_data_pb2.HParamsPluginData(session_end_info=info)
    return _plugin(metadata.SESSION_END_INFO_TAG, data)


def _plugin(tag: str, data: Any) -> Summary:  # noqa: ANN401 (a message of TensorBoard)
    value = summary_pb2.Summary.Value(
        tag=tag,
        metadata=metadata.create_summary_metadata(data),
        tensor=metadata.NULL_TENSOR,
    )
    return summary_pb2.Summary(value=[value])


def _curve_events(curves: Mapping[str, Array]) -> Iterator[tuple[int, Summary]]:
    for tag, curve in curves.items():
        for epoch, value in enumerate(curve.tolist()):
            if math.isfinite(value):
                yield epoch + 1, _scalar(tag, value)


def _scalar(tag: str, value: float) -> Summary:
    return summary_pb2.Summary(value=[summary_pb2.Summary.Value(tag=tag, simple_value=value)])


def _log(folder: str, wall_time: float, events: Iterable[tuple[int, Summary]]) -> Log:
    """Write events into one file as TensorFlow does; all bear the time of the trial's end."""
    content = io.BytesIO()
    writer = RecordWriter(content)
    head = event_pb2.Event(wall_time=wall_time, file_version="brain.Event:2")
    writer.write(head.SerializeToString())
    for step, summary in events:
        event = event_pb2.Event(wall_time=wall_time, step=step, summary=summary)
        writer.write(event.SerializeToString())
    return folder + _FILE_NAME.format(seconds=int(wall_time)), content.getvalue()

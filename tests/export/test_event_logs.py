"""TensorBoard's own reader finds every trial with its settings, its score and its curves."""

from __future__ import annotations

import io
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from tensorboard.backend.event_processing import data_provider, plugin_event_multiplexer
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.context import RequestContext
from tensorboard.plugins import base_plugin
from tensorboard.plugins.hparams import api_pb2, backend_context, list_session_groups, metadata

from storage.database import Database
from tests.export.small_study import write_study
from tuning.export.event_logs import event_logs, tensorboard_zip

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def logs(db: Database, tmp_path: Path) -> Path:
    """Unpack the archive of the small study, and return the folder of its logs."""
    study_id = write_study(db)
    with zipfile.ZipFile(io.BytesIO(tensorboard_zip(db, study_id))) as archive:
        archive.extractall(tmp_path / "logs")
    return tmp_path / "logs" / study_id


def accumulated(folder: Path) -> EventAccumulator:
    events = EventAccumulator(str(folder))
    events.Reload()
    return events


def test_curves_are_means_over_fits_by_epoch_from_1(logs: Path) -> None:
    events = accumulated(logs / "trial 0")

    curve = events.Scalars("loss/validation")
    assert [event.step for event in curve] == [1, 2, 3]
    # Half of the fits lie 0.1 above the curve that was written.
    assert [event.value for event in curve] == pytest.approx([1.05, 0.85, 0.65])
    training = events.Scalars("accuracy/training")
    assert [event.value for event in training] == pytest.approx([0.55, 0.65, 0.85])
    assert [event.value for event in events.Scalars("score/log_loss")] == pytest.approx([0.4])


def test_each_trial_says_its_settings_and_how_it_ended(logs: Path) -> None:
    def told(number: int) -> tuple[Any, Any]:
        plugin = accumulated(logs / f"trial {number}").PluginTagToContent("hparams")
        start = plugin[metadata.SESSION_START_INFO_TAG]
        end = plugin[metadata.SESSION_END_INFO_TAG]
        return (
            metadata.parse_session_start_info_plugin_data(start),
            metadata.parse_session_end_info_plugin_data(end),
        )

    start, end = told(1)
    assert start.hparams["n_neurons"].number_value == 8
    assert start.hparams["learning_rate"].string_value == "0.1"  # off in another trial
    assert start.start_time_secs == 1_700_000_001.0 - 8.0
    assert end.status == api_pb2.STATUS_SUCCESS
    assert told(0)[0].hparams["learning_rate"].string_value == "off"
    assert told(2)[1].status == api_pb2.STATUS_FAILURE


def test_the_hparams_tab_lists_every_trial_with_its_score(logs: Path) -> None:
    multiplexer = plugin_event_multiplexer.EventMultiplexer()
    multiplexer.AddRunsFromDirectory(str(logs))
    multiplexer.Reload()
    provider = data_provider.MultiplexerDataProvider(multiplexer, str(logs))
    context = backend_context.Context(base_plugin.TBContext(data_provider=provider))
    request_context = RequestContext()
    experiment = context.experiment_from_metadata(
        request_context,
        "",
        include_metrics=True,
        hparams_run_to_tag_to_content=context.hparams_metadata(request_context, ""),
        data_provider_hparams=[],
    )
    asked = api_pb2.ListSessionGroupsRequest(
        start_index=0,
        slice_size=100,
        allowed_statuses=[
            api_pb2.STATUS_UNKNOWN, api_pb2.STATUS_SUCCESS,
            api_pb2.STATUS_FAILURE, api_pb2.STATUS_RUNNING,
        ],
    )  # fmt: skip
    handler = list_session_groups.Handler(request_context, context, "", asked)

    groups = handler.run().session_groups

    assert [info.name for info in experiment.hparam_infos] == ["learning_rate", "n_neurons"]
    assert [info.display_name for info in experiment.hparam_infos] == [
        "Learning rate", "Neurons",
    ]  # fmt: skip
    assert {group.name for group in groups} == {f"trial {number}" for number in range(4)}
    scores = {
        group.name: value.value
        for group in groups
        for value in group.metric_values
        if value.name.tag == "score/log_loss"
    }
    assert scores == pytest.approx({"trial 0": 0.4, "trial 1": 0.4})


def test_the_first_log_describes_the_experiment(db: Database) -> None:
    study_id = write_study(db)

    paths = [path for path, _ in event_logs(db, study_id)]

    assert [path.partition("/")[0] for path in paths[1:]] == [f"trial {n}" for n in range(4)]
    assert all("events.out.tfevents." in path for path in paths)


@pytest.mark.slow
def test_writing_logs_does_not_import_tensorflow() -> None:
    code = (
        "import sys, tuning.export.event_logs, tuning.export.formats; "
        + "print(*{'tensorflow', 'keras'} & set(sys.modules))"
    )

    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert result.stdout.strip() == ""

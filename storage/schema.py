"""The tables. Every time is seconds since 1970 (UTC); every ``version`` is the study's counter.

A study's ``version`` grows with each batch written to it, and each row carries the version it
was last written in, so that a page asks only for what is newer than what it has.
Finished trials also live in Optuna's own tables, in the same database, under the study's id.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
)

metadata = MetaData()

_big = BigInteger().with_variant(Integer, "sqlite")  # SQLite counts only INTEGER keys up itself


def _study_key() -> Column[str]:
    return Column(
        "study_id", String(80), ForeignKey("study.id", ondelete="CASCADE"), nullable=False
    )


study = Table(
    "study",
    metadata,
    Column("id", String(80), primary_key=True),
    Column("token", String(64), nullable=False, unique=True),  # one click, one study
    Column("name", String(120), nullable=False),
    Column("spec", Text, nullable=False),
    Column("dataset", String(80), nullable=False),
    Column("sampler", String(20), nullable=False),
    Column("score_name", String(20), nullable=False),
    Column("direction", String(10), nullable=False),
    Column("state", String(20), nullable=False),
    Column("phase", String(160), nullable=False, default=""),
    Column("message", Text, nullable=False, default=""),
    Column("wish", String(10), nullable=False, default=""),  # "stop" or "pause", of a person
    Column("priority", Integer, nullable=False, server_default="0"),  # higher goes first
    Column("planned_cores", Integer),  # stacks are cut for so many, wherever it goes on
    Column("stages", Text, nullable=False, server_default="[]"),  # settings before extensions
    Column("asked", Text, nullable=False, server_default="{}"),  # by people, JSON
    Column("confirm", Text, nullable=False, server_default="{}"),  # what confirming found, JSON
    Column("verdict", Text, nullable=False, server_default="{}"),  # when it ended, JSON
    Column("test_opened_at", Float),  # once, by a person; nobody knows its scores before
    Column("test", Text, nullable=False, server_default="{}"),  # its scores, JSON
    Column("version", Integer, nullable=False, default=0),
    Column("n_trials_planned", Integer, nullable=False, default=0),
    Column("n_trials_done", Integer, nullable=False, default=0),
    Column("n_trials_failed", Integer, nullable=False, default=0),
    Column("n_fits_planned", Integer, nullable=False, default=0),
    Column("n_fits_done", Integer, nullable=False, default=0),
    Column("seconds_left", Float),
    Column("best_number", Integer),
    Column("best_score", Float),
    Column("best_half_width", Float),  # of its 95 % interval
    Column("created_at", Float, nullable=False),
    Column("started_at", Float),
    Column("finished_at", Float),
    Column("rests_since", Float),  # since it ended or was paused, until it goes on
    Column("rested_s", Float, nullable=False, server_default="0"),  # before it went on
    Column("updated_at", Float, nullable=False),
    Column("lease_owner", String(80), nullable=False, default=""),
    Column("lease_until", Float, nullable=False, default=0.0),
    Column("fence", Integer, nullable=False, default=0),
    Index("study_by_state", "state", "created_at"),
    Index("study_by_time", "created_at"),
)

trial = Table(
    "trial",
    metadata,
    _study_key(),
    Column("number", Integer, nullable=False),
    Column("state", String(10), nullable=False),  # names of optuna.trial.TrialState
    Column("params", Text, nullable=False),
    Column("score", Float),
    Column("spread", Float),  # standard deviation over the fits
    Column("n_epochs", Float),  # mean over the fits
    Column("duration_s", Float),
    Column("n_weights", Integer),
    Column("message", Text, nullable=False, default=""),
    Column("finished_at", Float),
    Column("version", Integer, nullable=False),
    UniqueConstraint("study_id", "number"),
    Index("trial_by_version", "study_id", "version"),
    Index("trial_by_score", "study_id", "state", "score"),
)

fit = Table(
    "fit",
    metadata,
    _study_key(),
    Column("number", Integer, nullable=False),
    Column("repeat", Integer, nullable=False),
    Column("fold", Integer, nullable=False),
    Column("state", String(10), nullable=False),
    Column("score", Float),
    Column(
        "metrics", Text, nullable=False, default="{}"
    ),  # every score by name, on the same rows
    Column("n_epochs", Integer, nullable=False, default=0),
    Column("best_epoch", Integer),
    Column("duration_s", Float),
    Column("trainer", String(10), nullable=False, default=""),
    Column("message", Text, nullable=False, default=""),
    Column("version", Integer, nullable=False),
    UniqueConstraint("study_id", "number", "repeat", "fold"),
    Index("fit_by_version", "study_id", "version"),
)

curve = Table(
    "curve",
    metadata,
    Column("id", _big, primary_key=True, autoincrement=True),
    _study_key(),
    Column("number", Integer, nullable=False),
    Column("repeat", Integer, nullable=False),
    Column("fold", Integer, nullable=False),
    Column("first_epoch", Integer, nullable=False),
    Column("values", LargeBinary, nullable=False),  # float32, (n_epochs, len(CURVE_COLUMNS))
    Index("curve_by_fit", "study_id", "number", "repeat", "fold", "first_epoch", unique=True),
    Index("curve_by_study", "study_id", "id"),
    sqlite_autoincrement=True,  # an id that was deleted never comes back: readers go by it
)

event = Table(
    "event",
    metadata,
    Column("id", _big, primary_key=True, autoincrement=True),
    _study_key(),
    Column("at", Float, nullable=False),
    Column("kind", String(20), nullable=False),
    Column("text", Text, nullable=False),
    Index("event_by_study", "study_id", "id"),
    sqlite_autoincrement=True,
)

note = Table(
    "note",
    metadata,
    _study_key(),
    Column("number", Integer, nullable=False),  # of the trial; -1 for the study itself
    Column("is_starred", Boolean, nullable=False, server_default=false()),
    Column("tags", Text, nullable=False, server_default=""),  # a space around each
    Column("text", Text, nullable=False, server_default=""),  # Markdown
    Column("updated_at", Float, nullable=False),
    UniqueConstraint("study_id", "number"),
    Index("note_by_tags", "tags"),
)

dataset = Table(
    "dataset",
    metadata,
    Column("id", String(80), primary_key=True),
    Column("name", String(120), nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("file_name", String(255), nullable=False),
    Column("target", String(255), nullable=False),
    Column("task", String(20), nullable=False),
    Column("profile", Text, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("version", Integer, nullable=False, server_default="1"),  # of those with one name
    Column("options", Text, nullable=False, server_default=""),  # how the file is read, JSON
    Column("choices", Text, nullable=False, server_default=""),  # what a person chose, JSON
    Index("dataset_by_version", "name", "version", unique=True),
)

draft = Table(
    "draft",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("content", Text, nullable=False),
    Column("updated_at", Float, nullable=False),
)

process = Table(
    "process",
    metadata,
    Column("id", String(80), primary_key=True),
    Column("kind", String(10), nullable=False),  # "app" or "worker"
    Column("host", String(255), nullable=False),
    Column("pid", Integer, nullable=False),
    Column("state", String(20), nullable=False),
    Column("study_id", String(80)),
    Column("cores", Integer, nullable=False),
    Column("free_memory", Float, nullable=False),  # bytes
    Column("started_at", Float, nullable=False),
    Column("heartbeat_at", Float, nullable=False),
)

timing = Table(
    "timing",
    metadata,
    Column("id", _big, primary_key=True, autoincrement=True),
    Column("model", String(20), nullable=False),
    Column("trainer", String(10), nullable=False),
    Column("n_steps", Integer, nullable=False),  # gradient steps over all epochs
    Column("n_epochs", Integer, nullable=False),
    Column("work", Float, nullable=False),  # multiply-adds over all epochs
    Column("seconds", Float, nullable=False),
    Column("created_at", Float, nullable=False),
)

past_estimate = Table(
    "past_estimate",
    metadata,
    Column("id", _big, primary_key=True, autoincrement=True),
    Column("low_s", Float, nullable=False),  # foretold, as are the next two
    Column("likely_s", Float, nullable=False),
    Column("high_s", Float, nullable=False),
    Column("seconds", Float, nullable=False),  # measured
    Column("created_at", Float, nullable=False),
)

stack_timing = Table(
    "stack_timing",
    metadata,
    Column("id", _big, primary_key=True, autoincrement=True),
    Column("epochs_s", Float, nullable=False),  # foretold by the plan, as is the next
    Column("compile_s", Float, nullable=False),
    Column("seconds", Float, nullable=False),  # measured
    Column("created_at", Float, nullable=False),
)

"""From a dropped file to a dataset: look at it, say what to predict and from what, keep it."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from pages.parts import links, problems, uploads
from pages.parts.data import chosen
from pages.parts.data.chosen import Chosen
from pages.parts.data.columns import edit_columns, typed
from pages.parts.data.one_column import one_column
from pages.parts.data.pictures import pictures
from pages.parts.data.read_as import read_as
from pages.parts.data.shares import class_shares
from pages.parts.data.warned import draw_taken, draw_warnings
from pages.parts.show import TASKS, escape, plural
from pages.parts.state import db, recall, remember
from pages.parts.words import HELP
from storage.datasets import DatasetRow, list_datasets
from storage.errors import StorageError
from tuning.datasets.info import Task
from tuning.datasets.uploads.checks import check_target
from tuning.datasets.uploads.guessing import sensible_tasks
from tuning.datasets.uploads.keeping import LONGEST_NAME, save_upload
from tuning.datasets.uploads.learning import Learned
from tuning.datasets.uploads.loading import upload_choices
from tuning.datasets.uploads.receiving import Received
from tuning.errors import TuningError, UploadError

_PREVIEW_ROWS = 5
_NAME, _NAMED = "ds_name", "ds_named"
_LOG_HELP = (
    "The natural logarithm of the target is predicted. Errors then count as shares of the "
    + "value, and the largest values no longer decide the score."
)


def new_upload(file: Received) -> None:
    """Draw what was read from a dropped file, and the way to use it."""
    before = uploads.dataset_before()
    with st.container(border=True):
        _draw_file(file)
        with st.spinner("Looking at the columns…", show_time=True):
            wanted = None if before is None else upload_choices(before)
            key = (file.stored.sha256, file.options.to_json())
            known = chosen.settle(key, file.table, wanted)
        _name_it(file, before)
        known = _choose_target(file, known)
        known = chosen.with_typed(typed(_editor(known), len(known.shown.columns)))
        _draw_whole_table(file, known)
        learned = _draw_columns(file, chosen.with_orders(file.table))
        _draw_name(file)
        _draw_ends(file, learned)


def _draw_file(file: Received) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(escape(file.name), anchor=False, width="content")
        size = (plural(file.table.n_rows, "row"), plural(len(file.table.names), "column"))
        st.caption(" · ".join(size), width="content")
        read_as(file)
    known = [row for row in list_datasets(db()) if row.sha256 == file.stored.sha256]
    if known:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"This table is already here as '{escape(known[0].name)}'.")
            links.turn(links.DATASETS, "Open it", key="ds_known", id=known[0].id)
    for note in file.notes:
        st.markdown(f":material/info: {escape(note)}")
    if file.table.images is None:
        with st.expander(f"First {_PREVIEW_ROWS} rows", key="ds_preview", expanded=True):
            st.dataframe(file.table.frame(_PREVIEW_ROWS), hide_index=True, alt="First rows")


def _choose_target(file: Received, known: Chosen) -> Chosen:
    table, target = file.table, known.choices.target
    part = file.stored.sha256[:8] + chosen.names_key(table.names)
    kind = st.container()
    if table.images is None:
        predict, kind = kind.columns(2)
        target = predict.selectbox(
            "Predict",
            table.names,
            index=table.names.index(target),
            key=f"ds_target_{part}",
            help=HELP["target"],
            filter_mode="contains",
        )
    with kind:
        task = _choose_task(file, known, target, f"{part}_{table.names.index(target)}")
    return chosen.predict(table, target, task)


def _choose_task(file: Received, known: Chosen, target: str, part: str) -> Task:
    tasks = sensible_tasks(file.table, target)
    is_kept = target == known.choices.target and known.choices.task in tasks
    task: Task = st.segmented_control(
        "as",
        tasks,
        default=known.choices.task if is_kept else tasks[0],
        required=True,
        format_func=TASKS.__getitem__,
        key=f"ds_task_{part}",
        help=HELP["task"],
    )
    return task


def _draw_whole_table(file: Received, known: Chosen) -> None:
    """Draw what is chosen for all rows, unless a line with Undo says it already."""
    choices = known.choices
    told = {done.warning.rule for done in known.taken if done.is_in_force}
    with st.container(horizontal=True):
        if chosen.has_logarithm(file.table, choices):
            _toggle("Predict its logarithm", "log_target", choices.log_target, _LOG_HELP)
        if choices.duplicates == "drop" and "duplicates" not in told:
            _toggle("Leave out repeated rows", "duplicates", True)
        if choices.class_weight and "imbalance" not in told:
            _toggle("Weight the classes", "class_weight", True)


def _toggle(label: str, field: str, is_on: bool, help_text: str = "") -> None:
    key = f"ds_all_{field}"
    st.session_state[key] = is_on
    st.toggle(label, key=key, on_change=_toggled, args=(field,), help=help_text or None)


def _toggled(field: str) -> None:
    is_on = st.session_state[f"ds_all_{field}"]
    values = {"duplicates": ("keep", "drop"), "class_weight": (None, "balanced")}
    chosen.change(**{field: values.get(field, (False, True))[is_on]})


def _draw_columns(file: Received, known: Chosen) -> Learned | None:
    """Draw columns and warnings; None where the choices cannot be used as they are.

    Warnings stand above and are looked for last: of millions of rows that takes longest.
    """
    choices, above = known.choices, st.container()
    try:
        check_target(file.table, choices, file.name)
    except UploadError as error:
        problems.draw(error)
        return None
    learned: Learned | None = None
    try:
        learned = uploads.checked(file, choices)
    except UploadError as error:
        with above:
            problems.draw(error)
    if file.table.images is None:
        profile = uploads.profile_of(file, choices)
        edit_columns(profile, known.shown, key=_editor(known))
        if profile.note:
            st.caption(escape(profile.note))
        one_column(file.table, profile, choices)
    if learned is not None:
        with above:
            _draw_learned(file, known, learned)
    return learned


def _editor(known: Chosen) -> str:
    return f"ds_columns_{known.n_shown}"


def _draw_learned(file: Received, known: Chosen, learned: Learned) -> None:
    for note in learned.notes:
        st.markdown(f":material/info: {escape(note)}")
    _, warnings = uploads.look(file, known.choices)
    draw_warnings(warnings)
    draw_taken(known.taken)
    pictures(file.table, known.choices.target)
    class_shares(learned.class_names, learned.class_counts)


def _name_it(file: Received, before: DatasetRow | None) -> None:
    """Name a file that has just come after itself, or after the dataset it was."""
    usual = Path(file.name).stem if before is None else before.name
    if recall(_NAMED) != file.stored.sha256 or before is not None:
        remember(_NAMED, file.stored.sha256)
        st.session_state[_NAME] = usual
    st.session_state.setdefault(_NAME, usual)
    uploads.forget_dataset_before()


def _draw_name(file: Received) -> None:
    name = st.text_input("Name", max_chars=LONGEST_NAME, key=_NAME, width=320)
    st.caption(escape(version_words(name.strip() or Path(file.name).stem)))


def version_words(name: str) -> str:
    """Say whether a name is new, or which version of it comes next."""
    versions = [row.version for row in list_datasets(db()) if row.name == name]
    if not versions:
        return "A new dataset."
    return f"The name is taken: this will be version {max(versions) + 1} of '{name}'."


def _draw_ends(file: Received, learned: Learned | None) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        is_wanted = st.button(
            "Use this dataset", type="primary", key="ds_use", disabled=learned is None
        )
        st.button("Not this file", key="ds_forget", on_click=uploads.forget)
        if learned is not None:
            st.caption(_size(learned), width="content")
    if is_wanted:
        _use(file)


def _size(learned: Learned) -> str:
    rows = plural(learned.n_rows, "row")
    if learned.image_shape:
        return f"{rows} · images of {learned.image_shape[0]} × {learned.image_shape[1]} pixels"
    return f"{rows} · {plural(len(learned.columns), 'input')} after preparation"


def _use(file: Received) -> None:
    name = str(st.session_state[_NAME]).strip() or None
    try:
        with st.spinner("Saving…", show_time=True):
            info = save_upload(db(), file, chosen.current().choices, name)
    except (TuningError, StorageError) as error:
        problems.draw(error)
        return
    uploads.forget()
    links.go(links.NEW_STUDY, dataset=info.id)

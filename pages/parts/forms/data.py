"""Section 1 of the New study page: the dataset and which of its rows are used."""

from __future__ import annotations

import streamlit as st

from pages.parts import links, problems, show, state
from pages.parts.forms import widgets
from pages.parts.forms.draft import Fields, form_of
from pages.parts.forms.reading import Checked
from pages.parts.forms.sealing import n_rows_sealed, opened_before, seal_note
from pages.parts.forms.starter import class_weight_of, starter
from pages.parts.offer import offer_cousin
from pages.parts.uploads import drop_zone, dropped, forget
from pages.parts.words import HELP
from tuning.datasets.catalogue import catalogue, dataset_info, fetch, is_available
from tuning.datasets.info import DatasetInfo
from tuning.datasets.uploads.guessing import guess_choices, guess_target
from tuning.datasets.uploads.keeping import save_upload, uploaded
from tuning.datasets.uploads.receiving import Received
from tuning.errors import DatasetUnavailableError
from tuning.spec import CLASS_SCORES, NUMBER_SCORES

_SAMPLE_HELP = "Try on a part first; it is quicker and shows if the settings make sense."
_UNAVAILABLE = "new_unavailable"
_POPOVER, _N_UPLOADS = "new_upload_popover", "new_n_uploads"
_Failed = tuple[str, DatasetUnavailableError]


def draw_data(checked: Checked) -> None:
    """Draw the section."""
    with st.container(border=True, key="new_section_data", gap="xsmall"):
        st.subheader("1 Data", anchor=False)
        with st.container(horizontal=True, vertical_alignment="bottom"):
            _draw_dataset()
            with st.popover(
                "Upload", icon=":material/upload:", key=_POPOVER, on_change="rerun"
            ):
                _draw_upload()
        if checked.info is not None:
            _draw_facts(checked.info)
            _draw_rows(checked.info)
        widgets.draw_messages(checked, "data", _seal_note(checked))
        if checked.info is not None:
            _draw_missing(checked)


def _draw_dataset() -> None:
    known = {info.id: info for info in (*catalogue().values(), *uploaded(state.db()))}
    chosen = widgets.value("dataset")
    options = list(known) if chosen in known else [*known, chosen]
    st.selectbox(
        "Dataset",
        options,
        key=widgets.bind("dataset"),
        format_func=lambda name: known[name].title if name in known else name,
        filter_mode="contains",
        on_change=_dataset_changed,
        width=320,
    )


@problems.told
def _dataset_changed() -> None:
    before = widgets.value("dataset")
    was_edited = widgets.current().is_edited
    widgets.collect()
    chosen = widgets.value("dataset")
    widgets.put({"dataset": before})
    use_dataset(chosen, was_edited=was_edited)


def use_dataset(dataset_id: str, *, was_edited: bool) -> None:
    """Take another dataset; settings that a person has typed stay where they fit."""
    info = dataset_info(dataset_id)
    class_weight = class_weight_of(state.db(), info)
    draft = widgets.current()
    if draft.origin == "blank" and not was_edited:
        draft.start = form_of(starter(info, class_weight))
        widgets.put(draft.start)
    else:
        weights = {"class_weight.fixed": class_weight} if class_weight else {}
        widgets.put(fitting(draft.fields, info) | weights)


def fitting(fields: Fields, info: DatasetInfo) -> Fields:
    """Return what must change in a form so that it fits another dataset."""
    changes: Fields = {"dataset": info.id, "digits": [2, 7] if info.digits else []}
    scores = NUMBER_SCORES if info.task == "regression" else CLASS_SCORES
    if fields["score"] not in scores:
        changes |= {"score": scores[0], "direction": ""}
    if info.image_shape is None:
        changes["model"] = "dense"
    if fields["method"] == "test" and not (info.n_test_rows or fields["sealed"]):
        changes["method"] = "kfold"
    return changes


def _draw_facts(info: DatasetInfo) -> None:
    facts = [f"{info.n_rows:,} rows", _inputs(info), f"target {info.target}"]
    if info.task == "binary":
        share = info.class_counts[-1] / sum(info.class_counts)
        facts[-1] += f" ({share:.1%} {info.class_names[-1]})"
    if info.n_test_rows:
        facts.append(f"{info.n_test_rows:,} test rows of its own")
    st.caption(show.escape(" · ".join(facts)))


def _inputs(info: DatasetInfo) -> str:
    if info.image_shape is None:
        return show.plural(info.n_inputs, "input")
    return f"images of {info.image_shape[0]} × {info.image_shape[1]}"


def _draw_rows(info: DatasetInfo) -> None:
    if info.digits:
        st.multiselect("Digits", info.digits, key=widgets.bind("digits"), width=320)
    with st.container(horizontal=True, vertical_alignment="center"):
        if not info.n_test_rows:
            _draw_seal(info)
        st.slider(
            "Rows to use",
            min_value=min(1.0, widgets.value("sample_percent")),
            max_value=100.0,
            step=1.0,
            format="%g %%",
            key=widgets.bind("sample_percent"),
            help=_SAMPLE_HELP,
            width=160,
        )


def _seal_note(checked: Checked) -> str:
    """Say what the sealed rows are worth, and who has opened them already."""
    if checked.info is None:
        return ""
    draft = widgets.current()
    is_recipe = draft.origin.startswith("recipe:")
    is_sealed, percent = widgets.value("sealed"), widgets.value("test_percent")
    note = seal_note(
        checked.info,
        percent,
        is_sealed=is_sealed,
        is_published=is_recipe and not (is_sealed or draft.start["sealed"]),
    )
    if checked.spec is None:
        return note
    opened = opened_before(state.db(), checked.spec, checked.info, state.timezone())
    return "  ".join(part for part in (note, opened) if part)


def _draw_seal(info: DatasetInfo) -> None:
    percent = widgets.value("test_percent")
    label = f"Seal {n_rows_sealed(info, percent):,} test rows ({percent:g} %)"
    st.toggle(label, key=widgets.bind("sealed"), help=HELP["sealed_test"])
    if widgets.value("sealed"):
        st.number_input(
            "Sealed rows, percent",
            min_value=min(1.0, percent),
            max_value=50.0,
            step=5.0,
            format="%g",
            key=widgets.bind("test_percent"),
            label_visibility="collapsed",
            width=110,
        )


def _draw_missing(checked: Checked) -> None:
    """Offer to fetch what is not here, and the cousin where that fails."""
    info = checked.info
    if info is None or info.source != "download" or is_available(info.id):
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(
            f"{info.title} is not on this machine yet; it is fetched when the study starts."
        )
        if st.button("Fetch it now", icon=":material/download:", key="new_fetch"):
            _fetch(info)
    failed: _Failed | None = state.recall(_UNAVAILABLE)
    if failed is None or failed[0] != info.id:
        return
    error = failed[1]
    if checked.spec is None:
        problems.draw(error)
    elif (spec := offer_cousin(error, checked.spec)) is not None:
        state.remember("new_pending", form_of(spec))
        st.rerun()


def _fetch(info: DatasetInfo) -> None:
    try:
        with st.spinner(f"Fetching {info.title}…", show_time=True):
            fetch(info.id)
    except DatasetUnavailableError as error:
        state.remember(_UNAVAILABLE, (info.id, error))
    else:
        st.rerun()


def _draw_upload() -> None:
    if not drop_zone(f"new_upload_{state.recall(_N_UPLOADS, 0)}"):
        return
    file = dropped()
    if file is None:
        return
    table = file.table
    guess = table.names.index(guess_target(table))
    st.selectbox("Predict", table.names, index=guess, key=_target_key(file))
    st.caption(f"{table.n_rows:,} rows · {len(table.names) - 1:,} columns to predict it from")
    with st.container(horizontal=True):
        st.button("Use this table", type="primary", key="new_upload_use", on_click=_use_upload)
        st.button(
            "Look at it first",
            key="new_upload_look",
            on_click=links.go,
            args=(links.DATASETS,),
            help="Its columns, what could spoil a study, and how it was read.",
        )


@problems.told
def _use_upload() -> None:
    file = dropped()
    if file is None:
        return
    choices = guess_choices(file.table, st.session_state[_target_key(file)])
    was_edited = widgets.current().is_edited
    widgets.collect()
    info = save_upload(state.db(), file, choices)
    forget()
    state.remember(_N_UPLOADS, state.recall(_N_UPLOADS, 0) + 1)  # an empty zone for the next
    st.session_state[_POPOVER] = False
    use_dataset(info.id, was_edited=was_edited)


def _target_key(file: Received) -> str:
    return f"new_target_{file.stored.sha256[:12]}"

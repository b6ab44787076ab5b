"""What a new study can start from: nothing, a recipe, or another study."""

from __future__ import annotations

import uuid

import streamlit as st

from pages.parts import problems, state
from pages.parts.forms import widgets
from pages.parts.forms.draft import BLANK, Draft, form_of
from pages.parts.forms.refining import remembered_proposal
from pages.parts.forms.starter import class_weight_of, starter
from storage.database import Database
from storage.drafts import load_draft
from storage.studies import get_study, list_studies
from tuning.datasets.catalogue import catalogue, dataset_info, is_available
from tuning.recipes import RECIPES, recipe, with_sealed_test
from tuning.spec import StudySpec

_FIRST_CHOICE, _NO_DOWNLOAD = "pima", "breast-cancer"
_WANTED = "new_wanted_origin"
_FILE, _FILE_TEXT = "new_spec_file", "new_spec_file_text"
_N_STUDIES = 50
_PUBLISHED, _SEALED = "As published", "With sealed test"
_VARIANT_FIELDS = ("sealed", "include_default", "confirm")
_VARIANT_HELP = (
    "As published: rows, folds and grid exactly as in the source, no sealed rows. "
    + "With sealed test: the same grid with a fifth of the rows kept aside, the default "
    + "settings as one more trial, and the leaders confirmed."
)


def spec_of_origin(db: Database, origin: str, dataset: str = "") -> StudySpec:
    """Return the study that a draft of this origin begins with.

    Parameters
    ----------
    origin : str
        "blank", "recipe:…", "study:…" or, for a finer search around its leaders, "refine:…".
    dataset : str
        For a blank start, the dataset; empty picks one that needs no download.

    Raises
    ------
    UnknownRecipeError, UnknownStudyError, UnknownDatasetError
        If there is none of this name.
    UnfinishedError, SpecError
        If there is nothing to refine yet, or nothing at all.
    """
    kind, _, name = origin.partition(":")
    if kind == "recipe":
        return recipe(name).spec
    if kind == "study":
        return StudySpec.parse(get_study(db, name).spec)
    if kind == "refine":
        return remembered_proposal(db, name).refinement.spec
    if kind == "file":
        return _spec_of_file()
    info = dataset_info(dataset or _usual_dataset())
    return starter(info, class_weight_of(db, info))


def _spec_of_file() -> StudySpec:
    """Return the study of the file that was opened last; its dataset has to be here."""
    spec = StudySpec.parse(state.recall(_FILE_TEXT))
    dataset_info(spec.data.dataset, spec.data.digits)
    return spec


def _usual_dataset() -> str:
    return _FIRST_CHOICE if is_available(_FIRST_CHOICE) else _NO_DOWNLOAD


def new_draft(origin: str, dataset: str = "") -> Draft:
    """Begin a draft from an origin.

    Raises
    ------
    UnknownRecipeError, UnknownStudyError, UnknownDatasetError
        If there is none of this name.
    UnfinishedError, SpecError
        If there is nothing to refine yet, or nothing at all.
    """
    spec = spec_of_origin(state.db(), origin, dataset)
    return Draft.begin(uuid.uuid4().hex[:12], origin, spec)


def stored_draft(draft_id: str) -> Draft | None:
    """Return a draft from the database; None if it is gone."""
    text = load_draft(state.db(), draft_id)
    return None if text is None else Draft.from_json(text)


def title_of(origin: str) -> str:
    """Return an origin in words."""
    kind, _, name = origin.partition(":")
    if kind == "recipe" and name in RECIPES:
        return f"Recipe: {RECIPES[name].group}, {RECIPES[name].title.lower()}"
    if kind == "refine":
        return f"Refined: {name}"
    if kind == "file":
        return f"File: {name}"
    return f"Study: {name}" if kind == "study" else "Blank"


def draw_origin() -> None:
    """Draw the choice of what to start from."""
    current = widgets.current().origin
    studies = [f"study:{row.id}" for row in list_studies(state.db(), limit=_N_STUDIES)]
    options = [BLANK, *(f"recipe:{name}" for name in RECIPES), *studies]
    st.session_state["new_start_from"] = current
    st.selectbox(
        "Start from",
        options if current in options else [*options, current],
        format_func=title_of,
        key="new_start_from",
        on_change=_origin_chosen,
        filter_mode="contains",
        width=360,
    )


def draw_spec_file() -> None:
    """Draw the field for a study's spec as a JSON file, from here or from anywhere else."""
    with st.popover("Open a spec", icon=":material/upload_file:", key="new_spec"):
        st.file_uploader(
            "Spec of a study (JSON)", type="json", key=_FILE, on_change=_file_opened,
            help="The study page writes it: Download, Spec as JSON.",
        )  # fmt: skip


@problems.told
def _file_opened() -> None:
    file = st.session_state[_FILE]
    if file is None:
        return
    state.remember(_FILE_TEXT, file.getvalue().decode(errors="replace"))
    widgets.collect()
    _spec_of_file()  # what cannot be used is told now, and nothing is replaced
    if widgets.current().is_edited:
        state.remember(_WANTED, f"file:{file.name}")
    else:
        _start_from(f"file:{file.name}")


def draw_variant() -> None:
    """Draw the choice between a recipe as published and the same with sealed rows."""
    kind, _, name = widgets.current().origin.partition(":")
    if kind != "recipe" or name not in RECIPES or not _has_two_variants(RECIPES[name].spec):
        return
    st.session_state["new_variant"] = _variant()
    st.segmented_control(
        "Variant",
        [_PUBLISHED, _SEALED],
        key="new_variant",
        on_change=_variant_chosen,
        help=_VARIANT_HELP,
    )


def _variant() -> str | None:
    """Return the variant as it is set; None where a person has made another one of it."""
    choices = [widgets.value(name) for name in _VARIANT_FIELDS]
    if not any(choices):
        return _PUBLISHED
    return _SEALED if all(choices) else None


def _has_two_variants(spec: StudySpec) -> bool:
    brings_test_rows = catalogue()[spec.data.dataset].n_test_rows > 0
    return not brings_test_rows and spec.data.test_fraction == 0


@problems.told
def _variant_chosen() -> None:
    chosen = st.session_state["new_variant"]
    widgets.collect()
    if chosen is None:
        return  # a click on what is chosen already
    form = form_of(with_sealed_test(_recipe_spec()) if chosen == _SEALED else _recipe_spec())
    widgets.put({name: form[name] for name in ("test_percent", *_VARIANT_FIELDS)})


def _recipe_spec() -> StudySpec:
    return recipe(widgets.current().origin.partition(":")[2]).spec


@problems.told
def _origin_chosen() -> None:
    wanted = st.session_state["new_start_from"]
    widgets.collect()
    if widgets.current().is_edited:
        state.remember(_WANTED, wanted)
    else:
        _start_from(wanted)


@problems.told
def _start_from(origin: str) -> None:
    draft = new_draft(origin)
    draft.id = widgets.current().id
    widgets.begin(draft)
    state.take(_WANTED)


def _keep() -> None:
    state.take(_WANTED)


def draw_question() -> bool:
    """Ask before typed settings are replaced; True while the question stands."""
    wanted = state.recall(_WANTED)
    if wanted is None:
        return False
    _ask_to_replace(wanted)
    return True


@st.dialog("Replace your settings?", on_dismiss=_keep)
def _ask_to_replace(wanted: str) -> None:
    if state.recall(_WANTED) is None:
        st.rerun()
    st.text(f"Replace your settings with '{title_of(wanted)}'?")
    with st.container(horizontal=True):
        st.button(
            "Replace", type="primary", key="new_replace", on_click=_start_from, args=(wanted,)
        )
        st.button("Keep mine", key="new_keep", on_click=_keep)

"""The New study page: its form as plain data, and its main paths through the frame."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from pages.parts import show
from pages.parts.estimated import time_text
from pages.parts.forms.budget import changed_fields
from pages.parts.forms.data import fitting
from pages.parts.forms.draft import (
    BLANK,
    Draft,
    Fields,
    form_of,
    kinds_of,
    space_fields,
    with_sampler,
)
from pages.parts.forms.paste import with_pasted
from pages.parts.forms.reading import check
from pages.parts.forms.sealing import opened_before, seal_note, usual_share
from pages.parts.forms.space import fixed_at_first
from pages.parts.forms.starter import starter
from storage.database import Database, database
from storage.drafts import load_draft
from storage.results import read_trials
from storage.studies import (
    FINISHED,
    TRAINING,
    WAITING,
    count_studies,
    get_study,
    list_studies,
)
from storage.wishes import open_test
from tests.pages.written_study import WrittenStudy, grid_spec
from tuning.analysis.estimate import Estimate, estimate
from tuning.datasets.catalogue import catalogue
from tuning.parameters import PARAMETERS
from tuning.paste import as_python, read_pasted
from tuning.recipes import RECIPES, with_sealed_test
from tuning.refined import propose
from tuning.setting import Choices, LogRange, grid_values
from tuning.spec import StudySpec

_FRAME = Path(__file__).parents[2] / "pages" / "frame.py"


def _form(recipe: str = "pima-batch-epochs", **changes: Any) -> Fields:
    return form_of(RECIPES[recipe].spec) | {k.replace("__", "."): v for k, v in changes.items()}


def _spec(fields: Fields) -> StudySpec:
    checked = check(fields)
    assert checked.spec is not None, checked.problems
    return checked.spec


@pytest.mark.parametrize("name", RECIPES)
def test_recipe_becomes_a_form_and_the_same_spec_again(name: str) -> None:
    spec = RECIPES[name].spec

    checked = check(form_of(spec))

    assert checked.problems == {}
    assert checked.spec == spec


@pytest.mark.parametrize("name", catalogue())
def test_starter_search_of_every_dataset_can_start_as_it_is(name: str) -> None:
    spec = starter(catalogue()[name])

    checked = check(form_of(spec))

    assert checked.problems == {}
    assert checked.spec == spec


def test_starter_search_uses_fewer_folds_where_a_class_is_rare() -> None:
    info = replace(catalogue()["breast-cancer"], class_counts=(565, 4))

    spec = starter(info)

    assert spec.evaluation.folds == 3  # 4 rows cannot be in 5 folds


def test_starter_search_tries_the_default_settings_and_confirms_its_leaders() -> None:
    for info in catalogue().values():
        spec = starter(info)

        assert spec.include_default
        assert spec.confirm


@pytest.mark.parametrize(
    ("n_rows", "share"),
    [
        (768, 0.0),
        (999, 0.0),
        (1_000, 0.0),  # offered
        (4_000, 0.0),
        (4_001, 0.2),
        (50_000, 0.2),
        (100_000, 0.1),  # at most 10,000 rows
        (300_000, 0.033),
    ],
)
def test_rows_are_sealed_unasked_where_there_are_many(n_rows: int, share: float) -> None:
    info = replace(catalogue()["pima"], n_rows=n_rows)

    assert usual_share(info) == share
    assert starter(info).data.test_fraction == share


@pytest.mark.parametrize(
    ("n_rows", "sealed", "sentence"),
    [
        # Half-widths of Wilson's interval at 0.8: 1.96 · √(0.16 / n), less a little.
        (5_000, True, "1,000 sealed rows tell an accuracy of 0.8 to ±0.02."),
        (1_230, False, "Sealing 246 rows would tell an accuracy of 0.8 to ±0.05."),
        (
            768,
            False,
            "With 768 rows sealing costs more than it tells: "
            + "154 of them would tell an accuracy of 0.8 to ±0.06.",
        ),
    ],
)
def test_what_sealed_rows_are_worth_is_told(n_rows: int, sealed: bool, sentence: str) -> None:
    info = replace(catalogue()["pima"], n_rows=n_rows)

    assert seal_note(info, 20.0, is_sealed=sealed, is_published=False) == sentence


def test_a_recipe_as_published_says_why_nothing_is_sealed() -> None:
    info = catalogue()["pima"]

    note = seal_note(info, 20.0, is_sealed=False, is_published=True)

    assert note == "No sealed rows, as in the source."


def test_rows_that_were_opened_by_a_study_are_named(db: Database) -> None:
    spec = with_sealed_test(RECIPES["pima-sgd"].spec)
    spec = spec.model_copy(
        update={"data": spec.data.model_copy(update={"dataset": "breast-cancer"})}
    )
    info = catalogue()["breast-cancer"]
    study = WrittenStudy.waiting(db, spec)
    study.train()
    study.end()
    assert opened_before(db, spec, info, "UTC") == ""

    at = open_test(db, study.id)

    day = show.moment(at, "UTC")
    assert opened_before(db, spec, info, "UTC") == (
        f"{study.id} opened these rows on {day.day} {day:%B}; "
        + "a second look is a little less independent."
    )


def test_details_without_a_widget_survive_the_form() -> None:
    spec = StudySpec.parse(
        {
            "name": "odd",
            "data": {"dataset": "pima", "test_fraction": 0.17, "split_seed": 5},
            "space": {
                "max_norm": {"kind": "range", "low": 1, "high": 3},
                "n_neurons": {"kind": "range", "low": 1, "high": 99, "step": 7},
                "momentum": {"kind": "range", "low": 0, "high": 0.9, "points": 4},
                "epochs": {"kind": "fixed", "value": 50},
            },
            "sampler": {"kind": "tpe", "n_trials": 33, "n_startup_trials": 4},
            "evaluation": {
                "folds": 7,
                "score": "f1",
                "direction": "minimize",
                "early_stopping": {"patience": 3, "min_delta": 0.01, "fraction": 0.15},
            },
            "pruner": {"kind": "median", "n_warmup_steps": 9, "n_startup_trials": 2},
            "max_minutes": 2.5,
        }
    )

    assert _spec(form_of(spec)) == spec


def test_draft_is_the_same_after_json() -> None:
    draft = Draft.begin("abc", BLANK, RECIPES["california-random"].spec)
    draft.fields |= {"batch_size.list": "10, ten", "max_minutes": 2.5}
    draft.undo = {"before": space_fields(draft.start), "after": space_fields(draft.fields)}

    assert Draft.from_json(draft.to_json()) == draft
    assert draft.is_edited
    assert draft.can_undo


def test_a_draft_from_before_a_field_existed_gets_its_default() -> None:
    draft = Draft.begin("abc", BLANK, RECIPES["pima-sgd"].spec)
    del draft.fields["shuffle"]

    assert Draft.from_json(draft.to_json()).fields["shuffle"] is True


@pytest.mark.parametrize(("scale", "scaling"), [(False, None), (True, "standard")])
def test_a_draft_from_before_scaling_was_a_parameter_keeps_what_it_said(
    scale: bool, scaling: str | None
) -> None:
    draft = Draft.begin("abc", BLANK, starter(catalogue()["pima"]))
    for fields in (draft.fields, draft.start):
        fields["scale"] = scale
        del fields["scaling.fixed"]

    read = Draft.from_json(draft.to_json())

    assert "scale" not in read.fields
    assert _spec(read.fields).fixed["scaling"] == scaling
    assert not read.is_edited


def test_a_searched_choice_may_hold_none() -> None:
    rows = ["scaling", "class_weight"]
    fields = _form(rows=rows, scaling__list=["off", "robust"], class_weight__kind="list")

    spec = _spec(fields)

    assert spec.space["scaling"] == Choices(values=(None, "robust"))
    assert spec.space["class_weight"] == Choices(values=(None, "balanced"))
    assert check(form_of(spec)).spec == spec


@pytest.mark.parametrize(
    ("changes", "place", "sentence"),
    [
        (
            {"batch_size__list": "10, ten"},
            "space.batch_size",
            "Batch size: 'ten' is not a number. Write for example 10, 20, 40.",
        ),
        (
            {"rows": ["dropout_rate"], "dropout_rate__list": "0, 1.2"},
            "space.dropout_rate",
            "Dropout rate: 1.2 is too large. Use 0 up to, but not including, 1.",
        ),
        (
            {"rows": ["learning_rate"], "learning_rate__low": "0"},
            "space.learning_rate",
            "Learning rate: a log range cannot start at 0. Use for example 0.0001.",
        ),
        (
            {
                "rows": ["learning_rate"],
                "learning_rate__low": "0.1",
                "learning_rate__high": "1e-3",
            },
            "space.learning_rate",
            "Learning rate: From (0.1) must be below To (0.001).",
        ),
        (
            {"rows": ["learning_rate"], "learning_rate__low": ""},
            "space.learning_rate",
            "Learning rate: a range needs both From and To. Fill in both.",
        ),
        (
            {"rows": ["learning_rate"], "learning_rate__points": "many"},
            "space.learning_rate",
            "Learning rate: 'many' is not a whole number. Write for example 5.",
        ),
        (
            {"rows": ["learning_rate"]},
            "space.learning_rate",
            "Learning rate: a grid needs a number of points between 0.0001 and 0.1. "
            + "Set points to 5, for example.",
        ),
        (
            {"batch_size__list": "10, 2000"},
            "space.batch_size",
            "Batch size: 2,000 is more than the 512 training rows of a fold. "
            + "Use 512 or less.",
        ),
        (
            {"rows": ["dense_layer_sizes"], "dense_layer_sizes__list": "[32, 0]"},
            "space.dense_layer_sizes",
            "Layers: 0 units in [32, 0]. Each layer needs at least 1.",
        ),
        (
            {"rows": [], "sampler": "random"},
            "space",
            "Nothing is searched. Search at least one parameter, or use 1 trial with repeats.",
        ),
        (
            {"batch_size__list": "1..400", "epochs__list": "1..120"},
            "space",
            "48,000 trials. The limit is 10,000: shorten a list or use Random.",
        ),
        (
            {"momentum__fixed": "fast"},
            "space.momentum",
            "Momentum: 'fast' is not a number. Write for example 0.0, 0.5, 0.9.",
        ),
        (
            {"repeats": 2},
            "evaluation",
            "Repeats: 2 repeats without shuffling have the same folds. "
            + "Switch shuffling on, or use 1 repeat.",
        ),
        (
            {"score": "rmse"},
            "evaluation",
            "Score: rmse needs a number, but diabetes is one of 2 classes. "
            + "Choose one of: accuracy, log_loss, roc_auc, f1.",
        ),
        (
            {"dataset": "digits", "digits": [2]},
            "data",
            "Digits: 2. Choose at least two digits from 0 to 9.",
        ),
        (
            {"dataset": "digits", "digits": []},
            "data",
            "Digits: none is chosen. Choose at least two digits from 0 to 9.",
        ),
        (
            {"dataset": "pima", "model": "convolutional"},
            "model",
            "Convolutional networks need images, but Pima diabetes is a table. Use dense.",
        ),
        ({"name": "  "}, "name", "name is ''. Use at least 1 character."),
    ],
)
def test_each_mistake_is_told_at_its_place(changes: Fields, place: str, sentence: str) -> None:
    checked = check(_form(**changes))

    assert checked.problems == {place: [sentence]}
    assert checked.spec is None


@pytest.mark.parametrize(
    ("changes", "place", "sentence"),
    [
        (
            {"dataset": "digits", "digits": list(range(10)), "sealed": False},
            "data",
            "Without sealed rows the best score will look better than it is.",
        ),
        (
            {"rows": ["momentum"]},
            "space.momentum",
            "Momentum only matters for SGD and RMSprop.",
        ),
        (
            {"batch_size__list": "1..60", "epochs__list": "1..10"},
            "space",
            "600 trials: Random finds nearly as good a point with far fewer.",
        ),
        (
            {"sampler": "tpe", "n_trials": 19},
            "space",
            "Below 20 trials TPE is about as good as Random.",
        ),
        ({"sampler": "gp", "n_trials": 301}, "space", "Gets slow beyond 300."),
        (
            {"sampler": "gp", "n_trials": 60, "epochs__list": "1, 2, 3, 4, 5"},  # 6 + 5 values
            "space",
            "Forest copes better with choices.",
        ),
        (
            {"sampler": "forest", "n_trials": 19},
            "space",
            "Below 20 trials a forest is about as good as Random.",
        ),
        (
            {"sampler": "random", "n_trials": 20},
            "space",
            "The space has 18 combinations, so 18 trials run, not 20.",
        ),
    ],
)
def test_each_warning_stands_at_its_place_and_stops_nothing(
    changes: Fields, place: str, sentence: str
) -> None:
    checked = check(_form(**{"sealed": True, **changes}))

    assert checked.warnings == {place: [sentence]}
    assert checked.spec is not None


def test_few_rows_are_not_urged_to_be_sealed() -> None:
    assert check(_form(sealed=False)).warnings == {}


@pytest.mark.parametrize("rope", [-1.0, 0.0, 1e7, float("nan")])
def test_a_difference_that_no_study_takes_is_told_under_evaluation(rope: float) -> None:
    checked = check(_form(rope=rope))

    assert list(checked.problems) == ["evaluation"]
    assert checked.problems["evaluation"][0].startswith("evaluation › rope is ")
    assert checked.spec is None


@pytest.mark.parametrize("field", ["confirm", "include_default"])
def test_a_choice_that_is_neither_yes_nor_no_is_told(field: str) -> None:
    checked = check(_form(**{field: "perhaps"}))

    assert checked.all_problems == [f"{field} is 'perhaps'. Use true or false."]
    assert checked.first_problem is not None


def test_choices_that_make_a_winner_trustworthy_become_part_of_the_study() -> None:
    spec = _spec(_form(confirm=True, include_default=True, rope=0.02))

    assert (spec.confirm, spec.include_default, spec.evaluation.rope) == (True, True, 0.02)
    assert form_of(spec) == form_of(spec) | {"confirm": True, "rope": 0.02}


def test_unknown_dataset_is_told_under_data() -> None:
    checked = check(_form(dataset="pimaa"))

    assert checked.first_problem == (
        "1 Data",
        "There is no dataset 'pimaa'. Did you mean 'pima'?",
    )


def test_first_problem_is_the_topmost_one() -> None:
    checked = check(_form(name="", batch_size__list="ten", repeats=2))

    assert checked.first_problem == ("Name", "name is ''. Use at least 1 character.")
    assert len(checked.all_problems) == 3


def test_a_row_that_cannot_be_read_is_not_told_as_nothing_searched() -> None:
    checked = check(_form(rows=["batch_size"], batch_size__list="ten", sampler="random"))

    assert list(checked.problems) == ["space.batch_size"]


def test_rows_of_another_kind_of_network_are_kept_but_not_searched() -> None:
    fields = _form("mnist27-batch", rows=["batch_size", "kernel_size"])

    changed = fields | fitting(fields, catalogue()["pima"])

    assert list(_spec(changed).searched) == ["batch_size"]
    assert changed["rows"] == ["batch_size", "kernel_size"]


def test_another_dataset_brings_a_score_and_a_network_that_fit() -> None:
    fields = _form("mnist27-baseline", direction="minimize", sealed=False)

    changes = fitting(fields, catalogue()["california"])

    assert changes == {
        "dataset": "california",
        "digits": [],
        "score": "rmse",
        "direction": "",
        "model": "dense",
        "method": "kfold",
    }


def test_a_changed_recipe_no_longer_carries_its_name() -> None:
    assert _spec(_form(batch_size__list="10, 20")).recipe is None
    assert _spec(_form(rope=0.02)).recipe is None
    judged: Fields = {"sealed": True, "confirm": True, "include_default": True}
    assert _spec(_form(name="mine") | judged).recipe == "pima-batch-epochs"


def test_ranges_get_points_for_a_grid_and_a_step_after_it() -> None:
    fields = _form("pima-sgd", rows=["learning_rate", "momentum", "n_hidden"])
    fields |= {"learning_rate.kind": "log_range", "sampler": "random"}
    fields |= {"momentum.kind": "range", "momentum.low": "0", "momentum.high": "0.8"}
    fields |= {"n_hidden.kind": "range"}

    to_grid = with_sampler(fields, "grid")
    back = with_sampler(fields | to_grid, "tpe")

    assert to_grid == {
        "sampler": "grid",
        "n_trials": 40,
        "learning_rate.points": "5",
        "momentum.points": "5",
    }
    assert back == {
        "sampler": "tpe",
        "n_trials": 60,
        "learning_rate.points": "",
        "momentum.points": "",
        "momentum.step": "0.2",
    }


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("optimizer", ("fixed", "list")),
        ("dense_layer_sizes", ("fixed", "list")),
        ("dropout_rate", ("fixed", "list", "range")),
        ("learning_rate", ("fixed", "list", "range", "log_range")),
        ("batch_size", ("fixed", "list", "range", "log_range")),
    ],
)
def test_only_kinds_that_make_sense_are_offered(name: str, kinds: tuple[str, ...]) -> None:
    assert kinds_of(PARAMETERS[name]) == kinds


def test_fixing_a_row_takes_the_first_of_its_values() -> None:
    fields = _form(learning_rate__kind="log_range")

    assert fixed_at_first(fields, "batch_size") == {"batch_size.fixed": "10"}
    assert fixed_at_first(fields, "learning_rate") == {"learning_rate.fixed": "0.0001"}
    assert fixed_at_first(fields | {"epochs.list": "x"}, "epochs") == {}


def test_pasted_grid_takes_the_place_of_the_rows() -> None:
    pasted = read_pasted("dict(lr=[0.1, 0.2], epochs=7, momentum=uniform(0, 0.5))", "dense")
    fields = _form()

    changed = fields | with_pasted(fields, pasted.spaces[0])

    spec = _spec(changed)
    assert spec.searched["learning_rate"] == Choices(values=(0.1, 0.2))
    assert spec.n_trials == 10  # the range got five points
    assert spec.fixed["epochs"] == 7
    assert spec.fixed["batch_size"] == 32  # a row that is not pasted has its default again


@pytest.mark.parametrize("name", [name for name, r in RECIPES.items() if r.spec.searched])
def test_copied_and_pasted_back_it_is_the_same_space(name: str) -> None:
    spec = RECIPES[name].spec
    fields = form_of(spec)

    pasted = read_pasted(as_python(spec.searched), spec.model)

    assert _spec(fields | with_pasted(fields, pasted.spaces[0])) == spec


@pytest.fixture
def opened(home: Path) -> AppTest:
    """Open the frame on its first page, with a data folder of its own."""
    assert home.is_dir()
    return AppTest.from_file(str(_FRAME), default_timeout=30).run()


def _go(at: AppTest, **query: str) -> AppTest:
    at.query_params.clear()
    for name, value in query.items():
        at.query_params[name] = value
    at.switch_page("new_study.py").run()
    assert not at.exception
    return at


def _query(at: AppTest, name: str) -> str:
    value = at.query_params[name]
    return value if isinstance(value, str) else value[0]


def _bar(at: AppTest) -> str:
    texts = [
        m.value for m in at.markdown if " fits" in m.value or ":material/error:" in m.value
    ]
    return texts[-1].replace("\\", "")


def _captions(at: AppTest) -> list[str]:
    return [caption.value.replace("\\", "") for caption in at.caption]


def test_a_recipe_opens_filled_in_and_can_start(opened: AppTest) -> None:
    at = _go(opened, recipe="pima-batch-epochs")

    assert _bar(at).startswith(
        "18 trials × 3 folds × 1 repeat = 54 fits (18 trained) · perhaps"
    )
    assert "Its source printed accuracy 0.686" in " ".join(_captions(at))
    assert at.text_input(key="space_batch_size_list").value == "10, 20, 40, 60, 80, 100"
    assert not at.button(key="new_start").disabled
    assert list(at.query_params) == ["draft"]


def test_without_a_wish_everything_is_filled_in(opened: AppTest) -> None:
    at = _go(opened)

    assert _bar(at).startswith("40 trials × 5 folds × 1 repeat = 200 fits")
    assert not at.button(key="new_start").disabled


def test_a_typed_list_changes_the_count(opened: AppTest) -> None:
    at = _go(opened, recipe="pima-batch-epochs")

    at.text_input(key="space_batch_size_list").set_value("10, 20").run()

    assert _bar(at).startswith("6 trials × 3 folds × 1 repeat = 18 fits")
    assert "2 values" in _captions(at)


def test_a_mistake_is_told_at_its_row_and_in_the_bar_until_it_is_corrected(
    opened: AppTest,
) -> None:
    at = _go(opened, recipe="pima-batch-epochs")
    sentence = "Batch size: 'ten' is not a number. Write for example 10, 20, 40."

    at.text_input(key="space_batch_size_list").set_value("10, ten").run()

    assert f":red[:material/error: {sentence}]" in _captions(at)
    assert _bar(at) == f":red[:material/error: **3 Search space** · {sentence}]"
    assert at.button(key="new_start").disabled

    at.text_input(key="space_batch_size_list").set_value("10, 20").run()

    assert not at.button(key="new_start").disabled


def test_a_pasted_grid_fills_the_rows_and_can_be_undone(opened: AppTest) -> None:
    at = _go(opened, recipe="pima-batch-epochs")
    grid = "dict(batch_size=[10, 20], learn_rate=[0.001, 0.01], "
    grid += "dense_layer_sizes=[[32], [64, 64]])"

    at.button(key="space_paste").click().run()
    at.text_area(key="paste_text").set_value(f"param_grid = {grid}").run()
    at.button(key="paste_use").click().run()

    assert _bar(at).startswith("8 trials × 3 folds")
    assert at.text_input(key="space_learning_rate_list").value == "0.001, 0.01"
    assert at.text_input(key="space_dense_layer_sizes_list").value == "[32], [64, 64]"

    at.menu_button(key="space_menu").click("Undo paste").run()

    assert _bar(at).startswith("18 trials × 3 folds")


def test_what_cannot_be_read_is_refused_with_its_reason(opened: AppTest) -> None:
    at = _go(opened, recipe="pima-batch-epochs")

    at.button(key="space_paste").click().run()
    at.text_area(key="paste_text").set_value("{'a': __import__('os').system('x')}").run()

    shown = at.error[0].value.replace("\\", "")
    assert shown.startswith("Line 1: a function call (`__import__('os').system('x')`)")
    assert at.button(key="paste_use").disabled


def test_reset_goes_back_to_the_start_and_undo_returns(opened: AppTest) -> None:
    at = _go(opened, recipe="pima-batch-epochs")
    at.text_input(key="space_epochs_list").set_value("5").run()

    at.menu_button(key="space_menu").click("Reset").run()
    after_reset = _bar(at)
    at.menu_button(key="space_menu").click("Undo reset").run()

    assert after_reset.startswith("18 trials")
    assert _bar(at).startswith("6 trials")


def test_rows_come_and_go(opened: AppTest) -> None:
    at = _go(opened, recipe="pima-batch-epochs")

    at.selectbox(key="space_add").set_value("n_neurons").run()
    added = _bar(at)
    at.menu_button(key="space_epochs_menu").click("Fix it").run()

    assert added.startswith("54 trials")  # neurons begin with three values
    assert _bar(at).startswith("18 trials × 3 folds × 1 repeat = 54 fits ·")
    assert at.session_state["new_draft"].fields["epochs.fixed"] == "10"


def test_a_reload_restores_what_was_typed_even_if_it_is_wrong(opened: AppTest) -> None:
    at = _go(opened, recipe="pima-batch-epochs")
    at.text_input(key="space_batch_size_list").set_value("10, ten").run()
    draft_id = _query(at, "draft")

    fresh = AppTest.from_file(str(_FRAME), default_timeout=30).run()
    _go(fresh, draft=draft_id)

    assert fresh.text_input(key="space_batch_size_list").value == "10, ten"
    assert fresh.selectbox(key="new_start_from").value == "recipe:pima-batch-epochs"
    assert fresh.button(key="new_start").disabled


def test_a_form_that_the_browser_has_emptied_is_filled_in_again(opened: AppTest) -> None:
    at = _go(opened, recipe="pima-batch-epochs")
    before = dict(at.session_state["new_draft"].fields)

    # What a browser sends whose widgets were drawn too late to hear what they hold.
    for key, value in {"new_sampler": None, "new_name": "", "new_shuffle": False}.items():
        at.session_state[key] = value
    at.run()

    assert not at.exception
    assert at.session_state["new_draft"].fields == before
    assert at.text_input(key="new_name").value == "pima-batch-epochs"


def test_what_widgets_hold_is_said_again_until_the_browser_has_drawn_them(
    opened: AppTest,
) -> None:
    at = _go(opened, recipe="pima-batch-epochs")

    at.text_input(key="new_name").set_value("mine").run()
    typed = at.text_input(key="new_name").proto.set_value
    other = at.text_input(key="space_epochs_list").proto.set_value
    at.session_state["new_begun"] = float("-inf")  # a while ago
    at.run()

    assert (typed, other) == (False, True)  # somebody who types is not interrupted
    assert at.text_input(key="space_epochs_list").proto.set_value is False
    assert at.text_input(key="new_name").value == "mine"


def test_a_draft_that_is_gone_says_so(opened: AppTest) -> None:
    at = _go(opened, draft="nonsense")

    assert at.info[0].value == (
        "That draft is gone: drafts that nobody uses are kept for a week. Here is a new one."
    )
    assert not at.button(key="new_start").disabled


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({"recipe": "pima-sdg"}, "There is no recipe 'pima-sdg'. Did you mean 'pima-sgd'?"),
        ({"from": "pima-9x2k"}, "There is no study 'pima-9x2k'."),
        ({"dataset": "pimaa"}, "There is no dataset 'pimaa'. Did you mean 'pima'?"),
    ],
)
def test_an_unknown_wish_is_told_and_the_page_still_works(
    opened: AppTest, query: dict[str, str], sentence: str
) -> None:
    at = _go(opened, **query)

    assert at.error[0].value.replace("\\", "").startswith(sentence)
    assert not at.button(key="new_start").disabled


def test_start_creates_the_study_and_opens_it(opened: AppTest) -> None:
    at = _go(opened, recipe="pima-sgd")
    draft_id = _query(at, "draft")

    at.button(key="new_start").click().run()

    rows = list_studies(database())
    assert [StudySpec.parse(row.spec) for row in rows] == [RECIPES["pima-sgd"].spec]
    assert _query(at, "id") == rows[0].id
    assert load_draft(database(), draft_id) is None


def _start_twice() -> None:
    from pages.parts.forms import start, widgets
    from pages.parts.forms.origins import new_draft

    widgets.begin(new_draft("recipe:pima-sgd"))
    start.start()
    start.start()


def test_two_clicks_create_one_study(home: Path) -> None:
    assert home.is_dir()

    at = AppTest.from_function(_start_twice, default_timeout=30).run()

    assert not at.exception
    assert count_studies(database()) == 1


def test_a_draft_that_was_started_can_start_again_as_another_study(opened: AppTest) -> None:
    at = _go(opened, recipe="pima-sgd")
    draft_id = _query(at, "draft")
    at.button(key="new_start").click().run()

    _go(at, draft=draft_id)
    at.text_input(key="new_name").set_value("again").run()
    at.button(key="new_start").click().run()

    assert {row.name for row in list_studies(database())} == {"pima-sgd", "again"}


def test_the_menu_leads_to_a_fresh_form_after_a_start(opened: AppTest) -> None:
    at = _go(opened, recipe="pima-sgd")
    at.button(key="new_start").click().run()

    _go(at)

    assert at.selectbox(key="new_start_from").value == BLANK


def test_a_study_can_be_cloned_with_all_its_settings(opened: AppTest) -> None:
    at = _go(opened, recipe="california-random")
    at.button(key="new_start").click().run()
    study_id = _query(at, "id")

    _go(at, **{"from": study_id})

    assert check(at.session_state["new_draft"].fields).spec == RECIPES["california-random"].spec


def test_typed_settings_are_replaced_only_after_a_question(opened: AppTest) -> None:
    at = _go(opened, recipe="pima-batch-epochs")
    at.text_input(key="space_epochs_list").set_value("5").run()

    at.selectbox(key="new_start_from").set_value("recipe:pima-sgd").run()
    asked = [text.value for text in at.text]
    at.button(key="new_keep").click().run()
    kept = _bar(at)
    at.selectbox(key="new_start_from").set_value("recipe:pima-sgd").run()
    at.button(key="new_replace").click().run()

    assert asked == [
        "Replace your settings with 'Recipe: Pima diabetes, learning rate and momentum'?"
    ]
    assert kept.startswith("6 trials")
    assert _bar(at).startswith("30 trials")


def test_a_recipe_has_a_variant_with_sealed_rows_and_confirmed_leaders(
    opened: AppTest,
) -> None:
    at = _go(opened, recipe="pima-batch-epochs")
    spec = RECIPES["pima-batch-epochs"].spec

    at.segmented_control(key="new_variant").set_value("With sealed test").run()
    sealed, bar = check(at.session_state["new_draft"].fields).spec, _bar(at)
    at.segmented_control(key="new_variant").set_value("As published").run()

    assert sealed == with_sealed_test(spec)
    assert bar.startswith("19 trials × 3 folds × 1 repeat = 57 fits (21 trained), then up to")
    assert " up to 297 to confirm · perhaps " in bar  # the default settings come along
    assert check(at.session_state["new_draft"].fields).spec == spec


def test_a_recipe_in_neither_form_is_none_of_the_variants(opened: AppTest) -> None:
    at = _go(opened, recipe="pima-batch-epochs")

    at.toggle(key="new_sealed").set_value(True).run()

    assert at.segmented_control(key="new_variant").value is None
    assert not at.button(key="new_start").disabled


def test_test_rows_of_their_own_leave_a_recipe_one_variant(opened: AppTest) -> None:
    at = _go(opened, recipe="california-random")

    assert "new_variant" not in [control.key for control in at.segmented_control]


def test_confirming_is_offered_only_where_it_can_tell_more(opened: AppTest) -> None:
    at = _go(opened)
    offered = at.toggle(key="new_confirm").value

    at.segmented_control(key="new_folds").set_value(2).run()
    toggles = [toggle.key for toggle in at.toggle]
    at.segmented_control(key="new_folds").set_value(5).run()

    assert offered is True
    assert "new_confirm" not in toggles
    assert at.toggle(key="new_confirm").value is True
    assert "then up to 495 to confirm" in _bar(at)


def test_the_sentence_stands_where_confirming_cannot_tell_more(opened: AppTest) -> None:
    at = _go(opened)

    at.segmented_control(key="new_folds").set_value(2).run()

    sentence = "Confirming needs at least 3 folds: with fewer, more repeats hardly help."
    assert sentence in _captions(at)
    assert "to confirm" not in _bar(at)


def test_default_settings_are_a_limit_that_can_be_left_out(opened: AppTest) -> None:
    at = _go(opened)
    before = [text for text in _captions(at) if text.startswith("no time limit")]

    draft = at.session_state["new_draft"]
    draft.fields["include_default"] = False
    at.run()

    after = [text for text in _captions(at) if text.startswith("no time limit")]
    assert before[0].endswith("seed 7 · default settings included")
    assert after[0].endswith("seed 7")


@pytest.mark.parametrize(
    ("guess", "share", "text"),
    [
        (Estimate(9 * 60, 16 * 60, 54, 54, 6, 12 * 60), 1.0, "about 12 min (9–16 min)"),
        (Estimate(9 * 60, 16 * 60, 54, 54, 6, 12 * 60), 0.01, "about 7 s (5–10 s)"),
        (Estimate(540, 960, 54, 54, 6, 720, is_least=True), 1.0, "at least 9 min"),
        (
            Estimate(1, 3, 54, 54, 6, 2, is_measured=False),
            1.0,
            "perhaps 2 s (1–3 s)",
        ),
    ],
)
def test_time_is_told_with_its_interval(guess: Estimate, share: float, text: str) -> None:
    assert time_text(guess, share) == text


def _ask_for_minutes(at: AppTest, minutes: float) -> None:
    at.session_state["new_budget"] = True
    at.session_state["new_budget_minutes"] = minutes
    at.run()


def test_a_budget_is_fitted_by_a_click_and_undone(opened: AppTest) -> None:
    at = _go(opened)
    spec, info = starter(catalogue()["pima"]), catalogue()["pima"]
    sampler = spec.sampler.model_copy(update={"n_trials": 20})
    half = spec.model_copy(update={"sampler": sampler})
    limit_s = estimate(database(), half, info).high_s

    _ask_for_minutes(at, limit_s / 60)
    at.button(key="new_budget_use_trials").click().run()
    smaller = check(at.session_state["new_draft"].fields).spec
    at.menu_button(key="space_menu").click("Undo budget").run()

    assert smaller is not None
    assert 20 <= smaller.n_trials < 40
    assert estimate(database(), smaller, info).high_s <= limit_s * (1 + 1e-9)
    assert _bar(at).startswith("40 trials × 5 folds × 1 repeat = 200 fits")


@pytest.mark.parametrize(
    ("epochs", "minutes", "sentence"),
    [
        ("50", 10_000.0, "It fits as it is."),
        (
            "10000",
            0.1,
            "Nothing that can be left out is enough. Use a part of the rows or fewer epochs.",
        ),
    ],
)
def test_a_budget_that_leaves_no_choice_says_so(
    opened: AppTest, epochs: str, minutes: float, sentence: str
) -> None:
    at = _go(opened)
    at.session_state["new_draft"].fields["epochs.fixed"] = epochs

    _ask_for_minutes(at, minutes)

    assert sentence in [markdown.value for markdown in at.markdown]


def test_only_what_a_budget_changes_is_put_into_the_form() -> None:
    spec = starter(catalogue()["pima"])
    smaller = StudySpec.parse(
        spec.model_dump() | {"sampler": {"kind": "random", "n_trials": 12}}
    )

    assert changed_fields(spec, smaller) == {"n_trials": 12}


def _finished(state: str = FINISHED, **changes: Any) -> WrittenStudy:
    spec = StudySpec.parse(grid_spec().model_dump() | changes)
    study = WrittenStudy.waiting(database(), spec)
    study.train()
    for number in range(spec.n_trials):
        study.complete(number)
    if state != TRAINING:
        study.end(state)
    return study


def test_a_grid_is_refined_in_its_study_and_keeps_what_is_finished(opened: AppTest) -> None:
    study = _finished()
    at = _go(opened, **{"from": study.id, "refine": "1"})
    button = at.button(key="new_refine_here")
    started = at.button(key="new_start").proto.type

    button.click().run()

    row = get_study(database(), study.id)
    wider, old = StudySpec.parse(row.spec), study.spec
    assert (button.proto.type, started) == ("primary", "secondary")
    assert row.state == WAITING
    assert _query(at, "id") == study.id
    for name in old.searched:
        values = grid_values(name, wider.searched[name]) or ()
        assert set(grid_values(name, old.searched[name]) or ()) <= set(values)
    assert row.n_trials_planned == wider.n_trials > old.n_trials
    assert [row.state for row in read_trials(database(), study.id)] == ["COMPLETE"] * 12


def test_a_refined_study_begins_with_the_finer_space_and_what_it_is_judged_by(
    opened: AppTest,
) -> None:
    study = _finished()

    at = _go(opened, **{"from": study.id, "refine": "1"})

    spec = check(at.session_state["new_draft"].fields).spec
    proposed = propose(database(), study.id)
    assert spec == proposed.refinement.spec
    assert spec.is_refined
    assert (spec.data, spec.model, spec.evaluation) == (
        study.spec.data,
        study.spec.model,
        study.spec.evaluation,
    )
    shown = " ".join(markdown.value for markdown in at.markdown).replace("\\", "")
    for sentence in proposed.refinement.sentences.values():
        assert sentence in shown
    assert at.selectbox(key="new_start_from").value == f"refine:{study.id}"


def test_a_search_that_draws_is_refined_as_a_new_study_alone(opened: AppTest) -> None:
    study = _finished(sampler={"kind": "random", "n_trials": 12})

    at = _go(opened, **{"from": study.id, "refine": "1"})

    assert "new_refine_here" not in [button.key for button in at.button]
    assert at.button(key="new_start").proto.type == "primary"


def test_the_old_leader_is_tried_again_unless_somebody_switches_it_off(opened: AppTest) -> None:
    space = {
        "learning_rate": {"kind": "log_range", "low": 1e-4, "high": 1e-1},
        "epochs": {"kind": "list", "values": [10, 20]},
    }
    study = _finished(space=space, sampler={"kind": "random", "n_trials": 12})
    at = _go(opened, **{"from": study.id, "refine": "1"})
    spec = check(at.session_state["new_draft"].fields).spec
    proposed = propose(database(), study.id)
    assert spec == proposed.refinement.spec
    assert [trial.number for trial in spec.by_hand] == [1]  # after the default settings
    assert _bar(at).startswith("13 trials")

    at.toggle(key="new_try_starting").set_value(False).run()

    spec = check(at.session_state["new_draft"].fields).spec
    assert spec is not None
    assert spec.by_hand == ()
    assert _bar(at).startswith("12 trials")
    assert at.toggle(key="new_try_starting").value is False  # and can be switched on again


def test_a_clone_starts_with_the_settings_that_were_chosen_for_it(opened: AppTest) -> None:
    document = RECIPES["pima-sgd"].spec.model_dump() | {
        "recipe": None,
        "sampler": {"kind": "random", "n_trials": 5},
        "by_hand": [{"number": 0, "settings": {"learning_rate": 0.02, "momentum": 0.5}}],
    }
    spec = StudySpec.parse(document)
    study = WrittenStudy.waiting(database(), spec)

    at = _go(opened, **{"from": study.id})

    found = check(at.session_state["new_draft"].fields).spec
    assert found is not None
    assert found.by_hand == spec.by_hand
    toggle = at.toggle(key="new_try_starting")
    assert toggle.label == "Start with 1 chosen trial"
    toggle.set_value(False).run()
    assert _bar(at).startswith("5 trials")


def test_two_clicks_refine_once(opened: AppTest) -> None:
    study = _finished()
    at = _go(opened, **{"from": study.id, "refine": "1"})
    draft = at.session_state["new_draft"]

    at.button(key="new_refine_here").click().run()
    n_planned = get_study(database(), study.id).n_trials_planned
    at.session_state["new_draft"] = draft
    again = AppTest.from_function(_refine_again, default_timeout=30)
    again.session_state["new_draft"] = draft
    again.session_state["new_extended"] = draft.id
    again.run()

    assert not again.exception
    assert again.session_state["new_started"] == study.id
    assert get_study(database(), study.id).n_trials_planned == n_planned


def _refine_again() -> None:
    from pages.parts.forms.refining import refine_here

    refine_here()


def test_a_study_in_training_is_not_refined(opened: AppTest) -> None:
    study = _finished(TRAINING)

    at = _go(opened, **{"from": study.id, "refine": "1"})

    assert at.error[0].value.replace("\\", "") == (
        f"Study '{study.id}' is training, not finished. Let it finish first, then try again."
    )
    assert at.selectbox(key="new_start_from").value == BLANK


def test_a_clone_keeps_what_was_chosen_for_its_winner(opened: AppTest) -> None:
    study = _finished(confirm=True, include_default=False)

    at = _go(opened, **{"from": study.id})

    fields = at.session_state["new_draft"].fields
    assert (fields["confirm"], fields["include_default"]) == (True, False)


def test_a_blank_form_follows_the_dataset_until_it_is_edited(opened: AppTest) -> None:
    at = _go(opened, dataset="breast-cancer")

    at.selectbox(key="new_dataset").set_value("diabetes").run()
    followed = at.session_state["new_draft"].fields["name"]
    at.text_input(key="new_name").set_value("mine").run()
    at.selectbox(key="new_dataset").set_value("digits").run()

    assert followed == "diabetes-progression-search"
    assert at.text_input(key="new_name").value == "mine"
    assert at.selectbox(key="new_score").value == "accuracy"
    assert not at.button(key="new_start").disabled


def test_a_dropped_table_becomes_the_dataset(opened: AppTest) -> None:
    at = _go(opened)
    rows = [f"{i % 7},{i},{'yes' if i % 3 else 'no'}" for i in range(120)]
    table = "\n".join(["a,b,left", *rows]).encode()

    at.file_uploader(key="new_upload_0").upload("churn.csv", table)
    at.run()
    at.button(key="new_upload_use").click().run()

    assert "120 rows · 2 inputs · target left (66.7% yes)" in _captions(at)
    assert at.text_input(key="new_name").value == "churn-search"
    assert not at.button(key="new_start").disabled


def test_limits_stay_set_when_the_section_is_folded_in(opened: AppTest) -> None:
    at = _go(opened, recipe="california-random")

    shown = _captions(at)

    assert "no time limit · early stopping on, patience 10 · pruner none · seed 42" in shown
    assert check(at.session_state["new_draft"].fields).spec == RECIPES["california-random"].spec


def test_a_range_of_a_clone_is_drawn_with_its_ends(opened: AppTest) -> None:
    at = _go(opened, recipe="california-random")

    assert at.text_input(key="space_learning_rate_low").value == "0.0003"
    assert at.text_input(key="space_learning_rate_high").value == "0.03"
    setting = check(at.session_state["new_draft"].fields).readings["learning_rate"].setting
    assert setting == LogRange(low=3e-4, high=3e-2)

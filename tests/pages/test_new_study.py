"""The New study page: its form as plain data, and its main paths through the frame."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

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
from pages.parts.forms.space import fixed_at_first
from pages.parts.forms.starter import starter
from storage.database import database
from storage.drafts import load_draft
from storage.studies import count_studies, list_studies
from tuning.datasets.catalogue import catalogue
from tuning.parameters import PARAMETERS
from tuning.paste import as_python, read_pasted
from tuning.recipes import RECIPES
from tuning.setting import Choices, LogRange
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

    assert spec.evaluation.folds == 3  # 4 rows less a fifth leave 3 whole ones


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
            {"sealed": False},
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
    assert _spec(_form(sealed=True, name="mine")).recipe == "pima-batch-epochs"


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

    assert _bar(at).startswith("18 trials × 3 folds × 1 repeat = 54 fits (18 trained) · about")
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


def test_sealing_is_the_variant_of_a_recipe(opened: AppTest) -> None:
    at = _go(opened, recipe="pima-batch-epochs")

    at.toggle(key="new_sealed").set_value(True).run()
    sealed = at.segmented_control(key="new_variant").value
    at.segmented_control(key="new_variant").set_value("As published").run()

    assert sealed == "With sealed test"
    assert at.toggle(key="new_sealed").value is False


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

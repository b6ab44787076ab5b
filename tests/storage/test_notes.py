"""Notes, tags and stars are kept for studies and trials, and studies are found by them."""

from __future__ import annotations

import pytest

from storage.database import Database
from storage.errors import (
    LongNoteError,
    ManyTagsError,
    NoteTargetError,
    TagError,
    UnknownStudyError,
)
from storage.notes import (
    NOTHING,
    Note,
    change_tags,
    read_note,
    read_study_notes,
    read_tags,
    read_trial_notes,
    set_star,
    tags_in_use,
    write_note,
    write_tags,
)
from storage.results import Batch, TrialRow, write_batch
from storage.schema import note
from storage.studies import (
    Claim,
    NewStudy,
    StudyFilter,
    count_studies,
    create_study,
    delete_study,
    get_study,
    list_studies,
)


@pytest.fixture
def trial(db: Database, claim: Claim) -> int:
    """Give the number of a trial of the study that is claimed."""
    write_batch(db, claim, Batch(trials=[TrialRow(4, "RUNNING", {})]))
    return 4


def found(db: Database, **chosen: object) -> list[str]:
    """Return what is listed, after checking that as many are counted."""
    asked = StudyFilter(**chosen)  # type: ignore[arg-type]
    ids = [row.id for row in list_studies(db, asked)]
    assert count_studies(db, asked) == len(ids)
    return ids


def test_a_study_and_its_trials_have_notes_of_their_own(
    db: Database, study_id: str, trial: int
) -> None:
    write_note(db, study_id, None, "  **Start here**\n")
    write_note(db, study_id, trial, "Loss jumps")
    write_tags(db, study_id, trial, ["Adam", "#slow"])
    set_star(db, study_id, None, is_starred=True)

    assert read_note(db, study_id) == Note("**Start here**", (), is_starred=True)
    assert read_note(db, study_id, trial) == Note("Loss jumps", ("adam", "slow"))
    assert read_trial_notes(db, study_id) == {trial: Note("Loss jumps", ("adam", "slow"))}
    assert dict(read_study_notes(db, [study_id, "other"])) == {
        study_id: Note("**Start here**", (), is_starred=True)
    }


def test_where_nothing_was_written_there_is_nothing(
    db: Database, study_id: str, trial: int
) -> None:
    write_note(db, study_id, trial, "gone soon")
    write_note(db, study_id, trial, "")

    assert read_note(db, study_id) == NOTHING
    assert not read_note(db, study_id, trial)
    assert read_trial_notes(db, study_id) == {}


def test_what_is_written_last_replaces_only_its_own_kind(db: Database, study_id: str) -> None:
    write_tags(db, study_id, None, ["first"])
    set_star(db, study_id, None, is_starred=True)
    write_note(db, study_id, None, "one")
    write_note(db, study_id, None, "two")
    set_star(db, study_id, None, is_starred=False)

    assert read_note(db, study_id) == Note("two", ("first",))


def test_tags_are_added_and_taken_away_one_by_one(db: Database, study_id: str) -> None:
    assert change_tags(db, study_id, None, add=["b", "a"]) == ("b", "a")
    assert change_tags(db, study_id, None, add=["B", "c"], remove=["a"]) == ("b", "c")
    assert read_note(db, study_id).tags == ("b", "c")


def test_a_note_is_no_result(db: Database, study_id: str) -> None:
    before = get_study(db, study_id)

    write_note(db, study_id, None, "seen")

    assert get_study(db, study_id) == before


def test_notes_need_a_study_and_a_trial_that_are_there(db: Database, study_id: str) -> None:
    with pytest.raises(UnknownStudyError):
        write_note(db, "nowhere", None, "x")
    with pytest.raises(NoteTargetError) as error:
        set_star(db, study_id, 7, is_starred=True)

    assert str(error.value) == (
        f"Study '{study_id}' has no trial 7. Choose one that has been started."
    )


def test_a_note_has_an_end(db: Database, study_id: str) -> None:
    write_note(db, study_id, None, "x" * 10_000)
    with pytest.raises(LongNoteError) as error:
        write_note(db, study_id, None, "x" * 10_001)

    assert str(error.value) == "The note has 10,001 characters. Shorten it to 10,000."


def test_a_note_may_hold_what_databases_dislike(db: Database, study_id: str) -> None:
    write_note(db, study_id, None, "100 % \x00'; DROP TABLE note; -- 汉字 🙂")

    assert read_note(db, study_id).text == "100 % '; DROP TABLE note; -- 汉字 🙂"


@pytest.mark.parametrize("tag", ["", "two words", 'a"b', "a,b", "x" * 31, "<b>"])
def test_what_is_no_tag_is_named(tag: str) -> None:
    with pytest.raises(TagError) as error:
        read_tags([tag])
    assert str(error.value) == (
        f"{tag!r} is no tag. Use up to 30 letters, digits, - _ + and . only."
    )


def test_there_are_not_many_tags() -> None:
    assert len(read_tags([f"t{place}" for place in range(12)])) == 12
    with pytest.raises(ManyTagsError) as error:
        read_tags([f"t{place}" for place in range(13)])
    assert str(error.value) == "13 tags are too many. Keep at most 12."


def test_studies_are_found_by_notes_tags_and_stars_of_theirs_and_of_their_trials(
    db: Database, study_id: str, trial: int, new_study: NewStudy
) -> None:
    other = create_study(db, new_study)
    write_note(db, other, None, "Überraschung with 50 %")
    write_tags(db, other, None, ["baseline"])
    write_note(db, study_id, trial, "Diverges late")
    write_tags(db, study_id, trial, ["base", "größe"])
    set_star(db, study_id, trial, is_starred=True)

    assert found(db, text="diverges") == [study_id]
    assert found(db, text="50 %") == [other]
    assert found(db, text="50 _") == []
    assert found(db, text="Überraschung") == [other]
    assert found(db, text="baseline") == [other]
    assert set(found(db, text="base")) == {study_id, other}
    assert found(db, tags=("base",)) == [study_id]
    assert found(db, tags=("größe",)) == [study_id]
    assert found(db, tags=("base", "baseline")) == []
    assert found(db, is_starred=True) == [study_id]
    assert found(db, is_starred=True, text="baseline") == []
    assert set(found(db, text="PIMA")) == {study_id, other}
    assert tags_in_use(db) == ["base", "baseline", "größe"]


def test_an_underscore_in_a_tag_is_no_wildcard(db: Database, study_id: str) -> None:
    write_tags(db, study_id, None, ["axb"])

    assert found(db, tags=("a_b",)) == []


def test_notes_go_with_their_study(db: Database, study_id: str, trial: int) -> None:
    write_note(db, study_id, None, "x")
    write_note(db, study_id, trial, "y")

    delete_study(db, study_id)

    with db.read() as connection:
        assert connection.execute(note.select()).all() == []

"""All good and all bad files, made anew in memory; nothing is stored."""

from __future__ import annotations

from tests.datasets.files import bad_others, bad_texts, good_others, good_texts
from tests.datasets.files.bad_texts import BadFile
from tests.datasets.files.make_files import GoodFile


def make_good_files() -> list[GoodFile]:
    """Make all good files."""
    groups = (
        good_texts.separators(),
        good_texts.quotes(),
        good_texts.marks(),
        good_texts.encodings(),
        good_texts.lines(),
        good_texts.headers(),
        good_texts.values(),
        good_texts.dates(),
        good_others.packed(),
        good_others.workbooks(),
        good_others.typed(),
        good_others.arrays(),
        good_others.folders(),
    )
    return [file for group in groups for file in group]


def make_bad_files() -> list[BadFile]:
    """Make all bad files."""
    groups = (
        bad_texts.empty(),
        bad_texts.other_kinds(),
        bad_texts.tables(),
        bad_texts.too_large(),
        bad_texts.asked_for(),
        bad_others.archives(),
        bad_others.paths(),
        bad_others.workbooks(),
        bad_others.typed(),
        bad_others.arrays(),
        bad_others.folders(),
    )
    return [file for group in groups for file in group]

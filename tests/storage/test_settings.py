"""Every setting: a default that works, a variable that sets it, a line in the README."""

from __future__ import annotations

from pathlib import Path

import pytest

from storage.errors import SettingsError
from storage.settings import Settings, settings

README = Path(__file__).resolve().parents[2] / "README.md"
NAMES = tuple(Settings.model_fields)
VARIABLES = tuple(f"TUNEBOARD_{name.upper()}" for name in NAMES)


@pytest.fixture(autouse=True)
def _bare(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Read each test's own environment, without any of the variables."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


def test_every_setting_has_a_default_and_says_what_it_is() -> None:
    chosen = settings()

    assert (chosen.workers, chosen.upload_limit_mb) == (1, 50)
    assert (chosen.datasets, chosen.database_url, chosen.public_url) == (None, None, None)
    assert chosen.home.name == "tuneboard"
    for field in Settings.model_fields.values():
        assert not field.is_required()
        assert field.description
        assert field.description.endswith(".")


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("home", "/data", Path("/data")),
        ("database_url", "sqlite:////data/x.sqlite3", "sqlite:////data/x.sqlite3"),
        ("datasets", "/files", Path("/files")),
        ("workers", "0", 0),
        ("upload_limit_mb", "200", 200),
        ("public_url", "https://tuning.example", "https://tuning.example"),
    ],
)
def test_a_variable_sets_its_setting(
    monkeypatch: pytest.MonkeyPatch, name: str, text: str, value: object
) -> None:
    monkeypatch.setenv(f"TUNEBOARD_{name.upper()}", text)

    assert getattr(settings(), name) == value


def test_an_empty_variable_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    default = Settings()
    for name in VARIABLES:
        monkeypatch.setenv(name, "")

    assert settings() == default


def test_the_database_lies_in_the_data_folder_unless_it_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert Settings(home=Path("/data")).url == "sqlite:////data/tuneboard.sqlite3"
    assert Settings(database_url="sqlite:///other.sqlite3").url == "sqlite:///other.sqlite3"


def test_a_value_that_cannot_be_is_named_with_its_variable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TUNEBOARD_WORKERS", "65")

    with pytest.raises(SettingsError) as error:
        settings()

    assert str(error.value) == (
        "TUNEBOARD_WORKERS is '65'. Input should be less than or equal to 64. "
        + "Change it, or unset it."
    )


@pytest.mark.parametrize("name", VARIABLES)
def test_the_readme_explains_every_setting(name: str) -> None:
    assert name in README.read_text(encoding="utf-8")

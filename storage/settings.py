"""Every setting in one place: environment variables, each with a default that works."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Annotated, Literal

import platformdirs
from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from storage.errors import SettingsError

_PREFIX = "TUNEBOARD_"


class Settings(BaseSettings):
    """What can be set from outside, read from variables that start with ``TUNEBOARD_``."""

    model_config = SettingsConfigDict(
        env_prefix=_PREFIX,
        env_ignore_empty=True,  # compose files hand on what is unset as an empty value
        frozen=True,
    )

    home: Annotated[
        Path, Field(description="Data folder: database, uploads, downloads, saved models.")
    ] = Path(platformdirs.user_data_dir("tuneboard", appauthor=False))
    database_url: Annotated[
        str | None,
        Field(description="Database address; a SQLite file in the data folder if unset."),
    ] = None
    datasets: Annotated[
        Path | None, Field(description="A folder that already holds dataset files.")
    ] = None
    workers: Annotated[
        int,
        Field(ge=0, le=64, description="Training processes the app keeps running; 0: none."),
    ] = 1
    trainer: Annotated[
        Literal["auto", "keras"],
        Field(description="auto: the fastest way for each network; keras: Model.fit for all."),
    ] = "auto"
    compiled_limit: Annotated[
        int,
        Field(
            ge=1, description="Computations a training process compiles; then it begins anew."
        ),
    ] = 200
    memory_limit_mb: Annotated[
        int | None,
        Field(ge=500, description="Most memory of a training process, in MB; what is there."),
    ] = None
    cluster: Annotated[
        str | None,
        Field(description="Address of a Dask scheduler; unset: processes of this machine."),
    ] = None
    cluster_ca: Annotated[
        Path | None, Field(description="File with the cluster's certificate authority (TLS).")
    ] = None
    cluster_cert: Annotated[
        Path | None, Field(description="File with this side's certificate (TLS).")
    ] = None
    cluster_key: Annotated[
        Path | None, Field(description="File with the key of that certificate (TLS).")
    ] = None
    upload_limit_mb: Annotated[
        int, Field(ge=1, le=4096, description="Largest file a browser may upload, in MB.")
    ] = 50
    min_free_mb: Annotated[
        int, Field(ge=0, description="Space that stays free on the disk, in MB.")
    ] = 500
    public_url: Annotated[
        str | None, Field(description="Address people open, for links made by Share.")
    ] = None

    @property
    def url(self) -> str:
        """Address of the database in use."""
        return self.database_url or f"sqlite:///{self.home / 'tuneboard.sqlite3'}"


@functools.lru_cache(maxsize=1)
def settings() -> Settings:
    """Read the environment once per process.

    Raises
    ------
    SettingsError
        If a variable holds what it cannot.
    """
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = f"{_PREFIX}{first['loc'][0]}".upper()
        raise SettingsError(name, first["input"], first["msg"]) from error

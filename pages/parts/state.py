"""What a page remembers: the database for all sessions, small things for one."""

from __future__ import annotations

import uuid
from typing import Any

import streamlit as st

from storage.database import Database, database


def db() -> Database:
    """Return the one database of this process."""
    return database()


def remember(key: str, value: object) -> None:
    """Keep a value for this session, under a key no widget has."""
    st.session_state[key] = value


def recall(key: str, default: Any = None) -> Any:  # noqa: ANN401 (whatever was remembered)
    """Return what was remembered, and keep it."""
    return st.session_state.get(key, default)


def take(key: str, default: Any = None) -> Any:  # noqa: ANN401 (whatever was remembered)
    """Return what was remembered, and forget it."""
    return st.session_state.pop(key, default)


def popover_key(name: str) -> str:
    """Return the key of a popover; `close_popover` changes it, so that a new one is drawn."""
    return f"{name}_{st.session_state.get(f'closed_{name}', 0)}"


def close_popover(name: str) -> None:
    """Let the next run draw a popover closed; called back by a button in it."""
    st.session_state[f"closed_{name}"] = st.session_state.get(f"closed_{name}", 0) + 1


def token(key: str) -> str:
    """Return a random token, the same until `forget_token`: two clicks then do one thing."""
    return str(st.session_state.setdefault(f"token_{key}", uuid.uuid4().hex))


def forget_token(key: str) -> None:
    """Let the next click be a new wish."""
    st.session_state.pop(f"token_{key}", None)


def query(name: str) -> str:
    """Return a query parameter of the address; empty if it is not there."""
    return str(st.query_params.get(name, ""))


def timezone() -> str:
    """Return the time zone of the browser, such as Europe/Berlin."""
    return st.context.timezone or "UTC"

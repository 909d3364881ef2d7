"""Edge runtime: numpy and one inference backend; imports neither torch nor onnx."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from slsc.runtime.session import Session

__all__ = ["Session"]


def __getattr__(name: str) -> Any:
    # On demand, so that reading a manifest needs no backend.
    if name == "Session":
        from slsc.runtime.session import Session

        return Session
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

"""The one exception tree of the project, and the exit code each branch maps to.

Every error says what failed, where, why, and what to type next. Exit codes of the command line:
0 done; 1 a check or verification failed; 2 usage or unusable input; 3 a stated requirement is unmet;
4 device or backend missing.
"""

from __future__ import annotations

from slsc.printable import printable


class SlscError(Exception):
    """Base of every error slsc raises on purpose.

    Args:
        what: what failed, one clause without a full stop.
        where: file, node or tensor concerned.
        why: the cause.
        hint: what to type or change next.
        exit_code: overrides the exit code of the class for this one error.
    """

    exit_code = 2

    def __init__(
        self,
        what: str,
        *,
        where: str | None = None,
        why: str | None = None,
        hint: str | None = None,
        exit_code: int | None = None,
    ) -> None:
        self.what, self.where, self.why, self.hint = what, where, why, hint
        if exit_code is not None:
            self.exit_code = exit_code
        super().__init__(self._line())

    def _line(self) -> str:
        """The error as one line, safe to print whatever names it quotes: `where: what: why; hint`."""
        parts = [part for part in (self.where, self.what, self.why) if part]
        line = ": ".join(str(part) for part in parts)
        return printable(" ".join((f"{line}; {self.hint}" if self.hint else line).split()))

    def to_dict(self) -> dict[str, str | int | None]:
        """The error as the object that `--json` prints under `error`."""
        return {
            "type": type(self).__name__,
            "what": self.what,
            "where": self.where,
            "why": self.why,
            "hint": self.hint,
            "exit_code": self.exit_code,
        }


class UsageError(SlscError):
    """The command line or a call's arguments cannot be used."""


class ModelError(SlscError):
    """A model file is unreadable, not ONNX, or holds something slsc does not take."""


class PlanError(SlscError):
    """A plan is malformed, or does not fit the model it is applied to."""


class BudgetError(SlscError):
    """A budget is outside (0, 1] (exit 2) or cannot be reached (exit 3)."""


class DataError(SlscError):
    """An image or a folder of images cannot be used."""


class BundleError(SlscError):
    """A bundle is damaged, hostile, or newer than this slsc; `code` is one of a closed set.

    The set of codes is `slsc.runtime.bundle.reader.BundleFault`.
    """

    exit_code = 1

    def __init__(self, code: str, what: str, **details: str | None) -> None:
        self.code = code
        super().__init__(what, **details)  # type: ignore[arg-type]

    def to_dict(self) -> dict[str, str | int | None]:
        """The error with its code, as `--json` prints it."""
        return {**super().to_dict(), "code": self.code}


class VerificationError(SlscError):
    """A check of ours failed: a pass changed the function, or a written file is not what was asked for."""

    exit_code = 1


class BackendError(SlscError):
    """A backend or device is missing, or refused a model."""

    exit_code = 4


class ResourceError(SlscError):
    """Memory or disk does not suffice for what was asked."""

    exit_code = 3


class StorageError(ResourceError):
    """The disk is full: whatever else was to be written there cannot be either."""

"""Telling how far work of several stages is."""

from __future__ import annotations

from collections.abc import Callable

StageProgress = Callable[[str, int, int], None]
"""Called with (stage, done, total) as work proceeds; the stages follow one another."""

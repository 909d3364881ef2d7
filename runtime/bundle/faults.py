"""The closed set of ways in which a bundle can be refused."""

from __future__ import annotations

from enum import Enum


class BundleFault(str, Enum):
    """Code of a `BundleError`; callers branch on it, users read the message."""

    UNREADABLE = "unreadable"
    """The file is missing, a folder, or the system refuses to read it."""
    NOT_A_BUNDLE = "not_a_bundle"
    """Not a zip as slsc writes it: another format, or bytes before, between or after its parts."""
    TRUNCATED = "truncated"
    """The file ends before its table of contents does."""
    OLDER_SCHEMA = "older_schema"
    """The manifest's schema is older than this slsc reads."""
    NEWER_SCHEMA = "newer_schema"
    """The manifest's schema is newer than this slsc reads, or it holds what this slsc does not know yet."""
    BAD_MANIFEST = "bad_manifest"
    """`manifest.json` is not strict JSON, or a field is missing, unknown, of the wrong type or out of range."""
    MISSING_ENTRY = "missing_entry"
    """The manifest names an entry which the file does not hold, or there is no manifest."""
    UNEXPECTED_ENTRY = "unexpected_entry"
    """The file holds an entry which the manifest does not name."""
    DUPLICATE_ENTRY = "duplicate_entry"
    """Two entries have the same name, compared without case."""
    CHANGED_ENTRY = "changed_entry"
    """The size or checksum of an entry is not the recorded one."""
    COMPRESSED_ENTRY = "compressed_entry"
    """An entry is compressed or encrypted; slsc stores entries as they are."""
    BAD_PATH = "bad_path"
    """An entry's name is absolute, leaves the bundle, or uses characters outside [A-Za-z0-9._-/]."""
    TOO_LARGE = "too_large"
    """The file, an entry or the table of contents exceeds the limits of this reader."""

"""Reading `.slsb` bundles, which may be damaged or hostile.

A bundle is a zip whose entries are stored as they are, back to back from the first byte, followed by the central
directory and a 22-byte end record without comment: what Python's `zipfile` writes. Nothing else is accepted.
All sizes, names and offsets are checked before anything of that size is allocated.
"""

from __future__ import annotations

import hashlib
import re
import struct
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NoReturn

from slsc.errors import BundleError, UsageError
from slsc.runtime.bundle.engines import Engine
from slsc.runtime.bundle.faults import BundleFault
from slsc.runtime.bundle.fields import parse_json
from slsc.runtime.bundle.manifest import SCHEMA, Manifest
from slsc.runtime.regular_file import require_regular

__all__ = ["MANIFEST_NAME", "MAX_BUNDLE_BYTES", "SCHEMA", "Bundle", "BundleFault", "open_bundle", "require_entry_name"]

MANIFEST_NAME = "manifest.json"
MAX_BUNDLE_BYTES = (1 << 31) - 1
MAX_MANIFEST_BYTES = 8 << 20
MAX_DIRECTORY_BYTES = 1 << 20
MAX_ENTRIES = 1024

ENTRY_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*")
MAX_NAME = 200

LOCAL_MAGIC, END_MAGIC = b"PK\x03\x04", b"PK\x05\x06"
LOCAL_HEADER_BYTES = 30
END_RECORD = struct.Struct("<4s4H2LH")


@dataclass(frozen=True)
class Extent:
    """Where an entry's bytes lie in the file."""

    offset: int
    size: int


@dataclass(frozen=True)
class Bundle:
    """An opened bundle: checked manifest and extents of the entries. Holds no file handle, so threads may share it."""

    path: Path
    manifest: Manifest
    extents: Mapping[str, Extent]

    def select(self, name: str | None) -> list[Engine]:
        """The engine of that name; every engine for None, the default first.

        Raises:
            UsageError: there is no such engine.
        """
        found = [engine for engine in self.manifest.engines if name in (None, engine.name)]
        if not found:
            names = ", ".join(engine.name for engine in self.manifest.engines)
            raise UsageError(f"the bundle has no engine {name!r}", where=str(self.path), hint=f"it has {names}")
        return found

    def read(self, entry: str) -> bytes:
        """The bytes of an entry.

        Raises:
            BundleError: no such entry (MISSING_ENTRY), SHA-256 not that of the manifest (CHANGED_ENTRY), or the
                file can no longer be read (UNREADABLE).
        """
        if entry not in self.extents:
            _refuse(self.path, BundleFault.MISSING_ENTRY, f"there is no entry {entry[:MAX_NAME]!r}")
        with _opened(self.path) as file:
            data = _read_at(file, self.extents[entry])
        if hashlib.sha256(data).hexdigest() != self.manifest.entries[entry].sha256:
            _refuse(self.path, BundleFault.CHANGED_ENTRY, f"{entry} does not have the SHA-256 recorded in the manifest")
        return data

    def verify_all(self) -> None:
        """Check the SHA-256 of every entry; raises as `read`."""
        for entry in self.extents:
            self.read(entry)


def open_bundle(path: str | Path) -> Bundle:
    """Open a bundle and check its structure and manifest; entries are checked against their SHA-256 when read.

    Raises:
        BundleError: with a code of `BundleFault`.
    """
    path = Path(path)
    with _opened(path) as file:
        extents, crc = _table_of_contents(path, file)
        manifest = _read_manifest(path, file, extents, crc)
    extents.pop(MANIFEST_NAME)
    _require_agreement(path, manifest, extents)
    return Bundle(path, manifest, extents)


def require_entry_name(name: str, path: Path) -> None:
    """Refuse (BAD_PATH) an entry name that is absolute, has `..`, backslashes, or anything but [A-Za-z0-9._-/]."""
    if len(name) > MAX_NAME or not ENTRY_NAME.fullmatch(name):
        _refuse(path, BundleFault.BAD_PATH, f"the entry name {name[:MAX_NAME]!r} is not allowed")


HINTS = {
    BundleFault.UNREADABLE: "check the path and the permissions",
    BundleFault.TRUNCATED: "copy it again, or make it again with `slsc compile`",
    BundleFault.BAD_PATH: "do not trust this file; make it again with `slsc compile`",
    BundleFault.UNEXPECTED_ENTRY: "do not trust this file; make it again with `slsc compile`",
    BundleFault.CHANGED_ENTRY: "copy it again, or make it again with `slsc compile`",
}


def _refuse(path: Path, fault: BundleFault, why: str) -> NoReturn:
    raise _refusal(path, fault, why)


def _refusal(path: Path, fault: BundleFault, why: str) -> BundleError:
    hint = HINTS.get(fault, "make it again with `slsc compile`")
    if path.suffix == ".onnx" and fault is BundleFault.NOT_A_BUNDLE:
        hint = f"compile it first: slsc compile {path.name} --budget 1/8"
    return BundleError(fault, "cannot open the bundle", where=str(path), why=why, hint=hint)


def _opened(path: Path) -> BinaryIO:
    try:
        require_regular(path)
        return path.open("rb")
    except OSError as error:
        refusal = _refusal(path, BundleFault.UNREADABLE, error.strerror or type(error).__name__)
        refusal.exit_code = UsageError.exit_code  # a mistyped path is no damaged bundle
        raise refusal from None


def _read_at(file: BinaryIO, extent: Extent) -> bytes:
    file.seek(extent.offset)
    return file.read(extent.size)


def _table_of_contents(path: Path, file: BinaryIO) -> tuple[dict[str, Extent], int]:
    """Extents of all entries by name, and the CRC-32 of the manifest entry."""
    directory_at = _find_directory(path, file)
    try:
        with zipfile.ZipFile(file) as archive:
            infos = archive.infolist()
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, struct.error, ValueError, OverflowError) as error:
        _refuse(path, BundleFault.NOT_A_BUNDLE, f"its table of contents is damaged ({error})")
    extents: dict[str, Extent] = {}
    crc, expected = 0, 0
    for info in infos:
        _require_plain_entry(path, info)
        if info.header_offset != expected or expected + LOCAL_HEADER_BYTES > directory_at:
            _refuse(path, BundleFault.NOT_A_BUNDLE, f"entry {info.filename} is not where slsc would have put it")
        if info.filename.lower() in (name.lower() for name in extents):
            _refuse(path, BundleFault.DUPLICATE_ENTRY, f"{info.filename} appears twice")
        data_at = expected + LOCAL_HEADER_BYTES + len(info.filename)
        extents[info.filename] = Extent(data_at, info.file_size)
        crc = info.CRC if info.filename == MANIFEST_NAME else crc
        expected = data_at + info.file_size
    if expected != directory_at:
        _refuse(path, BundleFault.NOT_A_BUNDLE, "its entries do not fill the file up to the table of contents")
    return extents, crc


def _find_directory(path: Path, file: BinaryIO) -> int:
    """Offset of the central directory, after checking that the end record is sound and really ends the file."""
    size = file.seek(0, 2)
    if size > MAX_BUNDLE_BYTES:
        _refuse(path, BundleFault.TOO_LARGE, f"it has {size} bytes, the limit is {MAX_BUNDLE_BYTES}")
    if _read_at(file, Extent(0, len(LOCAL_MAGIC))) != LOCAL_MAGIC:
        _refuse(path, BundleFault.NOT_A_BUNDLE, "it is empty" if not size else "it does not begin as a bundle does")
    tail_at = max(0, size - (1 << 16) - END_RECORD.size)
    tail = _read_at(file, Extent(tail_at, size - tail_at))
    end_at = tail.rfind(END_MAGIC)
    if end_at < 0:
        _refuse(path, BundleFault.TRUNCATED, "the table of contents at its end is missing")
    if len(tail) - end_at < END_RECORD.size:
        _refuse(path, BundleFault.TRUNCATED, "it ends inside its last record")
    _, disk, first_disk, here, count, length, offset, comment = END_RECORD.unpack_from(tail, end_at)
    if len(tail) - end_at > END_RECORD.size or comment:
        _refuse(path, BundleFault.NOT_A_BUNDLE, "there are foreign bytes after its end")
    if count > MAX_ENTRIES or length > MAX_DIRECTORY_BYTES:
        _refuse(path, BundleFault.TOO_LARGE, f"its table of contents claims {count} entries in {length} bytes")
    if disk or first_disk or here != count or offset + length + END_RECORD.size != size:
        _refuse(path, BundleFault.NOT_A_BUNDLE, "its end record does not fit the file (foreign or missing bytes)")
    return int(offset)


def _require_plain_entry(path: Path, info: zipfile.ZipInfo) -> None:
    require_entry_name(info.orig_filename, path)
    if info.compress_type != zipfile.ZIP_STORED or info.flag_bits & 1 or info.compress_size != info.file_size:
        _refuse(path, BundleFault.COMPRESSED_ENTRY, f"entry {info.filename} is compressed or encrypted")
    if info.extra or info.comment or info.flag_bits:
        _refuse(path, BundleFault.NOT_A_BUNDLE, f"entry {info.filename} has fields which slsc never writes")
    if info.file_size > MAX_BUNDLE_BYTES or (info.filename == MANIFEST_NAME and info.file_size > MAX_MANIFEST_BYTES):
        _refuse(path, BundleFault.TOO_LARGE, f"entry {info.filename} claims {info.file_size} bytes")


def _read_manifest(path: Path, file: BinaryIO, extents: Mapping[str, Extent], crc: int) -> Manifest:
    if MANIFEST_NAME not in extents:
        _refuse(path, BundleFault.MISSING_ENTRY, f"it holds no {MANIFEST_NAME}")
    text = _read_at(file, extents[MANIFEST_NAME])
    if zlib.crc32(text) != crc:
        _refuse(path, BundleFault.CHANGED_ENTRY, f"{MANIFEST_NAME} does not have its recorded CRC-32")
    try:
        return Manifest.from_dict(parse_json(text))
    except BundleError as error:
        where = f"{path}, {error.where}" if error.where else str(path)
        raise BundleError(error.code, error.what, where=where, why=error.why, hint=error.hint) from None


def _require_agreement(path: Path, manifest: Manifest, extents: Mapping[str, Extent]) -> None:
    """The file holds exactly the entries the manifest names, each of the recorded size."""
    for name in manifest.entries:
        require_entry_name(name, path)
        if name not in extents:
            _refuse(path, BundleFault.MISSING_ENTRY, f"entry {name} is missing")
    for name, extent in extents.items():
        if name not in manifest.entries:
            _refuse(path, BundleFault.UNEXPECTED_ENTRY, f"entry {name} is not in the manifest")
        if extent.size != manifest.entries[name].bytes:
            _refuse(path, BundleFault.CHANGED_ENTRY, f"{name} has {extent.size} bytes, the manifest says otherwise")

"""Seeded damage: any bytes of any file, and changes that leave what a reader checks first intact."""

from __future__ import annotations

import io
import json
import random
import struct
import zipfile
import zlib
from collections.abc import Callable
from typing import Any

import onnx
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import DecodeError, Message

from fuzzing.seeds import rewritten

NUMBERS = (
    -(2**63),
    -(2**31),
    -65536,
    -1,
    0,
    1,
    2,
    3,
    16,
    255,
    256,
    65535,
    65536,
    10**6,
    2**31 - 1,
    2**31,
    2**32,
    2**63 - 1,
)
REALS = (0.0, -1.0, 0.5, 1e-40, 1e9, 1e30, float("inf"), float("-inf"), float("nan"))
TEXTS = ("", "..", "/etc/passwd", "../x", "a\0b", "\x1b[31m", "\ud800", "\u202e", "x" * 5000, "Loop", "Conv", "Resize")
MAX_CHANGES = 4

Mutation = Callable[[bytes, random.Random], bytes]


def mutated(kind: str, data: bytes, rng: random.Random) -> bytes:
    """A file of a kind, changed in one to `MAX_CHANGES` places."""
    change = MUTATIONS[kind] if rng.random() < 0.75 else damaged
    for _ in range(rng.randint(1, MAX_CHANGES)):
        data = change(data, rng)
    return data


def damaged(data: bytes, rng: random.Random) -> bytes:
    """A bit, a byte, a word or a stretch of the file changed, cut out or repeated."""
    if not data:
        return rng.randbytes(8)
    content = bytearray(data)
    at = rng.randrange(len(content))
    kind = rng.randrange(6)
    if kind == 0:
        content[at] ^= 1 << rng.randrange(8)
    elif kind == 1:
        content[at] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)))
    elif kind == 2:
        order = rng.choice("<>")
        content[at : at + 4] = struct.pack(f"{order}I", rng.choice(NUMBERS) & 0xFFFFFFFF)
    elif kind == 3:
        del content[at : at + rng.choice((1, 2, 4, 16, len(content)))]
    elif kind == 4:
        content[at:at] = content[at : at + rng.choice((1, 4, 16, 64))]
    else:
        content[at:at] = rng.randbytes(rng.choice((1, 4, 16)))
    return bytes(content)


def changed_words(data: bytes, rng: random.Random) -> bytes:
    """An aligned 32-bit word of a plan set to what may hurt, or moved a little."""
    if len(data) < 4:
        return damaged(data, rng)
    content = bytearray(data)
    # Records stand at the front, most of a plan are weights.
    at = 4 * rng.randrange(min(len(content), 2048) // 4)
    old = struct.unpack_from("<I", content, at)[0]
    new = rng.choice(NUMBERS) if rng.random() < 0.5 else old + rng.randint(-3, 3)
    struct.pack_into("<I", content, at, new & 0xFFFFFFFF)
    return bytes(content)


def changed_bundle(data: bytes, rng: random.Random) -> bytes:
    """A bundle whose manifest or an entry is changed, written anew with sound sizes and checksums."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            files = {name: archive.read(name) for name in archive.namelist()}
        manifest = json.loads(files.pop("manifest.json"))
        manifest.pop("entries", None)
    except (
        zipfile.BadZipFile,
        KeyError,
        ValueError,
        RecursionError,
        NotImplementedError,
        OSError,
        RuntimeError,
        EOFError,
    ):
        return damaged(data, rng)
    if not isinstance(manifest, dict):
        return damaged(data, rng)
    if files and rng.random() < 0.5:
        name = rng.choice(sorted(files))
        change = {"nmp": changed_words, "onnx": changed_network}.get(name.rpartition(".")[2], damaged)
        files[name] = change(files[name], rng)
    else:
        _change_json(manifest, rng)
    return rewritten(manifest, files)


def _change_json(value: Any, rng: random.Random) -> None:
    """Change one value somewhere in a tree of objects and lists, or drop or add one."""
    places = list(_places(value))
    if not places:
        return
    parent, key = rng.choice(places)
    kind = rng.randrange(8)
    if kind == 0:
        del parent[key]
    elif kind == 1 and isinstance(parent, dict):
        parent[rng.choice(TEXTS)] = parent[key]
    elif kind == 2:
        parent[key] = [parent[key]] * rng.choice((0, 2, 3))
    else:
        parent[key] = rng.choice((*NUMBERS, *REALS, *TEXTS, None, True, [], {}))


def _places(value: Any) -> list[tuple[Any, Any]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found = []
    for key, inner in list(items):
        found += [(value, key), *_places(inner)]
    return found


def changed_network(data: bytes, rng: random.Random) -> bytes:
    """An ONNX file with one field of one message changed, dropped, repeated or added."""
    model = onnx.ModelProto()
    try:
        model.ParseFromString(data)
    except DecodeError:
        return damaged(data, rng)
    message = rng.choice(list(_messages(model)))
    set_fields = [field for field, _ in message.ListFields()]
    field = rng.choice(set_fields if set_fields and rng.random() < 0.8 else list(message.DESCRIPTOR.fields))
    _change_field(message, field, rng)
    return model.SerializeToString()


def _messages(message: Message) -> list[Message]:
    found = [message]
    for field, value in message.ListFields():
        if field.message_type is not None:
            for inner in value if field.is_repeated else (value,):
                found += _messages(inner)
    return found


def _change_field(message: Message, field: FieldDescriptor, rng: random.Random) -> None:
    held = getattr(message, field.name)
    if not field.is_repeated:
        if field.message_type is not None:
            message.ClearField(field.name) if rng.random() < 0.5 else held.SetInParent()
        else:
            setattr(message, field.name, _value(field, held, rng))
        return
    kind = rng.randrange(4)
    at = rng.randrange(len(held)) if held else 0
    if kind == 0 and held:
        del held[at]
    elif field.message_type is not None:
        held.add().CopyFrom(held[at]) if len(held) > 1 else held.add()
    elif kind == 1 or not held:
        held.append(_value(field, None, rng))
    else:
        held[at] = _value(field, held[at], rng)


def _value(field: FieldDescriptor, old: Any, rng: random.Random) -> Any:
    if field.cpp_type == FieldDescriptor.CPPTYPE_STRING:
        if field.type == FieldDescriptor.TYPE_BYTES:
            return damaged(old or b"", rng)
        return rng.choice([text for text in TEXTS if text.isprintable() or "\x1b" in text or "\0" in text])
    if field.cpp_type in (FieldDescriptor.CPPTYPE_FLOAT, FieldDescriptor.CPPTYPE_DOUBLE):
        return rng.choice(REALS)
    if field.cpp_type == FieldDescriptor.CPPTYPE_ENUM:
        return rng.choice([value.number for value in field.enum_type.values])
    bits = 31 if field.cpp_type in (FieldDescriptor.CPPTYPE_INT32, FieldDescriptor.CPPTYPE_UINT32) else 63
    new = rng.choice(NUMBERS) if old is None or rng.random() < 0.7 else old + rng.randint(-2, 2)
    low = 0 if field.cpp_type in (FieldDescriptor.CPPTYPE_UINT32, FieldDescriptor.CPPTYPE_UINT64) else -(2**bits)
    return min(max(new, low), 2**bits - 1)


def changed_image(data: bytes, rng: random.Random) -> bytes:
    """A photo damaged near its front, where headers are; a PNG's checksums are made to fit again."""
    front = min(len(data), 256)
    content = damaged(data[:front], rng) + data[front:]
    return _with_checksums(content) if content.startswith(b"\x89PNG") else content


def _with_checksums(png: bytes) -> bytes:
    content, at = bytearray(png), 8
    while at + 12 <= len(content):
        end = at + 8 + struct.unpack_from(">I", content, at)[0]
        if end + 4 > len(content):
            break
        struct.pack_into(">I", content, end, zlib.crc32(content[at + 4 : end]))
        at = end + 4
    return bytes(content)


MUTATIONS: dict[str, Mutation] = {
    "plan": changed_words,
    "bundle": changed_bundle,
    "onnx": changed_network,
    "image": changed_image,
}

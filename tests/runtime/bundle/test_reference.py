"""docs/reference/bundle.md is what the reader does: its example, and the bounds that it states."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from slsc.pattern import RULES
from slsc.runtime.bundle import engines, fields, manifest, reader
from slsc.runtime.bundle.manifest import Manifest

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "bundle.md"


@pytest.fixture(scope="module")
def page() -> str:
    return PAGE.read_text()


def example_of(page: str) -> str:
    (example,) = re.findall(r"```json\n(.*?)```", page, re.DOTALL)
    return example


def test_the_example_is_read_and_written_again(page: str) -> None:
    example = example_of(page)
    read = Manifest.from_dict(fields.parse_json(example.encode()))
    assert json.loads(json.dumps(read.to_dict())) == json.loads(example)


def test_every_field_is_explained(page: str) -> None:
    example = example_of(page)
    text = page.replace(example, "")
    figures = {"psnr_y", "psnr_to_dense", "max_abs_to_dense"}
    fields_of_example = set(re.findall(r'"([a-z_0-9]+)":', example)) - figures
    assert not [name for name in fields_of_example if f"`{name}`" not in text and f'"{name}"' not in text]


@pytest.mark.parametrize(
    "bound",
    [
        f"| entries | {reader.MAX_ENTRIES} |",
        f"| central directory | {reader.MAX_DIRECTORY_BYTES >> 20} MiB |",
        f"| `manifest.json` | {reader.MAX_MANIFEST_BYTES >> 20} MiB |",
        f"1 to {reader.MAX_NAME} characters",
        f"no integer of more than {fields.MAX_INTEGER_DIGITS} digits",
        f"1 to {fields.MAX_TEXT} of them",
        f"Lists hold at most {fields.MAX_ITEMS} values",
        f"integer, 1 to {manifest.MAX_SCALE} |",
        f"two integers, 1 to {manifest.MAX_SIDE} |",
        f"list of 1 to {manifest.MAX_ENGINES} objects",
        f"list of 0 to {manifest.MAX_CANDIDATES} objects",
        f"1 to {engines.MAX_KINDS} of them",
        f"0 to {engines.MAX_KINDS} of them",
        f"1 to {engines.MAX_KIND} characters",
        f"1 <= n <= m <= {engines.MAX_M}",
        *(f'`"{rule}"`' for rule in RULES),
        f"text, at most {engines.MAX_NAME}; not `bicubic` or `identity`",
        f"| `schema` | integer, {manifest.SCHEMA} |",
    ],
)
def test_bounds(page: str, bound: str) -> None:
    assert bound in " ".join(page.split())


def test_bounds_in_powers() -> None:
    """Those that the page writes as 2^31 - 1 and 10^15."""
    assert (reader.MAX_BUNDLE_BYTES, fields.MAX_COUNT) == (2**31 - 1, 10**15)

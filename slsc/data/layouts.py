"""Where data sets keep their pairs: two folders of one shape, DIV2K, GOPRO, REDS."""

from __future__ import annotations

from pathlib import Path

from slsc.data.images import list_images, open_rgb, require_room
from slsc.data.patches import Pair
from slsc.errors import DataError

PathPair = tuple[Path, Path]
"""(input, wanted output)."""

SIBLINGS = (
    ("DIV2K_train_LR_bicubic/X{scale}", "DIV2K_train_HR"),
    ("DIV2K_train_LR_unknown/X{scale}", "DIV2K_train_HR"),
    ("DIV2K_valid_LR_bicubic/X{scale}", "DIV2K_valid_HR"),
    ("DIV2K_valid_LR_unknown/X{scale}", "DIV2K_valid_HR"),
    ("train_sharp_bicubic/X{scale}", "train_sharp"),  # REDS
    ("val_sharp_bicubic/X{scale}", "val_sharp"),
    ("train_blur", "train_sharp"),
    ("val_blur", "val_sharp"),
    ("blur_gamma", "sharp"),  # a sequence of GOPRO, averaged in linear light; DeepDeblur-PyTorch's default, too
    ("blur", "sharp"),
)
"""Folders of inputs and of wanted outputs that lie beside each other; the first that are there count."""

SPLITS = ("train", "test", "val")
"""Folders of GOPRO and REDS that hold one part of the data; of a whole data set the first is taken."""


def find_pairs(source: Path | tuple[Path, Path], scale: int) -> list[PathPair]:
    """The pairs of images in a data set.

    Two folders hold images of the same relative names, suffixes aside; an input may have `x4` after its name, as DIV2K
    has it. One folder is a data set of a known layout: DIV2K, REDS or GOPRO, or one split or sequence of those.

    Args:
        source: folders (inputs, wanted outputs), or the folder of a data set.
        scale: output pixels per input pixel along a side.

    Raises:
        DataError: an image without partner, or no known layout; names what was looked for.
    """
    if isinstance(source, tuple):
        return _matched(*source, scale)
    pairs = known_pairs(source, scale)
    if pairs is None:
        raise DataError(
            "no pairs in the folder",
            where=str(source),
            why="it is not laid out as DIV2K, REDS or GOPRO",
            hint="give the folder of the inputs and that of the wanted outputs",
        )
    return pairs


def known_pairs(folder: Path, scale: int) -> list[PathPair] | None:
    """The pairs of a data set of a known layout; None for any other folder, such as one of images.

    Raises:
        DataError: a known layout without inputs of this scale, or an image without partner.
    """
    part = next((folder / name for name in SPLITS if (folder / name).is_dir()), folder)
    if (found := _siblings(part, scale)) is not None:
        return _matched(*found, scale)
    sequences = [_siblings(path, scale) for path in sorted(part.iterdir()) if path.is_dir()] if part.is_dir() else []
    if not sequences or None in sequences:
        return None
    return [pair for found in sequences if found for pair in _matched(*found, scale)]


def open_pair(paths: PathPair, scale: int, patch: int) -> Pair:
    """Decode a pair as HxWx3 uint8 RGB.

    Args:
        paths: the input and the wanted output.
        scale: the output must be exactly so many times larger.
        patch: least side of the input in pixels.

    Raises:
        DataError: an image cannot be read, sizes do not fit, or the input is too small; names the file.
    """
    low, high = open_rgb(paths[0]), open_rgb(paths[1])
    rows, columns = low.shape[:2]
    if high.shape[:2] != (rows * scale, columns * scale):
        raise DataError(
            "the pair does not fit the scale",
            where=str(paths[0]),
            why=f"its partner is {high.shape[1]}x{high.shape[0]}, x{scale} makes {columns * scale}x{rows * scale}",
            hint="crop the pairs to match, or correct --scale",
        )
    require_room(low, patch, paths[0])
    return low, high


def _siblings(folder: Path, scale: int) -> tuple[Path, Path] | None:
    """Folders of inputs and of wanted outputs in `folder`, None where there are none.

    Raises:
        DataError: wanted outputs are there, of a super-resolution set, and no inputs of this scale.
    """
    usable = [(low.format(scale=scale), high) for low, high in SIBLINGS if scale == 1 or "{scale}" in low]
    for low, high in usable:
        if (folder / low).is_dir() and (folder / high).is_dir():
            return folder / low, folder / high
    for low, high in usable:
        if (folder / high).is_dir() and scale > 1:
            raise DataError(
                f"no inputs for scale {scale}",
                where=str(folder / high),
                why=f"looked for {folder / low}",
                hint=f"give {folder / high} as --data to make them",
            )
    return None


def _matched(low: Path, high: Path, scale: int) -> list[PathPair]:
    inputs, wanted = _by_name(low), _by_name(high)
    suffix = f"x{scale}"
    named = {name if name in wanted else name.removesuffix(suffix): path for name, path in inputs.items()}
    if lonely := sorted(named.keys() ^ wanted.keys()):
        name = lonely[0]
        path, looked = (named[name], high) if name in named else (wanted[name], low)
        raise DataError(
            "no image of the same name", where=str(path), why=f"looked in {looked}", hint="name pairs alike"
        )
    return [(named[name], wanted[name]) for name in sorted(named)]


def _by_name(folder: Path) -> dict[str, Path]:
    return {path.relative_to(folder).with_suffix("").as_posix(): path for path in list_images(folder)}

"""Restore a photo, or all photos of a folder, with a compiled bundle.

Photos are restored within a fixed amount of memory whatever their size: whole, rows going in and coming out, by the
native backend; else in tiles that overlap far enough for seams not to show. 16-bit photos stay 16-bit, transparency
and chroma (for networks of luma) are enlarged bicubically. Colour bleeds into what is fully transparent, so that no rim
shows. PNG output is streamed; a folder's photos are all written as PNG.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slsc.cli.console import Console
from slsc.errors import DataError, UsageError
from slsc.runtime.backends import BACKENDS, Adjustable, able_to
from slsc.runtime.memory import parse_bytes

if TYPE_CHECKING:
    from slsc.runtime.bundle.manifest import Manifest
    from slsc.runtime.session import Session


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's own arguments."""
    parser.add_argument("bundle", type=Path, metavar="BUNDLE", help="compiled network (.slsb)")
    parser.add_argument("source", type=Path, metavar="IMAGE|FOLDER", help="what to restore")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="OUT", help="image file, or folder")
    parser.add_argument("--engine", metavar="NAME", help="engine of the bundle (default: its first)")
    parser.add_argument(
        "--backend", choices=tuple(BACKENDS), help="what runs the network (default: the first that can)"
    )
    parser.add_argument(
        "--capacity",
        type=int,
        metavar="N",
        help=f"keep at most N of every M weights in each layer; on {', '.join(able_to(Adjustable))}",
    )
    parser.add_argument("--threads", type=int, default=0, metavar="N", help="CPU threads (default: all)")
    parser.add_argument("--memory", type=parse_bytes, metavar="SIZE", help="most the process may use, such as 512MiB")
    parser.add_argument("--tile", type=int, metavar="N", help="largest tile, input pixels a side")
    parser.add_argument("--exact", action="store_true", help="equal whole-image inference; tiles overlap more")


def run(args: argparse.Namespace, console: Console) -> int:
    """Run the verb."""
    from slsc.runtime.session import Session

    pairs = _pairs(args.source, args.output)
    with Session(
        args.bundle,
        backend=args.backend,
        engine=args.engine,
        threads=args.threads,
        memory=args.memory,
        tile=args.tile,
        exact=args.exact,
        capacity=args.capacity,
    ) as session:
        console.detail(f"engine {session.engine.name}, backend {session.backend}")
        if args.source.is_dir():
            args.output.mkdir(exist_ok=True)
        images, failures = _restore_all(session, pairs, console)
    console.result(engine=session.engine.name, backend=session.backend, scale=session.manifest.io.scale, images=images)
    if failures:
        raise DataError(
            f"{len(failures)} of {len(pairs)} photos could not be restored",
            where=str(args.source),
            why="; ".join(str(error) for error in failures),
        )
    return 0


def _pairs(source: Path, output: Path) -> list[tuple[Path, Path]]:
    """Photos and the files they become.

    Raises:
        DataError: the folder is unusable.
        UsageError: the output is a file for a folder of photos, or two photos would become one file.
    """
    from slsc.runtime.image.photo import list_photos

    if not source.is_dir():
        return [(source, output / f"{source.stem}.png" if output.is_dir() else output)]
    if output.exists() and not output.is_dir():
        raise UsageError("the output of a folder must be a folder", where=str(output), hint="-o FOLDER")
    pairs = [(path, output / f"{path.stem}.png") for path in list_photos(source)]
    sources: dict[Path, Path] = {}
    for path, target in pairs:
        if target in sources:
            raise UsageError(
                f"{sources[target].name} and {path.name} would both become {target.name}",
                where=str(source),
                hint="rename one of them",
            )
        sources[target] = path
    return pairs


def _restore_all(
    session: Session, pairs: Sequence[tuple[Path, Path]], console: Console
) -> tuple[list[dict[str, Any]], list[DataError]]:
    """Restore photos: what was done, and what is wrong with those that cannot be used, unless that is the only one."""
    images: list[dict[str, Any]] = []
    failures: list[DataError] = []
    for source, target in pairs:
        try:
            images.append(_restore(session, source, target, console))
        except DataError as error:
            if len(pairs) == 1:
                raise
            failures.append(error)
            console.note(f"slsc: error: {error}")
    return images, failures


def _unfaithful(manifest: Manifest, tiles: int) -> str:
    """That a photo's tiles are visibly off, and what helps."""
    if manifest.tile.exact:
        hint = "--exact avoids it"
    elif manifest.io.fixed_hw:
        hint = "a network with free height and width would avoid it"
    else:
        hint = "--exact with enough --memory runs the photo whole"
    return (
        f"restored in {tiles} tiles, which differ from the whole photo: by {255 * manifest.tile.bound:.0f} of 255 "
        f"when measured at compile time, and more is possible; {hint}"
    )


def _restore(session: Session, source: Path, target: Path, console: Console) -> dict[str, Any]:
    """Restore one photo, and tell what was done."""
    begun = time.monotonic()
    tiles = 0
    with console.progress(None, source.name, "tile") as bar:

        def show(done: int, total: int) -> None:
            nonlocal tiles
            tiles = total
            bar.total = total
            bar.update(done - bar.n)

        session.restore_file(source, target, show)
    if session.streamed:
        tiles = 1
    seconds = time.monotonic() - begun
    console.detail(f"{source}: {tiles} tiles, {seconds:.1f} s")
    if tiles > 1 and not (session.options.exact or session.manifest.tile.faithful):
        console.note(f"slsc: warning: {source}: {_unfaithful(session.manifest, tiles)}")
    console.artefact(target)
    return {"source": str(source), "output": str(target), "tiles": tiles, "seconds": round(seconds, 3)}

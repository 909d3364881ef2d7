"""Restore a photo, or all photos of a folder, with a compiled bundle.

Photos are restored within a fixed amount of memory whatever their size: whole, rows going in and coming out, by the
native backend; else in tiles that overlap far enough for seams not to show. 16-bit photos stay 16-bit, transparency
and chroma (for networks of luma) are enlarged bicubically. Colour bleeds into what is fully transparent, so that no rim
shows. What the file says of its colours, EXIF and XMP are carried over. PNG and TIFF output is streamed; a folder's
photos are written as PNG unless --format says otherwise. In place of a file, - reads the photo from stdin or writes the
result to stdout.
"""

from __future__ import annotations

import argparse
import contextlib
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slsc.cli.arguments import add_provider, provider_backend
from slsc.cli.console import Console
from slsc.errors import DataError, ResourceError, StorageError, UsageError
from slsc.jobs.run.naming import FORMATS, Naming
from slsc.jobs.run.streams import STREAM, receive, require_binary_stdout, send
from slsc.plan import parse_budget
from slsc.runtime.backends import BACKENDS, Adjustable, able_to
from slsc.runtime.memory import parse_bytes

OVERHEAD = 1.05
"""Told from so many times the cost of the choice on that was really run."""

if TYPE_CHECKING:
    from slsc.jobs.run.targets import Task
    from slsc.runtime.adaptive.wish import Choice
    from slsc.runtime.bundle.manifest import Manifest
    from slsc.runtime.session import Session


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's own arguments."""
    parser.add_argument("bundle", type=Path, metavar="BUNDLE", help="compiled network (.slsb)")
    parser.add_argument("source", type=Path, metavar="IMAGE|FOLDER|-", help="what to restore")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="OUT", help="image file, folder, or -")
    files = parser.add_argument_group("files")
    files.add_argument("--recursive", action="store_true", help="sub-folders too, into sub-folders of the same names")
    files.add_argument("--skip-existing", action="store_true", help="leave alone what was restored before")
    files.add_argument("--format", choices=FORMATS, help="of the output (default: by its name, PNG for a folder)")
    files.add_argument("--suffix", default="", metavar="TEXT", help="after the names of a folder's files, such as _x4")
    files.add_argument(
        "--strip", action="store_true", help="leave out EXIF and XMP; what colours need to be shown right stays"
    )
    parser.add_argument(
        "--engine", metavar="NAME", help="engine of the bundle (default: its first, or by region what it chooses)"
    )
    adaptive = parser.add_argument_group("adaptive", "what a bundle compiled with --adaptive chooses by, one of them")
    adaptive.add_argument("--beta", type=float, metavar="B", help="of Eq. 8: 0 for the best quality, more to save")
    adaptive.add_argument(
        "--budget", type=parse_budget, metavar="R", help="most that a photo's average pixel costs, of the dense network"
    )
    adaptive.add_argument("--time-budget", type=float, metavar="MS", help="most milliseconds a photo may take")
    adaptive.add_argument(
        "--quality", type=float, metavar="DB", help="most decibels to lose to the dense network, as estimated"
    )
    adaptive.add_argument("--strict", action="store_true", help="fail where that cannot be met, with exit code 3")
    adaptive.add_argument(
        "--map", type=Path, metavar="MAP.png", help="write a picture of which candidate each region got"
    )
    parser.add_argument(
        "--backend", choices=tuple(BACKENDS), help="what runs the network (default: the first that can)"
    )
    add_provider(parser, "the next is tried where one fails")
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

    naming = Naming(args.suffix, args.format, args.recursive, args.skip_existing)
    with _files(args, naming) as todo:
        with Session(
            args.bundle,
            backend=provider_backend(args.provider, args.backend),
            engine=args.engine,
            threads=args.threads,
            memory=args.memory,
            tile=args.tile,
            exact=args.exact,
            capacity=args.capacity,
            beta=args.beta,
            budget=None if args.budget is None else float(args.budget),
            time_budget=args.time_budget,
            quality=args.quality,
            strict=args.strict,
        ) as session:
            _require_map(args, todo, session)
            console.detail(f"{_what_runs(session)}, backend {session.backend}")
            images, failures = _restore_all(
                Work(session, console, args.strip, args.source.is_dir(), args.output == STREAM, args.map), todo
            )
        console.result(
            engine=None if session.adaptive else session.engine.name,
            backend=session.backend,
            scale=session.manifest.io.scale,
            images=images,
        )
    if len(todo) > 1:
        counts = Counter(image["status"] for image in images)
        console.note(", ".join(f"{count} {status}" for status, count in counts.items()))
    if failures:
        raise DataError(
            f"{len(failures)} of {len(todo)} photos could not be restored",
            where=str(args.source),
            why="; ".join(failures),
        )
    return 0


@contextlib.contextmanager
def _files(args: argparse.Namespace, naming: Naming) -> Iterator[list[Task]]:
    """The photos and their outputs; what streams stand for are files of a folder that is gone afterwards.

    Raises:
        DataError, UsageError: see `tasks`; or what the streams are to be is not possible.
    """
    from slsc.jobs.run.targets import tasks

    if STREAM not in (args.source, args.output):
        yield tasks(args.source, args.output, naming)
        return
    if args.output == STREAM and (args.json or args.source.is_dir()):
        what = "--json prints to stdout as well" if args.json else "stdout takes one image"
        raise UsageError("the result cannot go to stdout", why=what, hint="-o FILE")
    if args.output == STREAM:
        require_binary_stdout()
    with tempfile.TemporaryDirectory(prefix="slsc-") as folder:
        output = Path(folder) / f"stdout.{args.format or FORMATS[0]}" if args.output == STREAM else args.output
        source = receive(Path(folder)) if args.source == STREAM else args.source
        try:
            yield tasks(source, output, naming)
        except DataError as error:
            if args.source != STREAM or error.where != str(source):
                raise
            raise DataError(error.what, where="stdin", why=error.why, hint=error.hint) from None


def _what_runs(session: Session) -> str:
    return "engines by region" if session.adaptive else f"engine {session.engine.name}"


def _require_map(args: argparse.Namespace, todo: Sequence[Task], session: Session) -> None:
    """Refuse a picture of choices that there are none of, or that would be one of several, or no PNG.

    Raises:
        UsageError: see above.
    """
    if args.map is None:
        return
    why = ""
    if args.map.suffix.lower() != ".png":
        why = "its name does not end in .png"
    elif not session.adaptive:
        why = "one engine restores the whole photo"
    elif len(todo) != 1:
        why = f"there are {len(todo)} photos, each with a map of its own"
    elif args.map.resolve() in {path.resolve() for task in todo for path in (task.source, task.target, args.bundle)}:
        why = "it is the photo, its output or the bundle"
    if why:
        raise UsageError("no map can be written", where=str(args.map), why=why, hint="leave out --map")


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


@dataclass(frozen=True)
class Work:
    """What every photo of a run is restored with.

    Attributes:
        session: of the bundle.
        console: of the verb.
        strip: whether EXIF and XMP are left out.
        into_folder: whether the folders of outputs are made.
        to_stdout: whether the outputs are passed on to stdout.
        map: where the picture of choices goes.
        told: warnings that one photo was enough for.
    """

    session: Session
    console: Console
    strip: bool
    into_folder: bool
    to_stdout: bool
    map: Path | None = None
    told: set[str] = field(default_factory=set)


def _restore_all(work: Work, todo: Sequence[Task]) -> tuple[list[dict[str, Any]], list[str]]:
    """Restore photos: what became of each, and what is wrong with those that could not be, unless there is one only.

    A full disk ends the work, since it would be in the way of every photo to come.
    """
    images: list[dict[str, Any]] = []
    failures: list[str] = []
    for index, task in enumerate(todo):
        names = {"source": str(task.source), "output": str(task.target)}
        try:
            if task.why_not:
                raise UsageError("left out", where=str(task.source), why=task.why_not)
            if task.why_not is None:
                if work.into_folder:
                    _make_folder(task.target.parent)
                images.append({**names, "status": "restored", **_restore(work, task, _next_source(todo[index + 1 :]))})
            else:
                images.append({**names, "status": "skipped"})
                work.console.detail(f"{task.source}: skipped, {task.target} is there")
        except (DataError, UsageError, ResourceError) as error:
            if len(todo) == 1 or isinstance(error, StorageError):
                raise
            failures.append(str(error))
            images.append({**names, "status": "left out" if task.why_not else "failed", "error": error.to_dict()})
            work.console.note(f"slsc: error: {error}")
    return images, failures


def _next_source(todo: Sequence[Task]) -> Path | None:
    return next((task.source for task in todo if task.why_not is None), None)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError("cannot make the folder", where=str(folder), why=error.strerror) from None


def _restore(work: Work, task: Task, following: Path | None) -> dict[str, Any]:
    """Restore one photo, and tell what was done; `following` is decoded meanwhile."""
    session, console = work.session, work.console
    begun = time.monotonic()
    tiles = 0
    missing: list[str] = []
    with console.stages() as stage:

        def show(done: int, total: int) -> None:
            nonlocal tiles
            tiles = total
            stage(task.source.name, done, total)

        session.restore_file(task.source, task.target, show, strip=work.strip, note=missing.append, following=following)
    if session.streamed:
        tiles = 1
    seconds = time.monotonic() - begun
    console.detail(f"{task.source}: {tiles} tiles, {seconds:.1f} s")
    if tiles > 1 and not (session.options.exact or session.manifest.tile.faithful):
        console.warning(f"{task.source}: {_unfaithful(session.manifest, tiles)}")
    for text in missing:
        if text not in work.told:
            console.warning(f"{task.source}: {text}")
        work.told.add(text)
    choice = session.choice
    if choice:
        _show_choice(work, task, choice)
    if work.to_stdout:
        send(task.target)
    else:
        console.artefact(task.target)
    adaptive = {"choice": choice.to_dict()} if choice else {}
    return {"tiles": tiles, "seconds": round(seconds, 3), "not_carried": missing, **adaptive}


def _show_choice(work: Work, task: Task, choice: Choice) -> None:
    """Tell what regions were given, and draw it where that is asked for."""
    loss = "" if choice.loss is None else f", {choice.loss:.2f} dB to the dense network as estimated"
    parts = ", ".join(f"{name} {share:.0%}" for name, share in zip(choice.candidates, choice.shares, strict=True))
    work.console.detail(f"{task.source}: {parts}; {choice.cost:.4f} of the dense network{loss}")
    if not choice.met:
        work.console.warning(
            f"{task.source}: what was asked for cannot be met; the nearest costs {choice.cost:.4f} of "
            f"the dense network{loss}"
        )
    if choice.run_cost > OVERHEAD * choice.cost:
        work.console.warning(
            f"{task.source}: with what tiles need around them {choice.run_cost:.4f} of dense "
            f"was run, where regions were given {choice.cost:.4f}"
        )
    if work.map:
        from slsc.jobs.run.map_picture import write_map

        write_map(work.map, choice)
        work.console.artefact(work.map)

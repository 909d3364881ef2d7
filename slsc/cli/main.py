"""Entry point of the `slsc` command: parse, run the verb, and turn every failure into one line and an exit code."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import sys
import threading
import traceback
from collections.abc import Iterator, Sequence
from typing import NoReturn, TextIO

from slsc.cli.console import Console
from slsc.cli.entry import EXIT_INTERRUPTED, leave_at_once
from slsc.cli.parser import parse, verb_module
from slsc.errors import BackendError, ResourceError, SlscError, UsageError

EXIT_FAULT = 70
"""An exception nobody raised on purpose (EX_SOFTWARE of sysexits.h)."""
EXIT_PIPE_CLOSED = 141
EXIT_TERMINATED = 143

_OUT_OF_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

_NO_MEMORY_TO_LOAD = ("failed to map segment", "cannot allocate memory", "Cannot allocate memory", "out of memory")
"""How the dynamic loader words it."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code; nothing is raised but `SystemExit` of `--help` and `--version`.

    Args:
        argv: the words after `slsc`; those of the process by default.
    """
    _replace_closed_streams()
    words = list(sys.argv[1:] if argv is None else argv)
    verb = next((word for word in words if not word.startswith("-")), "")
    console = Console(verb, as_json="--json" in words, verbose="-v" in words)
    try:
        with _terminate_cleanly():
            args = parse(words)
            # Read by OpenMP when a verb imports torch. Threads that spin while they wait for each other made compiling
            # five times slower on a machine with other work to do.
            os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
            console = Console(args.verb, quiet=args.quiet, verbose=args.verbose, as_json=args.json)
            verb_run = verb_module(args.verb).run
            if signal.getsignal(signal.SIGINT) is leave_at_once:
                signal.signal(signal.SIGINT, signal.default_int_handler)
            code = int(verb_run(args, console))
            console.close(code)
            return code
    except BrokenPipeError:  # the reader left (`slsc inspect | head`)
        _silence(sys.stdout)
        return EXIT_PIPE_CLOSED
    except KeyboardInterrupt:
        with _heard_or_not():
            print("slsc: interrupted", file=sys.stderr, flush=True)
        return EXIT_INTERRUPTED
    except Exception as error:
        return _fail(console, error)


def _replace_closed_streams() -> None:
    """Let words for a stream that the caller has closed (`2>&-`) go nowhere.

    The descriptor is taken too, the lowest free one being the closed stream's: else the next file opened would get it,
    and whatever a library prints would end up in that file.
    """
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:
            descriptor = os.open(os.devnull, os.O_RDWR)
            setattr(sys, name, os.fdopen(descriptor, "r" if name == "stdin" else "w", encoding="utf-8"))


def _fail(console: Console, error: Exception) -> int:
    known = _as_slsc_error(error)
    if known is None:
        text = " ".join(f"{type(error).__name__}: {error}".split())
        known = SlscError("a fault in slsc itself", why=text, hint="-v shows the traceback", exit_code=EXIT_FAULT)
    with _heard_or_not():
        if console.verbose and _has_more_to_tell(error):
            console.detail("".join(traceback.format_exception(error)).rstrip())
        print(f"slsc: error: {known}", file=sys.stderr, flush=True)
    with _heard_or_not():
        console.close(known.exit_code, known.to_dict())
    return known.exit_code


def _has_more_to_tell(error: Exception) -> bool:
    """Whether a traceback shows more than the line does: what was raised on purpose, of itself, says all."""
    return not isinstance(error, SlscError) or error.__cause__ is not None


@contextlib.contextmanager
def _heard_or_not() -> Iterator[None]:
    """Say something that changes no exit code where it cannot be said: the disk is full, or the reader left."""
    try:
        yield
    except OSError:
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except OSError:
                _silence(stream)


def _silence(stream: TextIO) -> None:
    """Let the interpreter's last flush of a stream go nowhere."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _as_slsc_error(error: Exception) -> SlscError | None:
    """What the user can do something about, said in our own words."""
    if isinstance(error, SlscError):
        return error
    if isinstance(error, ModuleNotFoundError) and error.name and not error.name.startswith("slsc"):
        return BackendError(
            f"needs the package {error.name!r}", hint="pip install 'slsc[compile]' brings all that compiling needs"
        )
    if isinstance(error, ImportError) and not isinstance(error, ModuleNotFoundError):
        return _not_loaded(error)
    if isinstance(error, RuntimeError) and "can't start new thread" in str(error):
        return ResourceError("the system gives no more threads", hint="use fewer --threads, or allow the user more")
    if isinstance(error, MemoryError):
        return ResourceError("out of memory", why=str(error) or None, hint="use a smaller image, tile or --memory")
    if isinstance(error, OSError):
        where = None if error.filename is None else str(error.filename)
        if error.errno in _OUT_OF_SPACE:
            return ResourceError(
                "cannot write", where=where, why=error.strerror, hint="free some space or choose another folder"
            )
        return UsageError("cannot read or write", where=where, why=error.strerror or str(error))
    return None


def _not_loaded(error: ImportError) -> SlscError:
    """A package that is there and cannot be loaded: its libraries find no memory, or are broken."""
    text = str(error)
    if any(words in text for words in _NO_MEMORY_TO_LOAD):
        return ResourceError("out of memory", why="its libraries cannot be loaded", hint="allow the process more")
    # numpy gives a page of advice, and the reason at its end.
    why = next((line for line in reversed(text.splitlines()) if line.strip()), None)
    return BackendError(f"the package {error.name or 'asked for'!r} cannot be loaded", why=why, hint="install it again")


@contextlib.contextmanager
def _terminate_cleanly() -> Iterator[None]:
    """Let SIGTERM unwind the stack, so that temporary files are removed."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = signal.signal(signal.SIGTERM, _exit_on_signal)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)


def _exit_on_signal(*_: object) -> NoReturn:
    raise SystemExit(EXIT_TERMINATED)

"""The two libraries that speak TensorRT's interface, and what differs between their releases.

Both are driven through Polygraphy, which takes one of them for the whole life of a process: the first that is loaded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from slsc.errors import BackendError, UsageError

ARCH = re.compile(r"sm_?([0-9]{2,3})", re.IGNORECASE)

NOTHING = 1 << 10
"""A severity above all of Polygraphy's: it prints to stdout, which belongs to the user's results."""


@dataclass(frozen=True)
class Flavour:
    """One of the libraries.

    Attributes:
        name: what users call it, and the name of the backend.
        module: of Python.
        install: what to type where it is not available.
        ahead: whether it builds engines for devices that are not there.
    """

    name: str
    module: str
    install: str
    ahead: bool

    def missing(self) -> str | None:
        """None where it can be imported; else why it cannot."""
        for module in ("polygraphy", self.module):
            try:
                import_module(module)
            except (ImportError, OSError, RuntimeError) as error:  # a placeholder's or a driver's complaint
                return str(error)
        return None

    def load(self) -> Any:
        """Its Python module, which Polygraphy uses from now on.

        Raises:
            BackendError: it is not installed, or the process has loaded the other one.
        """
        if why := self.missing():
            raise BackendError(f"{self.name} is not available", why=why, hint=self.install)
        from polygraphy import config
        from polygraphy.mod.trt_importer import lazy_import_trt

        config.USE_TENSORRT_RTX = self is RTX
        # Polygraphy's own modules look at the switch once, when they are imported.
        from polygraphy.backend.trt import util

        module = import_module(self.module)
        if util.trt.__version__ != lazy_import_trt().__version__:
            raise BackendError(
                f"{self.name} cannot be used in this process",
                why="the other TensorRT library is in use already, and Polygraphy takes one a process",
                hint="run them in two commands",
            )
        return module

    @property
    def version(self) -> str:
        """Its release, such as "10.16.2.10"; raises as `load`."""
        return str(self.load().__version__)

    def archs(self) -> tuple[str, ...]:
        """Architectures it builds for while they are not there, such as "sm86"; raises as `load`."""
        if not self.ahead:
            return ()
        names = (ARCH.fullmatch(name) for name in dir(self.load().ComputeCapability))
        return tuple(name[0].lower() for name in names if name)

    def require_arch(self, text: str) -> str:
        """An architecture as users spell it, as `archs` spells it.

        Raises:
            UsageError: it is none that this library builds for.
            BackendError: as `load`.
        """
        match = ARCH.fullmatch(text)
        arch = f"sm{match[1]}" if match else text
        if arch in (known := self.archs()):
            return arch
        if not self.ahead:
            why, hint = "it builds for the device that it runs on", "leave out --arch, and build on the device"
        elif arch == "sm87":
            why = "no TensorRT-RTX runs on Jetson Orin"
            hint = "build on the device with --backend tensorrt"
        else:
            why, hint = f"it knows {', '.join(known)}", "name one of them"
        raise UsageError(f"{self.name} {self.version} does not build for {text!r}", why=why, hint=hint)


TENSORRT = Flavour(
    "tensorrt", "tensorrt", "pip install 'slsc[tensorrt]'; on Jetson see the guide in docs/tutorial/nvidia.md", False
)
RTX = Flavour("tensorrt-rtx", "tensorrt_rtx", "pip install 'slsc[tensorrt-rtx]'", True)


@contextmanager
def polygraphy_as_errors(what: str, hint: str) -> Iterator[None]:
    """Keep Polygraphy silent, and turn its exceptions into ours.

    Raises:
        BackendError: `what` failed.
    """
    from polygraphy.exception import PolygraphyException
    from polygraphy.logger import G_LOGGER

    with G_LOGGER.verbosity(NOTHING):
        try:
            yield
        except PolygraphyException as error:
            raise BackendError(what, why=" ".join(str(error).split()), hint=hint) from error

"""Find out how to talk to a restoration network: scale, task, value range and colour order, by running it on photos."""

from __future__ import annotations

from slsc.probe.convention import Form, Known
from slsc.probe.decide import probe_io
from slsc.probe.result import Finding, ProbeResult

__all__ = ["Finding", "Form", "Known", "ProbeResult", "probe_io"]

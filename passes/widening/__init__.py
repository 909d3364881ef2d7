"""Widening a network: hidden channels added to suit the hardware, their price, and whether it pays."""

from __future__ import annotations

from slsc.passes.widening.pad import PadChannels

__all__ = ["PadChannels"]

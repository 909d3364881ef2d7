"""Narrowing a network: which channels belong together, and the graph without some of them."""

from __future__ import annotations

from slsc.passes.narrowing.channels import Channels, Width, follow_channels
from slsc.passes.narrowing.narrow import NarrowChannels
from slsc.passes.narrowing.price import narrow_cost, narrow_share

__all__ = ["Channels", "NarrowChannels", "Width", "follow_channels", "narrow_cost", "narrow_share"]

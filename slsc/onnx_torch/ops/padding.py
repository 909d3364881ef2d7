"""Padding of sliding windows (Conv, pooling): the pads and auto_pad attributes."""

from __future__ import annotations

from collections.abc import Sequence

from slsc.onnx_torch.attributes import Attributes


def window_pads(
    attributes: Attributes,
    size: Sequence[int],
    kernel: Sequence[int],
    strides: Sequence[int],
    dilations: Sequence[int],
) -> list[int]:
    """Pads in ONNX order (all begins, then all ends) for an input of spatial `size`, following auto_pad.

    Raises:
        ModelError: auto_pad has an unknown value.
    """
    mode = attributes.text("auto_pad", "NOTSET")
    if mode in ("NOTSET", ""):
        return attributes.integers("pads", [0] * (2 * len(kernel)))
    if mode == "VALID":
        return [0] * (2 * len(kernel))
    if mode not in ("SAME_UPPER", "SAME_LOWER"):
        raise attributes.refuse(f"auto_pad {mode!r} is unknown")
    sizes = zip(size, kernel, strides, dilations, strict=True)
    totals = [max(0, (-(-n // s) - 1) * s + (k - 1) * d + 1 - n) for n, k, s, d in sizes]
    small, large = [total // 2 for total in totals], [total - total // 2 for total in totals]
    return small + large if mode == "SAME_UPPER" else large + small


def symmetric(pads: Sequence[int]) -> list[int] | None:
    """One padding per axis where begins equal ends and none is negative, else None."""
    half = len(pads) // 2
    begins = list(pads[:half])
    return begins if begins == list(pads[half:]) and min(begins, default=0) >= 0 else None


def torch_pads(pads: Sequence[int]) -> list[int]:
    """ONNX pads (begins, ends) in the order of torch's `pad`: last axis first, begin and end together."""
    half = len(pads) // 2
    return [pads[axis + end] for axis in reversed(range(half)) for end in (0, half)]

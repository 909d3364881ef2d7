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
        ModelError: auto_pad has an unknown value, or SAME_* meets a dilation (ONNX Runtime refuses it, too).
    """
    mode = attributes.text("auto_pad", "NOTSET")
    if mode in ("NOTSET", ""):
        return attributes.integers("pads", [0] * (2 * len(kernel)))
    if mode == "VALID":
        return [0] * (2 * len(kernel))
    if mode not in ("SAME_UPPER", "SAME_LOWER"):
        raise attributes.refuse(f"auto_pad {mode!r} is unknown")
    if any(d != 1 for d in dilations):
        raise attributes.refuse(f"auto_pad {mode} with dilation is not supported", "export with explicit pads")
    sizes = zip(size, kernel, strides, dilations, strict=True)
    totals = [max(0, (-(-n // s) - 1) * s + (k - 1) * d + 1 - n) for n, k, s, d in sizes]
    small, large = [total // 2 for total in totals], [total - total // 2 for total in totals]
    return small + large if mode == "SAME_UPPER" else large + small


def pool_pads(
    attributes: Attributes,
    size: Sequence[int],
    kernel: Sequence[int],
    strides: Sequence[int],
    dilations: Sequence[int],
) -> tuple[list[int], list[int]]:
    """Pads, and the further end pads with which ceil_mode completes the last windows, both in ONNX order.

    A window that would begin beyond the image and its begin pad is left out, as torch does and ONNX since opset 19.
    """
    pads = window_pads(attributes, size, kernel, strides, dilations)
    rank, overhang = len(kernel), [0] * len(pads)
    for axis in range(rank if attributes.integer("ceil_mode", 0) else 0):
        extent = (kernel[axis] - 1) * dilations[axis] + 1
        padded = size[axis] + pads[axis] + pads[axis + rank]
        last_start = -(-(padded - extent) // strides[axis]) * strides[axis]
        if last_start >= size[axis] + pads[axis]:
            last_start -= strides[axis]
        overhang[axis + rank] = max(0, last_start + extent - padded)
    return pads, overhang


def symmetric(pads: Sequence[int]) -> list[int] | None:
    """One padding per axis where begins equal ends and none is negative, else None."""
    half = len(pads) // 2
    begins = list(pads[:half])
    return begins if begins == list(pads[half:]) and min(begins, default=0) >= 0 else None


def torch_pads(pads: Sequence[int]) -> list[int]:
    """ONNX pads (begins, ends) in the order of torch's `pad`: last axis first, begin and end together."""
    half = len(pads) // 2
    return [pads[axis + end] for axis in reversed(range(half)) for end in (0, half)]

"""The precision to train in."""

from __future__ import annotations

import torch


def fastest_precision() -> str:
    """What this machine trains the fastest in: one of `slsc.trainer.settings.PRECISIONS`.

    bfloat16 where there are instructions for it; without, it is slower than float32.
    """
    if torch.cuda.is_available():
        narrow = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        can = torch.cpu.get_capabilities()
        narrow = bool(can.get("avx512_bf16") or can.get("amx_bf16"))
    return "bf16-mixed" if narrow else "32-true"

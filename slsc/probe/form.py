"""What may pass for a picture: a correction of dark photos, which is one itself."""

from __future__ import annotations

from dataclasses import replace

from slsc.probe.bench import LEAST_GAIN, Bench
from slsc.probe.convention import Convention, Form
from slsc.probe.search import PHOTOS, Evidence


def form_doubt(bench: Bench, evidence: Evidence, found: Convention) -> str | None:
    """Why an output that is taken for the picture may be what is to be added to the input; None for no reason.

    What a dark photo lacks looks like the photo. Taken for it, it suits a strength that the network is not made for;
    added to the input, it does better at another than the output does at any.
    """
    if found.form is not Form.PICTURE or bench.samples.plain != "input":
        return None
    family = next(family for family in bench.samples.families if evidence.name in family)
    count, added = min(PHOTOS, bench.samples.count), replace(found, form=Form.ADD)
    best = max(family, key=lambda name: bench.psnr(name, added, count))
    score = bench.psnr(best, added, count)
    if score < max(bench.psnr(name, found, count) for name in family) + LEAST_GAIN:
        return None
    return f"added to the input, it restores {best} to {score:.2f} dB; --residual add or no overrides"

"""Figures of the SLS paper (Oh et al., CVPR 2022), Table 1 and its supplement: PSNR in dB at scale 4."""

from __future__ import annotations

from collections.abc import Mapping

from slsc.tools.experiment import Experiment

SETS = ("Set14", "B100", "Urban100")

NETWORKS = {"edsr_baseline_x4": "EDSR", "carn_x4": "CARN", "rfdn64_x4": "RFDN"}
"""Networks of the zoo that are the paper's; the public RFDN, `rfdn_x4`, is a smaller one."""

PSNR: dict[tuple[str, str, str], tuple[float | None, float | None, float | None]] = {
    ("EDSR", "dense", "1"): (28.58, 27.56, 26.04),
    ("EDSR", "sls", "1/4"): (28.49, 27.51, 25.84),
    ("EDSR", "sls", "1/8"): (28.38, 27.43, 25.63),
    ("EDSR", "sls", "1/16"): (28.22, 27.32, 25.31),
    ("EDSR", "uniform", "1/4"): (None, None, 25.83),
    ("EDSR", "uniform", "1/8"): (None, None, 25.52),
    ("EDSR", "uniform", "1/16"): (None, None, 25.11),
    ("EDSR", "sr-ste", "1/4"): (None, None, 25.73),
    ("EDSR", "sr-ste", "1/8"): (None, None, 25.51),
    ("EDSR", "sr-ste", "1/16"): (None, None, 25.22),
    ("EDSR", "filter", "1/4"): (None, None, 25.75),
    ("EDSR", "filter", "1/8"): (None, None, 25.59),
    ("EDSR", "filter", "1/16"): (None, None, 25.17),
    ("CARN", "dense", "1"): (28.49, 27.49, 25.82),
    ("CARN", "sls", "1/4"): (28.46, 27.48, 25.79),
    ("CARN", "sls", "1/8"): (28.39, 27.41, 25.61),
    ("CARN", "sls", "1/16"): (28.22, 27.32, 25.35),
    ("CARN", "uniform", "1/4"): (None, None, 25.74),
    ("CARN", "uniform", "1/8"): (None, None, 25.36),
    ("CARN", "uniform", "1/16"): (None, None, 24.78),
    ("CARN", "sr-ste", "1/4"): (None, None, 25.65),
    ("CARN", "sr-ste", "1/8"): (None, None, 25.43),
    ("CARN", "sr-ste", "1/16"): (None, None, 25.09),
    ("CARN", "filter", "1/4"): (None, None, 25.64),
    ("CARN", "filter", "1/8"): (None, None, 25.36),
    ("CARN", "filter", "1/16"): (None, None, 24.93),
    ("RFDN", "dense", "1"): (28.52, 27.51, 25.91),
    ("RFDN", "sls", "1/4"): (28.50, 27.50, 25.84),
    ("RFDN", "sls", "1/8"): (28.41, 27.43, 25.63),
    ("RFDN", "sls", "1/16"): (28.22, 27.32, 25.31),
    ("RFDN", "uniform", "1/4"): (None, None, 25.73),
    ("RFDN", "uniform", "1/8"): (None, None, 24.93),
    ("RFDN", "uniform", "1/16"): (None, None, 24.72),
    ("RFDN", "sr-ste", "1/4"): (None, None, 25.59),
    ("RFDN", "sr-ste", "1/8"): (None, None, 25.30),
    ("RFDN", "sr-ste", "1/16"): (None, None, 25.08),
}
"""(network, method, budget) -> PSNR on each of `SETS`. `uniform` is the paper's one-shot pruning with finetuning; only
Urban100 is at hand for the baselines."""


def paper_psnr(experiment: Experiment) -> Mapping[str, float]:
    """The paper's PSNR by set, for a plain run of one of its networks; empty where it has none."""
    network = NETWORKS.get(experiment.network, "")
    found = PSNR.get((network, experiment.method, experiment.budget)) if not experiment.variant else None
    return {name: value for name, value in zip(SETS, found or (), strict=False) if value is not None}

"""Motion blur made from sharp images, to train deblurring without pairs.

Camera shake is a random trajectory (Boracchi and Foi, Modeling the performance of image restoration from motion blur,
IEEE TIP 2012), with the parameters of DeblurGAN (Kupyn et al., CVPR 2018, Algorithm 1). Light is averaged along it:
linear values under a gamma of 2.2, as GOPRO averages its frames (Nah et al., CVPR 2017). One kernel serves a whole
image: no rotation of the camera, no depth, nothing that moves by itself, no noise. What is learned on it is a stand-in
for training on real pairs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from slsc.data.images import open_rgb, require_room
from slsc.data.patches import Pair

GAMMA = 2.2
LENGTHS = (1.0, 40.0)
"""Shortest and longest way the camera moves, in pixels."""

MOMENTS = 2000
"""Points of a trajectory."""

MOST_ANXIETY, MOST_INERTIA, MOST_IMPULSES, MOST_SHAKE = 0.01, 0.7, 0.2, 10.0
"""Bounds that a trajectory's parameters are drawn below; anxiety 0 is straight motion."""


def trajectory(rng: np.random.Generator, length: float) -> npt.NDArray[np.complex128]:
    """Where the camera points at each of `MOMENTS`, x + iy in pixels; 0 in the middle of the exposure.

    Args:
        rng: draws it.
        length: of the way in pixels.
    """
    anxiety, inertia, impulses, shake = rng.uniform(0, (MOST_ANXIETY, MOST_INERTIA, MOST_IMPULSES, MOST_SHAKE))
    step = length / (MOMENTS - 1)
    shakes = rng.standard_normal((MOMENTS, 2)) @ (1, 1j) * shake
    impulse = np.where(
        rng.random(MOMENTS) < impulses * anxiety, 2 * np.exp(1j * (np.pi + rng.uniform(-0.5, 0.5, MOMENTS))), 0
    )
    heading = complex(np.exp(2j * np.pi * rng.random()))
    points = np.zeros(MOMENTS, np.complex128)
    here = 0j
    for moment in range(MOMENTS - 1):
        heading += heading * impulse[moment] + anxiety * (shakes[moment] - inertia * here)
        heading /= abs(heading)
        here += heading * step
        points[moment + 1] = here
    return points - points[MOMENTS // 2]


def kernel(points: npt.NDArray[np.complex128]) -> npt.NDArray[np.float32]:
    """The blur of a trajectory: square, of odd side, its sum 1; each point is shared out bilinearly."""
    radius = 1 + math.ceil(max(np.abs(points.real).max(), np.abs(points.imag).max()))
    weights = np.zeros((2 * radius + 1, 2 * radius + 1))
    columns, rows = np.floor(points.real), np.floor(points.imag)
    right, down = points.real - columns, points.imag - rows
    for row, vertical in ((0, 1 - down), (1, down)):
        for column, horizontal in ((0, 1 - right), (1, right)):
            place = rows.astype(int) + row + radius, columns.astype(int) + column + radius
            np.add.at(weights, place, vertical * horizontal)
    return (weights / weights.sum()).astype(np.float32)


def blur(image: npt.NDArray[np.uint8], weights: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    """An HxWxC image under a kernel, averaged in linear light; it continues mirrored beyond its edges."""
    linear = ((np.arange(256) / 255) ** GAMMA).astype(np.float32)[image]
    # OpenCV correlates; a point moves along the trajectory, so the kernel is turned around.
    averaged = cv2.filter2D(linear, -1, weights[::-1, ::-1].copy(), borderType=cv2.BORDER_REFLECT)
    blurred: npt.NDArray[np.uint8] = np.rint(averaged.clip(0, 1) ** (1 / GAMMA) * 255).astype(np.uint8)
    return blurred.reshape(image.shape)


def open_blurred(path: Path, seed: Sequence[int], patch: int) -> Pair:
    """(blurred, sharp) of a sharp image file; the same `seed` gives the same blur.

    Raises:
        DataError: the image cannot be read, or has no room for a patch of side `patch`; names the file.
    """
    sharp = open_rgb(path)
    require_room(sharp, patch, path)
    rng = np.random.default_rng(seed)
    return blur(sharp, kernel(trajectory(rng, rng.uniform(*LENGTHS)))), sharp

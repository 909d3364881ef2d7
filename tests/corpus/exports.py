"""The corpus: every kind of file that restoration networks come in, at least two of each."""

from __future__ import annotations

from collections.abc import Mapping

from corpus.dressing import as_bytes, batch_of, channels_last, half
from corpus.exporting import IMAGENET, Levels
from corpus.making import Export, export, int8, version_3

UNIT, BYTES, SIGNED, CENTRED = Levels(), Levels.of(0, 255), Levels.of(-1, 1), Levels.of(-0.5, 0.5)

NHWC = {"channels_last": True}
SIGMA = ("--set", "sigma=25/255")

ORDER = ("--order", "RGB")
"""Streaks are as grey in one order as in the other: what removes them hardly tells."""

CAFFE = Levels((-103.939, -116.779, -123.68), (255 - 103.939, 255 - 116.779, 255 - 123.68))
MEANS = ("--mean", "103.939,116.779,123.68", "--std", "1")

INTEGERS = 4
"""Steps of 255 that the float network of int8 weights may be off from the integers, whose roundings it leaves out."""

_AS_EXPORTED = {
    "edsr_x2": export("TorchScript", "edsr"),
    "imdn_x2": export("TorchScript", "imdn"),
    "srvgg_x4": export("TorchScript", "srvgg"),
    "esa_x4": export("sizes computed in the graph", "rfdn"),
    "esa_x4_255": export("sizes computed in the graph", "rfdn", BYTES),
    "nafnet_local": export("pads itself", "nafnet_local", native="Pad"),
    "unet_deblur": export("strides", "unet"),
    "unet_dark": export("strides", "unet_dark"),
    "mobile": export("depthwise", "mobile"),
    "mobile_255": export("depthwise", "mobile", BYTES),
    "edsr_x2_dynamo": export("dynamo", "edsr", dynamo=True, opset=18),
    "unet_deblur_dynamo": export("dynamo", "unet", dynamo=True, opset=20),
    "edsr_x2_op7": export("old operator set", "edsr", opset=7),
    "dncnn_op8_norms": export("old operator set", "dncnn", opset=8, keep_norms=True),
    "srvgg_x4_op9": export("old operator set", "srvgg", opset=9),
    "rrdb_x4_op11": export("old operator set", "rrdb", opset=11),
    "espcn_x3_ir3": export("IR 3", "espcn", opset=8, weights_as_inputs=True, after=version_3),
    "mobile_ir3": export("IR 3", "mobile", opset=8, weights_as_inputs=True, after=version_3),
}

_TASKS = {
    "rain": export("rain", "rain", options=ORDER),
    "rain_255": export("rain", "rain", BYTES, options=ORDER),
    "dark_255": export("low light", "unet_dark", BYTES),
    "dark_curves": export("low light", "zerodce", outputs=("enhanced", "curves"), options=("--output", "enhanced")),
    "haze": export("haze", "aodnet"),
    "haze_255": export("haze", "aodnet", BYTES),
    "jpeg": export("JPEG", "arcnn"),
    "jpeg_signed": export("JPEG", "arcnn", SIGNED),
}

_VALUES = {
    "imdn_x2_255": export("range", "imdn", BYTES),
    "rrdb_x4_signed": export("range", "rrdb", SIGNED),
    "unet_deblur_centred": export("range", "unet", CENTRED),
    "imdn_x2_unit_to_signed": export("two ranges", "imdn", UNIT, SIGNED),
    "edsr_x2_255_to_unit": export("two ranges", "edsr", BYTES, UNIT),
    "dncnn_unit_to_255": export("two ranges", "dncnn", UNIT, BYTES),
    "unet_signed_to_unit": export("two ranges", "unet", SIGNED, UNIT),
    "dncnn_imagenet": export("mean and deviation", "dncnn", IMAGENET),
    "edsr_x2_imagenet_to_unit": export("mean and deviation", "edsr", IMAGENET, UNIT),
    "dncnn_noise": export("noise put out", "dncnn", residual=-1),
    "dncnn_grey_noise": export("noise put out", "dncnn_grey", residual=-1),
    "rain_residual": export("correction put out", "rain", residual=1, options=ORDER),
    "dncnn_caffe": export("mean by colour", "dncnn", CAFFE, flip="flip", options=MEANS),
    "edsr_x2_caffe": export("mean by colour", "edsr", CAFFE, flip="index", options=MEANS),
    "unet_residual": export("correction put out", "unet", residual=1),
}

_CHANNELS = {
    "esa_x4_bgr": export("BGR", "rfdn", flip="index"),
    "dark_bgr_255": export("BGR", "unet_dark", BYTES, flip="flip"),
    "fsrcnn_x2": export("luma", "fsrcnn"),
    "espcn_x3": export("luma", "espcn"),
    "dncnn_grey": export("luma", "dncnn_grey"),
    "edsr_x2_nhwc_255": export("channels last", "edsr", BYTES, after=channels_last, feed=NHWC),
    "unet_nhwc_signed": export("channels last", "unet", SIGNED, after=channels_last, feed=NHWC),
    "espcn_x3_nhwc": export("channels last", "espcn", after=channels_last, feed=NHWC),
}

_TYPES = {
    "srvgg_x4_half": export("half precision", "srvgg", after=half, steps=2),
    "dncnn_half": export("half precision", "dncnn", after=half, steps=2),
    "dncnn_bytes": export("bytes", "dncnn", BYTES, after=as_bytes),
    "imdn_x2_bytes": export("bytes", "imdn", BYTES, after=as_bytes),
    "edsr_x2_int8": export("int8", "edsr", after=int8("sr x2", per_channel=True), steps=INTEGERS),
    "mobile_int8": export("int8", "mobile", after=int8("noise", per_channel=False), steps=INTEGERS),
}

_SIZES = {
    "swinir_x2": export("windows", "swinir", native="Transpose"),
    "swinir_x2_fixed": export("windows", "swinir", hw=(48, 48), fixed=True, native="Transpose"),
    "swinir_x2_pads": export("pads itself", "swinir", pads=8, native="Pad"),
    "unet_deblur_pads": export("pads itself", "unet", pads=4, native="Pad"),
    "unet_fixed": export("one size", "unet", hw=(64, 64), fixed=True),
    "esa_x4_fixed": export("one size", "rfdn", hw=(64, 56), fixed=True),
    "edsr_x2_batch4": export("one batch", "edsr", after=lambda model: batch_of(model, 4), feed={"batch": 4}),
    "dncnn_batch2": export("one batch", "dncnn", after=lambda model: batch_of(model, 2), feed={"batch": 2}),
    "upconv7_x2": export("no padding", "upconv7"),
    "upconv7_x2_255": export("no padding", "upconv7", BYTES),
    "nafnet": export("whole image", "nafnet", native="Pad"),
    "restormer": export("whole image", "restormer", native="Reshape"),
    "up_unet": export("aligned corners", "up_unet"),
    "up_unet_255": export("aligned corners", "up_unet", BYTES),
}

_MORE_THAN_ONE = {
    "ffdnet": export("sigma", "ffdnet", numbers={"sigma": (1, 1, 1, 1)}, options=SIGMA),
    "ffdnet_vector": export("sigma", "ffdnet", numbers={"sigma": (1,)}, options=SIGMA),
    "drunet": export("sigma", "drunet", options=("--extra-channel", "25/255")),
    "mimo": export(
        "several outputs", "mimo", outputs=("half", "whole"), options=("--output", "whole"), feed={"output": 1}
    ),
    "dark_both": export(
        "several outputs", "zerodce", BYTES, outputs=("enhanced", "curves"), options=("--output", "enhanced")
    ),
}

EXPORTS: Mapping[str, Export] = {**_AS_EXPORTED, **_TASKS, **_VALUES, **_CHANNELS, **_TYPES, **_SIZES, **_MORE_THAN_ONE}
"""By name of the file."""

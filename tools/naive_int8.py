"""Write the int8 network that quantization without any correction gives: the baseline, and a typed file in seconds.

Every convolution but those that read or make the image is quantized, tensors by their least and greatest value on
scikit-image's photos, weights to nearest.

    python -m slsc.tools.naive_int8 MODEL.onnx OUT.onnx [--signed]
"""

from __future__ import annotations

import argparse
from pathlib import Path

from slsc.jobs.compile.photos import from_photos, photos, probe_photos
from slsc.onnx_torch import OnnxModule
from slsc.passes.base import PassContext
from slsc.passes.importing.import_model import import_model
from slsc.passes.importing.load import load_model
from slsc.passes.pipeline import Pipeline
from slsc.passes.precision.int8 import WriteInt8
from slsc.probe import Known, probe_io
from slsc.quantize.layers import quantizable
from slsc.quantize.naive import quantize_naively
from slsc.runtime.atomic import staged
from slsc.search.inputs import PatchSource


def main() -> None:
    """Parse arguments and write the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, metavar="MODEL.onnx")
    parser.add_argument("output", type=Path, metavar="OUT.onnx")
    parser.add_argument("--signed", action="store_true", help="int8 activations with zero point 0, for TensorRT")
    args = parser.parse_args()
    network, images = import_model(load_model(args.model)).model, photos(None, 0)
    probe = probe_io(network, probe_photos(images), Known())
    network = probe.restorer(network)
    pairs = from_photos(images, probe.io.scale, probe.undone).search
    inputs, _ = PatchSource(pairs, probe.io).draw(8, 64, (0,))
    module = OnnxModule(network)
    types = quantize_naively(module, inputs, quantizable(module, network), args.signed)
    typed = Pipeline([WriteInt8(types)]).run(network, PassContext()).model
    with staged(args.output) as (stream, _):
        stream.write(typed.SerializeToString(deterministic=True))
    print(args.output)


if __name__ == "__main__":
    main()

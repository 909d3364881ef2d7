"""Types written into an ONNX file: what `slsc type` does."""

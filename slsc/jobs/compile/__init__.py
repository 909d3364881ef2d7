"""From an ONNX file and budgets to a bundle: what `slsc compile` does, step by step."""

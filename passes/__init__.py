"""Graph passes over ONNX, from the trained file to the bundle. Imports no torch."""

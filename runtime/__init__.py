"""Edge runtime: numpy and one inference backend; imports neither torch nor onnx."""

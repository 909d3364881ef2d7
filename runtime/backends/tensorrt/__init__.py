"""NVIDIA's TensorRT (10.3 and later, also on Jetson) and TensorRT-RTX (from Ampere on, not Jetson) as one backend."""

"""Restoration networks as torch modules, with their published weights' key names, and their export to ONNX."""

from slsc.zoo.registry import MODELS, ZooModel, zoo_model

__all__ = ["MODELS", "ZooModel", "zoo_model"]

"""slsc: deployment compiler and edge runtime for image-restoration networks with layer-wise N:M sparsity.

Importing this package imports neither torch nor onnx, so that the runtime installs on its own.
"""

__version__ = "0.1.0"

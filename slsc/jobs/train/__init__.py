"""From a network and images to a trained network: what `slsc train` does, step by step."""

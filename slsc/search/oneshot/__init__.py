"""`oneshot`: layer-wise N:M without training, in closed form."""

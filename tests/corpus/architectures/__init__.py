"""The architectures of the field, a few thousand parameters each: torch modules from 0..1 to 0..1, NCHW."""

"""8-bit integers for the convolutions of a network: which, with what scales, and weights fitted to them."""

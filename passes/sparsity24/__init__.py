"""2:4 hardware: which layers it can take, and how to make more of them fit."""

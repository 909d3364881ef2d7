"""ClassPruning (Zhou et al., 2022): nested networks, and a classifier that tells which one a region is given."""

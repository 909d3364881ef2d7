"""SLS: N of every layer learned under a budget (Oh et al., CVPR 2022)."""

"""Filter pruning: whole channels removed, those of least L1 norm first (Li et al., ICLR 2017)."""

from __future__ import annotations

from slsc.search.filter.pruning import FilterPruning

__all__ = ["FilterPruning"]

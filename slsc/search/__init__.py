"""Search: which N of every M each layer keeps within a budget, and the weights that go with it."""

from __future__ import annotations

from slsc.search.base import Network, Progress, Rules, SearchResult
from slsc.search.searcher import EFFORTS, METHODS, STARTS, Searcher

__all__ = ["EFFORTS", "METHODS", "STARTS", "Network", "Progress", "Rules", "SearchResult", "Searcher"]

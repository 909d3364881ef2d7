"""What does the work of each sparse method of `slsc.methods`."""

from __future__ import annotations

from collections.abc import Mapping

from slsc.search.classes.classpruning import ClassPruningMethod
from slsc.search.filter.method import FilterMethod
from slsc.search.method import SparseMethod
from slsc.search.nested import NestedMethod
from slsc.search.oneshot.method import OneShotMethod
from slsc.search.sls.method import SlsMethod
from slsc.search.srste import SrSteMethod
from slsc.search.uniform import UniformMethod

SPARSE_METHODS: Mapping[str, SparseMethod] = {
    "oneshot": OneShotMethod(),
    "uniform": UniformMethod(),
    "filter": FilterMethod(),
    "sls": SlsMethod(),
    "sr-ste": SrSteMethod(),
    "nested": NestedMethod(),
    "classpruning": ClassPruningMethod(),
}

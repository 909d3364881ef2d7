"""What is searched for: networks for budgets and latencies, in the order of their engines."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

from slsc.errors import BudgetError
from slsc.jobs.compile.efforts import effort_of
from slsc.jobs.compile.hardware import Hardware
from slsc.jobs.compile.photos import CompileData
from slsc.jobs.compile.request import CompileRequest
from slsc.passes.analysis.cost import Cost
from slsc.progress import StageProgress
from slsc.runtime.bundle.manifest import ImageIO
from slsc.search.base import SearchResult
from slsc.search.searcher import Searcher


def make_searcher(
    hardware: Hardware, io: ImageIO, data: CompileData, request: CompileRequest, progress: StageProgress
) -> Searcher:
    """The search of the network as the hardware wants it."""
    return Searcher(
        hardware.model,
        io,
        data.search,
        labelled=data.labelled,
        rules=request.rules,
        seed=request.seed,
        progress=progress,
        cost=hardware.cost,
    )


def searched(searcher: Searcher, hardware: Hardware, cost: Cost, request: CompileRequest) -> Iterator[SearchResult]:
    """What the search finds for each budget; all are known to be reachable before the first is searched."""
    for budget in request.budgets:
        _require_reachable(searcher, budget, hardware, cost, request.method)
    effort = effort_of(request.effort)
    if effort is not None:
        effort = replace(effort.before_rounding(request.precision.lessons), sls=request.sls or effort.sls)
    for budget in request.budgets:
        found = searcher.search(hardware.budget(budget, cost), request.method, effort, request.start)
        yield replace(found, plan=replace(found.plan, budget=str(budget)))
    if request.timing:
        for latency in request.timing.latencies:
            yield searcher.search_within(latency, request.timing.profile, effort)


def searched_nested(searcher: Searcher, request: CompileRequest) -> SearchResult:
    """Networks for all budgets in one set of weights, with their classifier."""
    return searcher.search_nested(request.budgets, request.method, effort_of(request.effort), request.average)


def _require_reachable(searcher: Searcher, budget: Fraction, hardware: Hardware, cost: Cost, method: str) -> None:
    """As `Searcher.require_reachable`, of a budget of the network that was given."""
    own = hardware.budget(budget, cost)
    try:
        searcher.require_reachable(own, method)
    except BudgetError as error:
        if own == budget:
            raise
        raise BudgetError(
            f"budget {budget} cannot be reached by the padded network",
            why=f"there it is {float(own):.4f}: {error.why}",
            hint="use a larger budget, or --pad never",
            exit_code=error.exit_code,
        ) from error

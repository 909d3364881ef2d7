"""Running passes in order, with their conditions checked and their effect proven."""

from __future__ import annotations

from collections.abc import Sequence

import onnx

from slsc.errors import ResourceError, SlscError, VerificationError
from slsc.passes.base import Pass, PassContext, PassResult, PostconditionError
from slsc.passes.verify import compare, is_rounding, tolerance


class Pipeline:
    """A sequence of passes that behaves as one.

    Args:
        passes: run in this order.
    """

    def __init__(self, passes: Sequence[Pass]) -> None:
        self.passes = tuple(passes)

    def run(self, model: onnx.ModelProto, context: PassContext) -> PassResult:
        """Run every pass on the result of the one before.

        Returns:
            The last model, whether any pass changed it, and the reports keyed by pass name; where a pass was proven by
            running, its report holds `difference` with `max_abs` and `psnr_db`.

        Raises:
            VerificationError: a condition failed, or a pass changed the function or broke down; names what ran before.
            ModelError: a pass refused the model.
            ResourceError: out of memory.
        """
        reports: dict[str, dict[str, object]] = {}
        modified = False
        for step in self.passes:
            result = self._guarded(step, model, context, done=list(reports))
            model, modified = result.model, modified or result.modified
            reports[step.name] = result.report
        return PassResult(model, modified, dict(reports))

    def _guarded(self, step: Pass, model: onnx.ModelProto, context: PassContext, done: list[str]) -> PassResult:
        after = f"after the passes {', '.join(done)}" if done else "as the first pass"
        try:
            step.requires(model, context)
            result = step.run(model, context)
            step.ensures(result.model, context)
            return self._proven(step, model, result, context)
        except VerificationError as error:
            raise type(error)(
                f"pass {step.name} failed {after}: {error.what}", where=error.where, why=error.why, hint=error.hint
            ) from error
        except SlscError:
            raise
        except MemoryError as error:
            raise ResourceError(
                "out of memory", why=f"in the pass {step.name}, {after}", hint="free some memory"
            ) from error
        except Exception as error:
            raise VerificationError(
                f"pass {step.name} broke down {after}",
                why=f"{type(error).__name__}: {error}",
                hint="please report this with the model",
            ) from error

    def _proven(self, step: Pass, before: onnx.ModelProto, result: PassResult, context: PassContext) -> PassResult:
        if not (result.modified and step.preserves_function and context.inputs):
            return result
        difference = compare(before, result.model, context.inputs)
        if not is_rounding(difference, tolerance(before)):
            raise PostconditionError(
                "the network's output changed",
                why=f"by {difference.max_abs:.3g} of {difference.range:.3g}, {difference.psnr_db:.1f} dB",
            )
        report = {**result.report, "difference": difference.to_dict()}
        return PassResult(result.model, result.modified, report)

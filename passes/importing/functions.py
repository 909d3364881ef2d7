"""Inlining the functions a model brings along."""

from __future__ import annotations

import onnx
from onnx import inliner

from slsc.errors import ModelError
from slsc.passes.base import Pass, PassContext, PassResult
from slsc.passes.importing.expansion import require_bounded
from slsc.passes.importing.load import require_valid


class InlineFunctions(Pass):
    """Call of a function defined in the file -> the function's nodes, through ONNX's inliner.

    Newer exporters keep torch modules and their own library as such functions.
    """

    name = "inline-functions"

    def run(self, model: onnx.ModelProto, context: PassContext) -> PassResult:
        """Inline every function.

        Raises:
            ModelError: the model is too large then, its functions call each other in a circle, or promise outputs that
                they do not make, or are called with more than they take.
        """
        require_bounded(model)
        names = [f"{function.domain}:{function.name}" for function in model.functions]
        if not names:
            return PassResult(model, False, {"inlined": []})
        try:
            inlined = inliner.inline_local_functions(model)
        except (RuntimeError, ValueError) as error:
            why = str(error).strip().splitlines()[-1]
            raise ModelError("the functions in the file cannot be inlined", why=why, hint="export it again") from None
        require_valid(inlined, " with its functions inlined")
        return PassResult(inlined, True, {"inlined": names})

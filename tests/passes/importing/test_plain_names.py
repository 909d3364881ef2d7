"""Names that cannot be printed."""

from __future__ import annotations

from slsc.passes import verify
from slsc.passes.base import PassContext
from slsc.passes.importing.import_model import import_model
from slsc.passes.importing.plain_names import LONGEST, PlainNames

TEXT = "net (float[1,3,h,w] x) => (float[1,3,h,w] y) { a = Conv <pads=[1,1,1,1]> (x, w) y = Relu(a) }"
ODD = {"x": "in\tput", "w": "weight\n", "a": "a" * 2 * LONGEST, "y": "out\x1b[31mput"}


def oddly_named(build):
    model = build(TEXT, w=(3, 3, 3, 3))
    graph = model.graph
    for place, node in enumerate(graph.node):
        node.name = f"layer\r{place}"
        for names in (node.input, node.output):
            names[:] = [ODD.get(name, name) for name in names]
    for held in (*graph.input, *graph.output, *graph.initializer):
        held.name = ODD[held.name]
    return model


def test_all_names_become_printable_and_stay_different(build, image):
    model = oddly_named(build)
    model.graph.node[1].output[0] = "in_put"
    model.graph.output[0].name = "in_put"
    renamed = PlainNames().run(model, PassContext()).model
    names = [renamed.graph.input[0].name, *(name for node in renamed.graph.node for name in (*node.output, node.name))]
    assert all(name.isprintable() and len(name) <= LONGEST + 1 for name in names)
    assert renamed.graph.input[0].name == "in_put_" and renamed.graph.output[0].name == "in_put"
    assert verify.compare(model, renamed, [image(16, 20)]).relative == 0


def test_an_imported_network_has_printable_names(build):
    imported = import_model(oddly_named(build)).model
    assert (imported.graph.input[0].name, imported.graph.output[0].name) == ("in_put", "out_[31mput")


def test_plain_names_stay(build):
    assert not PlainNames().run(build(TEXT, w=(3, 3, 3, 3)), PassContext()).modified

"""Writes a classifier as ONNX: ids and mask in, logits out, any number of texts and tokens."""

import pathlib

import onnx
import torch


def export(model: torch.nn.Module, path: pathlib.Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    ids, mask = torch.full((2, 6), 4), torch.ones(2, 6, dtype=torch.long)
    axes = {0: torch.export.Dim("batch"), 1: torch.export.Dim("tokens")}
    torch.onnx.export(
        model,
        (ids, mask),
        str(path),
        dynamo=True,
        opset_version=18,
        external_data=False,
        verbose=False,
        input_names=["input_ids", "attention_mask"],
        output_names=["logits"],
        dynamic_shapes=(axes, axes),
    )
    tidy(path)


def tidy(path: pathlib.Path) -> None:
    """Leaves out what runs nothing: where in the source a node came from, and shapes that quantising would contradict."""
    model = onnx.load(str(path))
    for part in (model, model.graph, *model.graph.node, *model.graph.input, *model.graph.output, *model.graph.initializer):
        del part.metadata_props[:]
        part.doc_string = ""
    del model.graph.value_info[:]
    onnx.save(model, str(path))

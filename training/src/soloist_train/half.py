"""Weights stored as 16-bit floats: half the file, the same computation in 32 bits."""

from __future__ import annotations

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from .errors import TrainingError

SMALLEST = 256
"""Values of a tensor from which storing it as fp16 pays; biases and the like stay fp32."""
STORED = "_fp16"
"""What a stored tensor's name ends with; the Cast's output has the weight's own."""


def round_weights(net: nn.Module) -> None:
    """Round big weights to what fp16 can hold, in place; they stay fp32 in memory."""
    with torch.no_grad():
        for name, weight in net.named_parameters():
            if weight.numel() < SMALLEST:
                continue
            rounded = weight.half().float()
            if not torch.isfinite(rounded).all():
                raise TrainingError(f"{name} holds values beyond fp16's 65504")
            weight.copy_(rounded)


def store_as_half(model: onnx.ModelProto) -> onnx.ModelProto:
    """The graph with its big fp32 initialisers as fp16, each with a Cast back to fp32.

    Runtimes fold the casts once when a session is made. Values must be rounded already.
    """
    graph = model.graph
    casts = []
    for tensor in graph.initializer:
        values = numpy_helper.to_array(tensor)
        if tensor.data_type != TensorProto.FLOAT or values.size < SMALLEST:
            continue
        stored = values.astype(np.float16)
        if not np.array_equal(stored.astype(np.float32), values):
            raise TrainingError(f"{tensor.name} is not rounded to fp16")
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(stored, name + STORED))
        casts.append(helper.make_node("Cast", [name + STORED], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    onnx.checker.check_model(model, full_check=True)
    return model

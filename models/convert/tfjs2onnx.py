"""Convert a small TensorFlow.js graph model to ONNX.

usage: tfjs2onnx.py MODEL.json TARGET.onnx --outputs NODE=NAME,NODE=NAME

The ONNX model takes one image, planar (NCHW, float32), and names its input `input`. Weights stored as 16-bit floats are
widened to 32 bits, which loses nothing. Only what the named outputs need is converted, and only the operators of the
age model are implemented; any other stops the conversion with its name. The same input always gives the same bytes:
names come from one counter, in the order in which the nodes are listed.
"""

import argparse
import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = 13
IR_VERSION = 8
PRODUCER = "tfjs2onnx"
STORED_TYPES = {"float16": "<f2", "float32": "<f4", "int32": "<i4"}

Node = dict[str, Any]


class Converter:
    """One conversion: reads a graph node by node and collects ONNX nodes and weights."""

    def __init__(self, source: Path) -> None:
        """Open a graph model whose weights lie beside it."""
        model = json.loads(source.read_text())
        self.graph: list[Node] = model["modelTopology"]["node"]
        self.constants = read_constants(model["weightsManifest"], source.parent)
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []
        self.inputs: list[onnx.ValueInfoProto] = []
        self.names: dict[str, str] = {}
        self.shapes: dict[str, list[int]] = {}
        self.used_names = 0
        self.operators: dict[str, Callable[[Node, list[str]], tuple[str, list[int]]]] = {
            "Add": self.binary,
            "Conv2D": self.convolution,
            "DepthwiseConv2dNative": self.convolution,
            "Maximum": self.binary,
            "Mean": self.mean,
            "Minimum": self.binary,
            "Mul": self.binary,
            "Placeholder": self.image,
            "Relu": self.unary,
            "Softmax": self.softmax,
            "_FusedMatMul": self.dense,
        }

    def convert(self, outputs: dict[str, str]) -> onnx.ModelProto:
        """Convert what `outputs`, by the names of their nodes, need; they get the names that are given to them."""
        wanted = set(outputs)
        for node in reversed(self.graph):
            if node["name"] in wanted:
                wanted.update(node.get("input", []))
        for node in self.graph:
            if node["name"] in wanted and node["op"] != "Const":
                self.convert_node(node)
        results = [self.output(node, name) for node, name in outputs.items()]
        graph = helper.make_graph(self.nodes, "g", self.inputs, results, self.weights)
        opset = helper.make_opsetid("", OPSET)
        model = helper.make_model(graph, opset_imports=[opset], ir_version=IR_VERSION, producer_name=PRODUCER)
        onnx.checker.check_model(model)
        return model

    def convert_node(self, node: Node) -> None:
        """Convert one node."""
        operator = self.operators.get(node["op"])
        if operator is None:
            raise NotImplementedError(f"operator {node['op']}")
        self.names[node["name"]], self.shapes[node["name"]] = operator(node, node.get("input", []))

    # Writing ONNX

    def new_name(self, stem: str) -> str:
        """Return a name that no node and no weight has yet."""
        self.used_names += 1
        return f"{stem}_{self.used_names}"

    def add_weight(self, values: np.ndarray) -> str:
        """Add a constant and return its name."""
        name = self.new_name("w")
        self.weights.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def add_node(self, kind: str, inputs: list[str], **attributes: object) -> str:
        """Add a node with one output and return the output's name."""
        output = self.new_name(kind.lower())
        self.nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    # Operators: each adds its nodes and returns the name and the planar shape of the result

    def image(self, node: Node, _inputs: list[str]) -> tuple[str, list[int]]:
        """Take in the Placeholder: the one image."""
        _batch, rows, columns, channels = (int(size["size"]) for size in node["attr"]["shape"]["shape"]["dim"])
        shape = [1, channels, rows, columns]
        self.inputs.append(helper.make_tensor_value_info("input", TensorProto.FLOAT, shape))
        return "input", shape

    def convolution(self, node: Node, inputs: list[str]) -> tuple[str, list[int]]:
        """Conv2D and DepthwiseConv2dNative with SAME padding and without a bias."""
        source, kernel = inputs
        if text(node, "padding") != "SAME" or integers(node, "dilations") != [1, 1, 1, 1]:
            raise NotImplementedError(f"padding or dilation of {node['name']}")
        values = self.constants[kernel]
        rows, columns, channels, filters = values.shape
        if node["op"] == "DepthwiseConv2dNative":
            values = values.transpose(2, 3, 0, 1).reshape(channels * filters, 1, rows, columns)
            group = channels
        else:
            values = values.transpose(3, 2, 0, 1)
            group = 1
        strides = integers(node, "strides")[1:3]
        sides = self.shapes[source][2:]
        results = [-(-side // stride) for side, stride in zip(sides, strides, strict=True)]
        pads = same_padding(sides, results, [rows, columns], strides)
        name = self.add_node(
            "Conv",
            [self.names[source], self.add_weight(values)],
            kernel_shape=[rows, columns],
            strides=strides,
            group=group,
            pads=pads,
        )
        return name, [1, values.shape[0], *results]

    def binary(self, node: Node, inputs: list[str]) -> tuple[str, list[int]]:
        """Add, Mul, Minimum and Maximum of an image and a constant for each channel, or for all."""
        source, constant = inputs
        values = self.constants[constant]
        if values.ndim == 1:
            values = values.reshape(1, -1, 1, 1)
        kind = {"Minimum": "Min", "Maximum": "Max"}.get(node["op"], node["op"])
        return self.add_node(kind, [self.names[source], self.add_weight(values)]), self.shapes[source]

    def unary(self, node: Node, inputs: list[str]) -> tuple[str, list[int]]:
        """Relu."""
        return self.add_node(node["op"], [self.names[inputs[0]]]), self.shapes[inputs[0]]

    def mean(self, node: Node, inputs: list[str]) -> tuple[str, list[int]]:
        """Mean over rows and columns."""
        source, axes = inputs
        if sorted(self.constants[axes].tolist()) != [1, 2]:
            raise NotImplementedError(f"axes of {node['name']}")
        name = self.add_node("ReduceMean", [self.names[source]], axes=[2, 3], keepdims=0)
        return name, self.shapes[source][:2]

    def dense(self, node: Node, inputs: list[str]) -> tuple[str, list[int]]:
        """_FusedMatMul: a matrix, a bias, and an activation or none."""
        source, matrix, bias = inputs
        name = self.add_node("MatMul", [self.names[source], self.add_weight(self.constants[matrix])])
        name = self.add_node("Add", [name, self.add_weight(self.constants[bias])])
        fused = [base64.b64decode(word).decode() for word in node["attr"]["fused_ops"]["list"]["s"]]
        if fused == ["BiasAdd", "Relu"]:
            name = self.add_node("Relu", [name])
        elif fused != ["BiasAdd"]:
            raise NotImplementedError(f"fused operators {fused}")
        return name, [1, self.constants[matrix].shape[1]]

    def softmax(self, _node: Node, inputs: list[str]) -> tuple[str, list[int]]:
        """Softmax over the last axis."""
        return self.add_node("Softmax", [self.names[inputs[0]]], axis=-1), self.shapes[inputs[0]]

    def output(self, node: str, name: str) -> onnx.ValueInfoProto:
        """Name an output."""
        self.nodes.append(helper.make_node("Identity", [self.names[node]], [name]))
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, self.shapes[node])


def read_constants(groups: list[dict[str, Any]], folder: Path) -> dict[str, np.ndarray]:
    """Return every stored constant by its name; floats as 32-bit floats."""
    constants = {}
    for group in groups:
        content = b"".join((folder / path).read_bytes() for path in group["paths"])
        offset = 0
        for entry in group["weights"]:
            kind = np.dtype(STORED_TYPES[entry.get("quantization", entry)["dtype"]])
            values = np.frombuffer(content, kind, int(np.prod(entry["shape"])), offset).reshape(entry["shape"])
            offset += values.nbytes
            constants[entry["name"]] = values.astype(np.float32) if kind.kind == "f" else values
        if offset != len(content):
            raise ValueError(f"{group['paths']} holds {len(content)} bytes, its weights {offset}")
    return constants


def same_padding(sides: list[int], results: list[int], kernel: list[int], strides: list[int]) -> list[int]:
    """Return the padding (top, left, bottom, right) of TensorFlow's SAME."""
    totals = [
        max((result - 1) * stride + size - side, 0)
        for side, result, size, stride in zip(sides, results, kernel, strides, strict=True)
    ]
    return [total // 2 for total in totals] + [total - total // 2 for total in totals]


def integers(node: Node, attribute: str) -> list[int]:
    """Return an attribute that is a list of numbers."""
    return [int(value) for value in node["attr"][attribute]["list"]["i"]]


def text(node: Node, attribute: str) -> str:
    """Return an attribute that is a word."""
    return base64.b64decode(node["attr"][attribute]["s"]).decode()


def main() -> None:
    """Convert the file named on the command line."""
    parser = argparse.ArgumentParser(description="Convert a small TensorFlow.js graph model to ONNX.")
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--outputs", required=True, help="NODE=NAME of each output, separated by commas")
    arguments = parser.parse_args()
    outputs = dict(pair.split("=", 1) for pair in arguments.outputs.split(","))
    onnx.save(Converter(arguments.source).convert(outputs), arguments.target)


if __name__ == "__main__":
    main()

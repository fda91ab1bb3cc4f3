"""Convert a small float TFLite model to ONNX.

usage: tflite2onnx.py SOURCE.tflite TARGET.onnx --outputs NAME,NAME

The ONNX model takes one image, planar (NCHW, float32), and names its input `input`. Weights stored as 16-bit floats are
widened to 32 bits, which loses nothing. Only the operators of the face models are implemented; any other stops the
conversion with its name. The same input always gives the same bytes: names come from one counter, in the order in which
the operators are visited.
"""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
import onnx
import tflite
from onnx import TensorProto, helper, numpy_helper

OPSET = 13
IR_VERSION = 8
# The producer's name is part of the file and so of its digest; it stays as it was when the models were measured.
PRODUCER = "tflite2onnx_min"

Options = TypeVar("Options")

# Where each axis of a planar tensor (batch, channel, row, column) lies in TFLite's interleaved one, and the way back.
TO_PLANAR = [0, 3, 1, 2]
TO_INTERLEAVED = [0, 2, 3, 1]

OPERATOR_NAMES = {code: name for name, code in vars(tflite.BuiltinOperator).items() if isinstance(code, int)}
ELEMENT_TYPES = {
    tflite.TensorType.FLOAT32: np.float32,
    tflite.TensorType.FLOAT16: np.float16,
    tflite.TensorType.INT32: np.int32,
}


class Converter:
    """One conversion: reads a TFLite graph operator by operator and collects ONNX nodes and weights."""

    def __init__(self, content: bytes) -> None:
        """Open a TFLite file that holds one graph."""
        self.model = tflite.Model.GetRootAsModel(content, 0)
        self.graph = self.model.Subgraphs(0)
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []
        self.names: dict[int, str] = {}
        self.widened: dict[int, np.ndarray] = {}
        self.used_names = 0
        self.operators: dict[str, Callable[[tflite.Operator, list[int], int], str]] = {
            "ABS": self.unary,
            "ADD": self.binary,
            "CONCATENATION": self.concatenation,
            "CONV_2D": self.convolution,
            "DEPTHWISE_CONV_2D": self.convolution,
            "MAX_POOL_2D": self.max_pool,
            "MUL": self.binary,
            "PAD": self.pad,
            "PRELU": self.prelu,
            "RELU": self.unary,
            "RESHAPE": self.reshape,
            "SUB": self.binary,
        }

    def convert(self, output_names: list[str]) -> onnx.ModelProto:
        """Convert the whole graph; `output_names` are given to its outputs in their order."""
        image = int(self.graph.Inputs(0))
        self.names[image] = "input"
        _, rows, columns, channels = self.shape(image)
        inputs = [helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, channels, rows, columns])]
        for index in range(self.graph.OperatorsLength()):
            self.operator(self.graph.Operators(index))
        outputs = [
            self.output(int(tensor), name)
            for tensor, name in zip(self.graph.OutputsAsNumpy(), output_names, strict=True)
        ]
        graph = helper.make_graph(self.nodes, "g", inputs, outputs, self.weights)
        opset = helper.make_opsetid("", OPSET)
        model = helper.make_model(graph, opset_imports=[opset], ir_version=IR_VERSION, producer_name=PRODUCER)
        onnx.checker.check_model(model)
        return model

    # Reading TFLite

    def shape(self, tensor: int) -> list[int]:
        """Shape of a tensor, in TFLite's order of axes."""
        return [int(size) for size in self.graph.Tensors(tensor).ShapeAsNumpy()]

    def constant(self, tensor: int) -> np.ndarray | None:
        """Values of a constant, or None for a tensor that is computed."""
        if tensor in self.widened:
            return self.widened[tensor]
        entry = self.graph.Tensors(tensor)
        buffer = self.model.Buffers(entry.Buffer())
        if buffer.DataLength() == 0:
            return None
        return np.frombuffer(buffer.DataAsNumpy().tobytes(), ELEMENT_TYPES[entry.Type()]).reshape(self.shape(tensor))

    def weight(self, tensor: int) -> np.ndarray:
        """Values of a constant that has to be one, as 32-bit floats."""
        values = self.constant(tensor)
        if values is None:
            raise NotImplementedError(f"tensor {tensor} has to be a constant")
        return values.astype(np.float32)

    def operator_name(self, operator: tflite.Operator) -> str:
        """Name of an operator; old files keep its code in the deprecated field."""
        code = self.model.OperatorCodes(operator.OpcodeIndex())
        return OPERATOR_NAMES[max(code.BuiltinCode(), code.DeprecatedBuiltinCode())]

    @staticmethod
    def options(operator: tflite.Operator, kind: type[Options]) -> Options:
        """Options of an operator."""
        table = operator.BuiltinOptions()
        options = kind()
        options.Init(table.Bytes, table.Pos)
        return options

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

    def interleaved(self, tensor: int) -> str:
        """Name of a computed tensor in TFLite's order of axes, for what looks at the order of its elements."""
        name = self.names[tensor]
        return self.add_node("Transpose", [name], perm=TO_INTERLEAVED) if len(self.shape(tensor)) == 4 else name

    # Operators: each adds its nodes and returns the name of the result

    def operator(self, operator: tflite.Operator) -> None:
        """Convert one operator."""
        kind = self.operator_name(operator)
        inputs = [int(tensor) for tensor in operator.InputsAsNumpy()]
        output = int(operator.Outputs(0))
        if kind == "DEQUANTIZE":
            self.widened[output] = self.weight(inputs[0])
        elif kind in self.operators:
            self.names[output] = self.operators[kind](operator, inputs, output)
        else:
            raise NotImplementedError(f"operator {kind}")

    def activation(self, name: str, code: int) -> str:
        """Add the activation that TFLite fuses into the operator before it."""
        if code == tflite.ActivationFunctionType.NONE:
            return name
        if code == tflite.ActivationFunctionType.RELU:
            return self.add_node("Relu", [name])
        raise NotImplementedError(f"fused activation {code}")

    def padding(self, source: int, target: int, kernel: list[int], strides: list[int], padding: int) -> list[int]:
        """Explicit padding (top, left, bottom, right) of TFLite's SAME and VALID."""
        if padding != tflite.Padding.SAME:
            return [0, 0, 0, 0]
        before, after = [], []
        for axis in (0, 1):
            covered = (self.shape(target)[axis + 1] - 1) * strides[axis] + kernel[axis]
            total = max(covered - self.shape(source)[axis + 1], 0)
            before.append(total // 2)
            after.append(total - total // 2)
        return before + after

    def convolution(self, operator: tflite.Operator, inputs: list[int], output: int) -> str:
        """CONV_2D and DEPTHWISE_CONV_2D, with a bias."""
        source, kernel, bias = inputs
        if self.operator_name(operator) == "DEPTHWISE_CONV_2D":
            options = self.options(operator, tflite.DepthwiseConv2DOptions)
            values = self.weight(kernel).transpose(3, 0, 1, 2)
            group = self.shape(source)[3]
        else:
            options = self.options(operator, tflite.Conv2DOptions)
            values = self.weight(kernel).transpose(0, 3, 1, 2)
            group = 1
        dilations = [options.DilationHFactor(), options.DilationWFactor()]
        if dilations != [1, 1]:
            raise NotImplementedError(f"dilated convolution {dilations}")
        size = list(values.shape[2:])
        strides = [options.StrideH(), options.StrideW()]
        result = self.add_node(
            "Conv",
            [self.names[source], self.add_weight(values), self.add_weight(self.weight(bias))],
            kernel_shape=size,
            strides=strides,
            dilations=dilations,
            group=group,
            pads=self.padding(source, output, size, strides, options.Padding()),
        )
        return self.activation(result, options.FusedActivationFunction())

    def max_pool(self, operator: tflite.Operator, inputs: list[int], output: int) -> str:
        """MAX_POOL_2D."""
        options = self.options(operator, tflite.Pool2DOptions)
        size = [options.FilterHeight(), options.FilterWidth()]
        strides = [options.StrideH(), options.StrideW()]
        pads = self.padding(inputs[0], output, size, strides, options.Padding())
        result = self.add_node("MaxPool", [self.names[inputs[0]]], kernel_shape=size, strides=strides, pads=pads)
        return self.activation(result, options.FusedActivationFunction())

    def binary(self, operator: tflite.Operator, inputs: list[int], _output: int) -> str:
        """ADD, SUB and MUL of two tensors, or of a tensor and a constant for each channel."""
        kind = self.operator_name(operator)
        options = {"ADD": tflite.AddOptions, "SUB": tflite.SubOptions, "MUL": tflite.MulOptions}[kind]
        operands = [self.operand(tensor) for tensor in inputs]
        result = self.add_node(kind.title(), operands)
        return self.activation(result, self.options(operator, options).FusedActivationFunction())

    def operand(self, tensor: int) -> str:
        """Name of an operand; a constant gets four planar axes, so that it spreads over rows and columns."""
        if self.constant(tensor) is None:
            return self.names[tensor]
        values = self.weight(tensor)
        values = values.reshape([1] * (4 - values.ndim) + list(values.shape))
        return self.add_weight(values.transpose(TO_PLANAR))

    def unary(self, operator: tflite.Operator, inputs: list[int], _output: int) -> str:
        """ABS and RELU."""
        return self.add_node(self.operator_name(operator).title(), [self.names[inputs[0]]])

    def prelu(self, _operator: tflite.Operator, inputs: list[int], _output: int) -> str:
        """PRELU with one slope for each channel."""
        slopes = self.weight(inputs[1]).transpose(2, 0, 1)
        return self.add_node("PRelu", [self.names[inputs[0]], self.add_weight(slopes)])

    def pad(self, _operator: tflite.Operator, inputs: list[int], _output: int) -> str:
        """PAD with zeros."""
        pairs = self.weight(inputs[1]).astype(np.int64)[TO_PLANAR]
        sizes = self.add_weight(np.concatenate([pairs[:, 0], pairs[:, 1]]))
        return self.add_node("Pad", [self.names[inputs[0]], sizes], mode="constant")

    def concatenation(self, operator: tflite.Operator, inputs: list[int], output: int) -> str:
        """CONCATENATION of tensors that are not images."""
        axes = len(self.shape(output))
        if axes == 4:
            raise NotImplementedError("concatenation of planar tensors")
        axis = self.options(operator, tflite.ConcatenationOptions).Axis() % axes
        return self.add_node("Concat", [self.names[tensor] for tensor in inputs], axis=axis)

    def reshape(self, _operator: tflite.Operator, inputs: list[int], output: int) -> str:
        """RESHAPE of a batch of one to something that is not an image."""
        _batch, *rest = self.shape(output)
        if len(rest) == 3:
            raise NotImplementedError("reshape to a planar tensor")
        source = self.interleaved(inputs[0])
        return self.add_node("Reshape", [source, self.add_weight(np.array([1, *rest], np.int64))])

    def output(self, tensor: int, name: str) -> onnx.ValueInfoProto:
        """Name an output; an image of one pixel becomes a vector."""
        shape = [1, *self.shape(tensor)[1:]]
        result = self.interleaved(tensor)
        if len(shape) == 4 and shape[1:3] == [1, 1]:
            shape = [1, shape[3]]
            result = self.add_node("Reshape", [result, self.add_weight(np.array(shape, np.int64))])
        self.nodes.append(helper.make_node("Identity", [result], [name]))
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def main() -> None:
    """Convert the file named on the command line."""
    parser = argparse.ArgumentParser(description="Convert a small float TFLite model to ONNX.")
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--outputs", required=True, help="names of the outputs, in order, separated by commas")
    arguments = parser.parse_args()
    converter = Converter(arguments.source.read_bytes())
    onnx.save(converter.convert(arguments.outputs.split(",")), arguments.target)


if __name__ == "__main__":
    main()

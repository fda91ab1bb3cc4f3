"""Replace the four nodes in which TensorFlow writes a PReLU by one.

usage: fuse_prelu.py SOURCE.onnx TARGET.onnx

MobileFaceNet's export computes `relu(x) + c * (x - |x|)`, with one c for each channel. For x < 0 that is 2cx, so it is
PReLU with the slope 2c; multiplying by 2 is exact, and ONNX Runtime runs one node instead of five.
"""

import argparse
from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper


def fuse(model: onnx.ModelProto) -> int:
    """Replace every such group in the model; return how many there were."""
    graph = model.graph
    producers = {output: node for node in graph.node for output in node.output}
    weights = {weight.name: numpy_helper.to_array(weight) for weight in graph.initializer}
    nodes, fused = [], 0
    for node in graph.node:
        match = match_prelu(node, producers, weights)
        if match is None:
            nodes.append(node)
            continue
        source, half_slope = match
        slope = f"slope{fused}"
        values = (2 * weights[half_slope]).reshape(-1, 1, 1).astype(np.float32)
        graph.initializer.append(numpy_helper.from_array(values, slope))
        nodes.append(helper.make_node("PRelu", [source, slope], list(node.output)))
        fused += 1
    keep_what_is_used(graph, nodes)
    return fused


def match_prelu(
    node: onnx.NodeProto, producers: dict[str, onnx.NodeProto], weights: dict[str, np.ndarray]
) -> tuple[str, str] | None:
    """Return the names of x and c where the node is the sum of `relu(x) + c * (x - |x|)`."""
    if node.op_type != "Add" or not all(name in producers for name in node.input):
        return None
    relu, product = sorted((producers[name] for name in node.input), key=lambda term: term.op_type != "Relu")
    if relu.op_type != "Relu" or product.op_type != "Mul":
        return None
    constants = [name for name in product.input if name in weights]
    computed = [name for name in product.input if name not in weights]
    if len(constants) != 1 or producers[computed[0]].op_type != "Sub":
        return None
    source, magnitude = producers[computed[0]].input
    absolute = producers[magnitude]
    if absolute.op_type != "Abs" or not relu.input[0] == source == absolute.input[0]:
        return None
    return source, constants[0]


def keep_what_is_used(graph: onnx.GraphProto, nodes: list[onnx.NodeProto]) -> None:
    """Set the graph's nodes to those of `nodes` that an output depends on, and drop weights that no node reads."""
    needed = {output.name for output in graph.output}
    kept = []
    for node in reversed(nodes):
        if needed.intersection(node.output):
            kept.append(node)
            needed.update(node.input)
    weights = [weight for weight in graph.initializer if weight.name in needed]
    del graph.node[:]
    graph.node.extend(reversed(kept))
    del graph.initializer[:]
    graph.initializer.extend(weights)


def main() -> None:
    """Rewrite the file named on the command line."""
    parser = argparse.ArgumentParser(description="Replace the nodes in which TensorFlow writes a PReLU by one.")
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    arguments = parser.parse_args()
    model = onnx.load(arguments.source)
    if fuse(model) == 0:
        parser.error(f"{arguments.source} has no PReLU to fuse; give it a MobileFaceNet that came from TensorFlow")
    onnx.checker.check_model(model)
    onnx.save(model, arguments.target)


if __name__ == "__main__":
    main()

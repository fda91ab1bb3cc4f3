"""Cut a PP-OCR text recogniser down to the characters of Latin script.

usage: prune_ppocr_rec.py SOURCE.onnx DICTIONARY.txt TARGET.onnx CHARSET.txt

The recogniser ends in one matrix with a column for each of some 18,000 characters. Identity documents in Latin script
use fewer than 200 of them: dropping the other columns halves the file, and no Chinese sign can be read into a name. The
columns that stay are unchanged, but the softmax runs over fewer of them. The dictionary has a line for every class; the
first is CTC's blank, which the charset leaves out, so that its first line is class 1.
"""

import argparse
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

# Currency, degree, the dots and dashes of addresses, typographic quotes, and letters outside Latin Extended-A.
EXTRA_CHARACTERS = "€£°·–—’“”ẞșțȘȚ"


def is_wanted(character: str) -> bool:
    """Tell whether a character may stand on an identity document in Latin script."""
    if len(character) != 1:
        return False
    is_printable_ascii = " " <= character <= "~"
    is_accented_letter = "\u00c0" <= character <= "\u017f" and character.isalpha()
    return is_printable_ascii or is_accented_letter or character in EXTRA_CHARACTERS


def read_dictionary(path: Path) -> list[str]:
    """Read a dictionary: one class a line, the blank first."""
    classes = path.read_text(encoding="utf-8").removesuffix("\n").split("\n")
    if classes[0] != "blank":
        raise SystemExit(f"{path} does not begin with the blank; give the dictionary that came with the model")
    return classes


def wanted_classes(classes: list[str]) -> list[int]:
    """Return the numbers of the classes to keep; the blank is always one, and a repeated character is kept once."""
    first = {character: number for number, character in reversed(list(enumerate(classes))) if is_wanted(character)}
    return [0, *sorted(first.values())]


def constants_to_initializers(graph: onnx.GraphProto) -> None:
    """Move weights out of `Constant` nodes, where Paddle2ONNX puts them, to where other tools look."""
    for node in [node for node in graph.node if node.op_type == "Constant" and node.attribute[0].name == "value"]:
        weight = onnx.TensorProto()
        weight.CopyFrom(node.attribute[0].t)
        weight.name = node.output[0]
        graph.initializer.append(weight)
        graph.node.remove(node)


def prune(model: onnx.ModelProto, classes: list[str]) -> list[str]:
    """Keep the wanted classes of the model's last layer; return the characters that are left."""
    graph = model.graph
    constants_to_initializers(graph)
    weights = {weight.name: weight for weight in graph.initializer}
    producers = {output: node for node in graph.node for output in node.output}
    node = producers[graph.output[0].name]
    head = [node]
    while node.op_type != "MatMul":
        node = producers[node.input[0]]
        head.append(node)

    count = numpy_helper.to_array(weights[node.input[1]]).shape[1]
    if len(classes) != count:
        raise SystemExit(
            f"the dictionary has {len(classes)} classes, the model {count}; give the model's own dictionary"
        )
    kept = wanted_classes(classes)
    for name in [name for node in head for name in node.input if name in weights]:
        values = numpy_helper.to_array(weights[name])
        if values.ndim and values.shape[-1] == count:
            weights[name].CopyFrom(numpy_helper.from_array(np.ascontiguousarray(values[..., kept]), name))

    shape = ["N", "T", len(kept)]
    for output in graph.output:
        output.CopyFrom(onnx.helper.make_tensor_value_info(output.name, onnx.TensorProto.FLOAT, shape))
    # What is left describes the model before: shapes of inner tensors, and the whole dictionary.
    del graph.value_info[:]
    del model.metadata_props[:]
    return [classes[number] for number in kept[1:]]


def main() -> None:
    """Prune the file named on the command line."""
    parser = argparse.ArgumentParser(description="Cut a PP-OCR text recogniser down to the characters of Latin script.")
    parser.add_argument("source", type=Path)
    parser.add_argument("dictionary", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("charset", type=Path)
    arguments = parser.parse_args()
    model = onnx.load(arguments.source)
    characters = prune(model, read_dictionary(arguments.dictionary))
    onnx.checker.check_model(model)
    onnx.save(model, arguments.target)
    arguments.charset.write_text("".join(f"{character}\n" for character in characters), encoding="utf-8")


if __name__ == "__main__":
    main()

//! ONNX files of a few hundred bytes, written field by field: IR version 8, operator set 13 (`onnx.proto`).

/// A field with a number, in Protocol Buffers' wire format.
fn number(field: u64, value: u64) -> Vec<u8> {
    [varint(field << 3), varint(value)].concat()
}

/// A field with a length: text, a message or raw bytes.
fn bytes(field: u64, content: &[u8]) -> Vec<u8> {
    [varint(field << 3 | 2), varint(content.len() as u64), content.to_vec()].concat()
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut written = Vec::new();
    while value >= 0x80 {
        written.push(value as u8 | 0x80);
        value >>= 7;
    }
    written.push(value as u8);
    written
}

/// `ValueInfoProto` of a float32 tensor.
fn tensor(name: &str, shape: &[usize]) -> Vec<u8> {
    let sides: Vec<u8> = shape.iter().flat_map(|&side| bytes(1, &number(1, side as u64))).collect();
    let kind = [number(1, 1), bytes(2, &sides)].concat();
    [bytes(1, name.as_bytes()), bytes(2, &bytes(1, &kind))].concat()
}

fn node(operator: &str, from: &str, to: &str) -> Vec<u8> {
    let parts = [bytes(1, from.as_bytes()), bytes(2, to.as_bytes()), bytes(4, operator.as_bytes())];
    bytes(1, &parts.concat())
}

/// A model that takes `[1, 3, side, side]` as `input` and gives `[1, classes]` as `output`.
fn model(side: usize, classes: usize, nodes_and_constants: &[Vec<u8>]) -> Vec<u8> {
    let graph = [
        nodes_and_constants.concat(),
        bytes(2, b"tiny"),
        bytes(11, &tensor("input", &[1, 3, side, side])),
        bytes(12, &tensor("output", &[1, classes])),
    ];
    [number(1, 8), bytes(7, &graph.concat()), bytes(8, &number(2, 13))].concat()
}

/// Answers the same whatever it is shown.
pub fn constant(side: usize, answer: &[f32]) -> Vec<u8> {
    let raw: Vec<u8> = answer.iter().flat_map(|value| value.to_le_bytes()).collect();
    let stored = [number(1, 1), number(1, answer.len() as u64), number(2, 1), bytes(8, b"stored"), bytes(9, &raw)];
    model(side, answer.len(), &[node("Identity", "stored", "output"), bytes(5, &stored.concat())])
}

/// Answers with the means of the three channels.
pub fn means(side: usize) -> Vec<u8> {
    model(side, 3, &[node("GlobalAveragePool", "input", "pooled"), node("Flatten", "pooled", "output")])
}

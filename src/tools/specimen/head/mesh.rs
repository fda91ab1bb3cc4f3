//! Surfaces as grids of vertices.

/// A vector in millimetres.
pub type Vector = [f32; 3];

/// One vertex.
#[derive(Debug, Clone, Copy, Default)]
pub struct Vertex {
    /// Where it is.
    pub position: Vector,
    /// Unit vector out of the surface.
    pub normal: Vector,
    /// Where its colour is, in pixels of the texture.
    pub texel: [f32; 2],
}

/// A surface as a grid: columns to the right and rows downwards, seen from outside.
#[derive(Debug)]
pub struct Mesh {
    /// Vertices a row.
    pub columns: usize,
    /// Row by row.
    pub vertices: Vec<Vertex>,
}

impl Mesh {
    /// Computes every vertex from its column and row, and the normals from their neighbours; `closed` says that the last
    /// column meets the first.
    pub fn new(columns: usize, rows: usize, closed: bool, vertex: impl Fn(usize, usize) -> (Vector, [f32; 2])) -> Self {
        let mut vertices: Vec<Vertex> = (0..columns * rows)
            .map(|k| {
                let (position, texel) = vertex(k % columns, k / columns);
                Vertex { position, texel, normal: [0.0, 0.0, 1.0] }
            })
            .collect();
        let at = |column: usize, row: usize| vertices[row * columns + column].position;
        let normals: Vec<Vector> = (0..columns * rows)
            .map(|k| {
                let (column, row) = (k % columns, k / columns);
                // In a closed grid the first and the last column are the same line.
                let left = if column > 0 {
                    column - 1
                } else if closed {
                    columns - 2
                } else {
                    0
                };
                let right = if column + 1 < columns {
                    column + 1
                } else if closed {
                    1
                } else {
                    column
                };
                let across = minus(at(right, row), at(left, row));
                let down = minus(at(column, (row + 1).min(rows - 1)), at(column, row.saturating_sub(1)));
                unit(cross(across, down))
            })
            .collect();
        for (vertex, normal) in vertices.iter_mut().zip(normals) {
            vertex.normal = normal;
        }
        Self { columns, vertices }
    }
}

fn minus(a: Vector, b: Vector) -> Vector {
    [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
}

fn cross(a: Vector, b: Vector) -> Vector {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

/// The scalar product.
pub fn dot(a: Vector, b: Vector) -> f32 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

/// The vector of length one in the same direction; straight ahead where there is none.
pub fn unit(a: Vector) -> Vector {
    let length = dot(a, a).sqrt();
    if length > 1e-6 { a.map(|v| v / length) } else { [0.0, 0.0, 1.0] }
}

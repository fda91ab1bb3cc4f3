//! What is the same for requests and answers: a fixed header with a number and a length, and little-endian fields.
//!
//! Always holds: no length is believed before it is compared with a limit, and bytes in transit are wiped.

use std::io::{self, Read, Write};

use zeroize::Zeroizing;

/// First bytes of a request.
pub(super) const REQUEST: [u8; 4] = *b"cdRq";
/// First bytes of an answer: others, so that an echo is no answer.
pub(super) const ANSWER: [u8; 4] = *b"cdAn";
/// Bytes of a header: mark, number, kind, length.
const HEADER: usize = 13;

/// What stands ahead of every request and answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    /// Counts up with each request; the answer carries that of its request.
    pub number: u32,
    /// What it asks for, or how it ended.
    pub kind: u8,
    /// Bytes that follow.
    pub length: usize,
}

impl Header {
    /// Reads one; `None` when the stream ended before it.
    pub fn read(mark: [u8; 4], input: &mut impl Read) -> io::Result<Option<Self>> {
        let mut bytes = [0; HEADER];
        let mut filled = 0;
        while filled < HEADER {
            match input.read(&mut bytes[filled..]) {
                Ok(0) if filled == 0 => return Ok(None),
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        let [m0, m1, m2, m3, n0, n1, n2, n3, kind, l0, l1, l2, l3] = bytes;
        if [m0, m1, m2, m3] != mark {
            return Err(invalid());
        }
        let (number, length) = (u32::from_le_bytes([n0, n1, n2, n3]), u32::from_le_bytes([l0, l1, l2, l3]));
        Ok(Some(Self { number, kind, length: length as usize }))
    }

    /// Writes one; fails when the length is beyond its field.
    pub fn write(self, mark: [u8; 4], output: &mut impl Write) -> io::Result<()> {
        let length = u32::try_from(self.length).map_err(|_| invalid())?;
        let mut bytes = Vec::with_capacity(HEADER);
        bytes.extend_from_slice(&mark);
        bytes.extend_from_slice(&self.number.to_le_bytes());
        bytes.push(self.kind);
        bytes.extend_from_slice(&length.to_le_bytes());
        output.write_all(&bytes)
    }

    /// Reads what follows, if it is no longer than `limit`.
    pub fn body(self, limit: usize, input: &mut impl Read) -> io::Result<Zeroizing<Vec<u8>>> {
        if self.length > limit {
            return Err(invalid());
        }
        let mut body = Zeroizing::new(vec![0; self.length]);
        input.read_exact(&mut body)?;
        Ok(body)
    }
}

/// The bytes break the protocol.
pub(super) fn invalid() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the bytes break the worker's protocol")
}

/// Takes fields off the front of a body; `None` when it is too short.
pub(super) struct Fields<'a>(pub &'a [u8]);

impl<'a> Fields<'a> {
    pub fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    pub fn byte(&mut self) -> Option<u8> {
        self.bytes(1)?.first().copied()
    }

    pub fn size(&mut self) -> Option<usize> {
        Some(u32::from_le_bytes(self.bytes(4)?.try_into().ok()?) as usize)
    }

    pub fn coordinate(&mut self) -> Option<f32> {
        Some(f32::from_le_bytes(self.bytes(4)?.try_into().ok()?))
    }
}

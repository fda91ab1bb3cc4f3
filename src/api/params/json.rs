//! JSON objects (RFC 8259), read so that a member that is there twice is seen: section 4 leaves open which one counts.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::{MAX_DEPTH, MAX_ENTRIES, ParamError, below};

/// The tree of a JSON object.
pub(super) fn read(bytes: &[u8]) -> Result<Map<String, Value>, ParamError> {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Ok(Map::new());
    }
    let mut limits = Limits { entries: 0, broken: None };
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let node = Node { limits: &mut limits, name: String::new(), depth: 0 };
    let read = node.deserialize(&mut deserializer).and_then(|value| deserializer.end().map(|()| value));
    match (read, limits.broken) {
        (_, Some(broken)) => Err(broken),
        (Ok(Value::Object(tree)), None) => Ok(tree),
        (Ok(_), None) => Err(ParamError::of_body("Invalid request body: send a JSON object")),
        // The parser's own words might quote the body.
        (Err(error), None) => Err(ParamError::of_body(format!(
            "Invalid JSON at line {}, column {}; correct the request body",
            error.line(),
            error.column()
        ))),
    }
}

/// What was read so far, and the limit that was broken.
struct Limits {
    entries: usize,
    broken: Option<ParamError>,
}

/// A value that is to be read.
struct Node<'l> {
    limits: &'l mut Limits,
    name: String,
    depth: usize,
}

impl Node<'_> {
    /// A member or item of this one.
    fn inner(&mut self, part: &str) -> Node<'_> {
        Node { name: below(&self.name, part), depth: self.depth + 1, limits: self.limits }
    }

    /// Counts this value, and refuses it where it is too deep or one too many.
    fn counted<E: Error>(&mut self) -> Result<(), E> {
        self.limits.entries += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.broken(ParamError::too_deep(&self.name)));
        }
        // The root is no parameter.
        if self.limits.entries > MAX_ENTRIES + 1 {
            return Err(self.broken(ParamError::too_many()));
        }
        Ok(())
    }

    fn broken<E: Error>(&mut self, error: ParamError) -> E {
        self.limits.broken = Some(error);
        E::custom("a limit")
    }
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(mut self, deserializer: D) -> Result<Value, D::Error> {
        self.counted()?;
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Value, E> {
        Ok(Value::Bool(flag))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(self.inner(&list.len().to_string()))? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut members: A) -> Result<Value, A::Error> {
        let mut tree = Map::new();
        while let Some(key) = members.next_key::<String>()? {
            if tree.contains_key(&key) {
                let name = below(&self.name, &key);
                return Err(self.broken(ParamError::twice(&name)));
            }
            let value = members.next_value_seed(self.inner(&key))?;
            tree.insert(key, value);
        }
        Ok(Value::Object(tree))
    }
}

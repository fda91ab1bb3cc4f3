//! The parameters of a request: one tree, whether it came as a form with brackets, as a query string, or as JSON.
//!
//! Always holds: what is taken has the type that was asked for; what nobody took is an error that names it, so that a
//! misspelt parameter is never silently without effect; trees are bounded in depth and number. Any bytes give a tree or an
//! error. No message and no printed tree shows a value: values may be personal. Does not know which parameters there are.

mod form;
mod json;

use serde_json::{Map, Value};

/// Deepest parameter: `a[b][c][d][e][f]`.
const MAX_DEPTH: usize = 6;
/// Most values in all.
const MAX_ENTRIES: usize = 1_000;
/// Longest name that an error repeats, in characters.
const MAX_NAME: usize = 120;

/// A parameter that is not as it has to be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ParamError {
    /// Which one, in bracket notation: `options[document][allowed_types][0]`; none when the whole body is at fault.
    pub param: Option<String>,
    /// What is wrong and what to send instead, for whoever wrote the request.
    pub message: String,
    /// Whether there is no such parameter, rather than a wrong value.
    pub unknown: bool,
}

impl ParamError {
    /// About one parameter. A long name is cut.
    #[must_use]
    pub fn of(param: &str, message: impl Into<String>) -> Self {
        Self { param: Some(short(param)), message: message.into(), unknown: false }
    }

    /// About the whole body.
    fn of_body(message: impl Into<String>) -> Self {
        Self { param: None, message: message.into(), unknown: false }
    }

    fn unknown(param: &str) -> Self {
        Self { unknown: true, ..Self::of(param, format!("Received unknown parameter: {}", short(param))) }
    }

    fn too_deep(param: &str) -> Self {
        Self::of(param, format!("Parameters are nested at most {MAX_DEPTH} deep; check the brackets"))
    }

    fn too_many() -> Self {
        Self::of_body(format!("A request has at most {MAX_ENTRIES} parameters; send fewer"))
    }

    fn twice(param: &str) -> Self {
        Self::of(param, "A parameter was sent twice, or once with brackets and once without; send it once")
    }
}

fn short(name: &str) -> String {
    name.chars().take(MAX_NAME).collect()
}

/// Changes of pairs of text, as metadata has them.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Pairs {
    /// Whether everything that stood before is unset first: `metadata=`.
    pub unset_all: bool,
    /// Key and new value; none or an empty one unsets the key.
    pub changes: Vec<(String, Option<String>)>,
}

/// Shows how many changes there are, and none of them.
impl std::fmt::Debug for Pairs {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "[unset_all {}, {} changes]", self.unset_all, self.changes.len())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    /// Every value is a text.
    Form,
    /// Every value has its type.
    Json,
}

/// Parameters that have not been taken yet. A path is in bracket notation: `type`, `options[document][allowed_types]`.
#[derive(Clone)]
pub struct Params {
    tree: Map<String, Value>,
    source: Source,
    /// Where in the request this tree stands; empty for the whole.
    prefix: String,
}

impl Params {
    /// Reads a form (`application/x-www-form-urlencoded`) with brackets, or a query string.
    ///
    /// # Errors
    /// [`ParamError`] for bytes that are no UTF-8, names that are no path, a parameter that is sent twice or in two shapes,
    /// and trees that are too large.
    pub fn form(bytes: &[u8]) -> Result<Self, ParamError> {
        Ok(Self { tree: form::read(bytes)?, source: Source::Form, prefix: String::new() })
    }

    /// Reads a JSON object; nothing counts as an empty one.
    ///
    /// # Errors
    /// [`ParamError`] for what is no JSON object, a member that is there twice, and trees that are too large.
    pub fn json(bytes: &[u8]) -> Result<Self, ParamError> {
        Ok(Self { tree: json::read(bytes)?, source: Source::Json, prefix: String::new() })
    }

    /// What has not been taken yet: before anything was, the whole request, as its digest needs it.
    #[must_use]
    pub fn to_value(&self) -> Value {
        Value::Object(self.tree.clone())
    }

    /// Whether nothing is left to take.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tree.is_empty()
    }

    /// Takes a text; it may be empty.
    ///
    /// # Errors
    /// [`ParamError`] when it is none.
    pub fn text(&mut self, path: &str) -> Result<Option<String>, ParamError> {
        self.take(path)?.map(|value| text(value, &self.name(path))).transpose()
    }

    /// Takes a flag: `true` or `false`, and in a form also `1` or `0`.
    ///
    /// # Errors
    /// [`ParamError`] when it is none.
    pub fn flag(&mut self, path: &str) -> Result<Option<bool>, ParamError> {
        let flag = |source, value| match (source, value) {
            (Source::Json, Value::Bool(flag)) => Some(flag),
            (Source::Form, Value::String(text)) => match text.as_str() {
                "true" | "1" => Some(true),
                "false" | "0" => Some(false),
                _ => None,
            },
            _ => None,
        };
        self.taken(path, flag, "Invalid boolean: send true or false")
    }

    /// Takes an integer.
    ///
    /// # Errors
    /// [`ParamError`] when it is none, or beyond 64 bits.
    pub fn integer(&mut self, path: &str) -> Result<Option<i64>, ParamError> {
        let integer = |source, value| match (source, value) {
            (Source::Json, Value::Number(number)) => number.as_i64(),
            // A sign that `parse` would take too is none that a request has.
            (Source::Form, Value::String(text)) => text.parse().ok().filter(|_| !text.starts_with('+')),
            _ => None,
        };
        self.taken(path, integer, "Invalid integer: send digits")
    }

    /// Takes a list of texts: `a[]=x`, `a[0]=x` or a JSON array. A form's `a=` is an empty list.
    ///
    /// # Errors
    /// [`ParamError`] when it is none; it names the item that is at fault.
    pub fn list_of_text(&mut self, path: &str) -> Result<Option<Vec<String>>, ParamError> {
        let Some(value) = self.take(path)? else { return Ok(None) };
        let name = self.name(path);
        let items = match (self.source, value) {
            (_, Value::Array(items)) => items,
            (Source::Form, Value::String(text)) if text.is_empty() => Vec::new(),
            (Source::Form, Value::Object(numbered)) => in_order(numbered).ok_or_else(|| no_list(&name))?,
            _ => return Err(no_list(&name)),
        };
        let named = |(place, item)| text(item, &format!("{name}[{place}]"));
        items.into_iter().enumerate().map(named).collect::<Result<_, _>>().map(Some)
    }

    /// Takes a part of the tree, to be taken and finished by itself. A form's `a=` is none.
    ///
    /// # Errors
    /// [`ParamError`] when it is a single value.
    pub fn map(&mut self, path: &str) -> Result<Option<Self>, ParamError> {
        let Some(value) = self.take(path)? else { return Ok(None) };
        match (self.source, value) {
            (_, Value::Object(tree)) => Ok(Some(Self { tree, source: self.source, prefix: self.name(path) })),
            (Source::Form, Value::String(text)) if text.is_empty() => Ok(None),
            _ => Err(no_object(&self.name(path))),
        }
    }

    /// Takes changes of pairs of text. `a=`, in JSON `"a": ""`, unsets all; `a[k]=`, in JSON also `"k": null`, unsets one.
    ///
    /// # Errors
    /// [`ParamError`] when a value is no text.
    pub fn pairs(&mut self, path: &str) -> Result<Option<Pairs>, ParamError> {
        let Some(value) = self.take(path)? else { return Ok(None) };
        let name = self.name(path);
        let tree = match value {
            Value::Object(tree) => tree,
            Value::String(text) if text.is_empty() => return Ok(Some(Pairs { unset_all: true, changes: Vec::new() })),
            _ => return Err(no_object(&name)),
        };
        let change = |(key, value): (String, Value)| {
            let value = if value.is_null() { None } else { Some(text(value, &format!("{name}[{key}]"))?) };
            Ok((key, value.filter(|text| !text.is_empty())))
        };
        let changes = tree.into_iter().map(change).collect::<Result<_, _>>()?;
        Ok(Some(Pairs { unset_all: false, changes }))
    }

    /// Ends the taking.
    ///
    /// # Errors
    /// [`ParamError`] that names what nobody took.
    pub fn finish(self) -> Result<(), ParamError> {
        let left = self.tree.iter().find_map(|(key, value)| first_left(&self.name(key), value));
        left.map_or(Ok(()), |name| Err(ParamError::unknown(&name)))
    }

    /// Takes a value of one kind.
    fn taken<T>(
        &mut self,
        path: &str,
        kind: impl FnOnce(Source, Value) -> Option<T>,
        else_say: &str,
    ) -> Result<Option<T>, ParamError> {
        let Some(value) = self.take(path)? else { return Ok(None) };
        kind(self.source, value).map(Some).ok_or_else(|| ParamError::of(&self.name(path), else_say))
    }

    /// Takes whatever stands at a path. What is null is absent.
    fn take(&mut self, path: &str) -> Result<Option<Value>, ParamError> {
        let segments = segments(path).unwrap_or_default();
        let taken = take_from(&mut self.tree, &segments);
        let taken = taken.map_err(|depth| no_object(&joined(&self.prefix, &segments[..depth])))?;
        Ok(taken.filter(|value| !value.is_null()))
    }

    /// The name of a path in the whole request.
    fn name(&self, path: &str) -> String {
        joined(&self.prefix, &segments(path).unwrap_or_else(|| vec![path]))
    }
}

/// Shows how many parameters are left, and none of them.
impl std::fmt::Debug for Params {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "[{} parameters]", self.tree.len())
    }
}

/// The parts of a name such as `a[b][0]`; `None` when its brackets do not match.
fn segments(name: &str) -> Option<Vec<&str>> {
    let Some((head, rest)) = name.split_once('[') else { return (!name.contains(']')).then(|| vec![name]) };
    let rest = rest.strip_suffix(']')?;
    let all: Vec<&str> = std::iter::once(head).chain(rest.split("][")).collect();
    all.iter().all(|part| !part.contains(['[', ']'])).then_some(all)
}

/// The other way around, below a prefix.
fn joined(prefix: &str, segments: &[&str]) -> String {
    segments.iter().fold(prefix.to_owned(), |name, part| below(&name, part))
}

/// The name of a member.
fn below(name: &str, part: &str) -> String {
    if name.is_empty() { part.to_owned() } else { format!("{name}[{part}]") }
}

/// Takes the value out, and every parent that is empty then. An error is the number of parts that name a single value.
fn take_from(tree: &mut Map<String, Value>, segments: &[&str]) -> Result<Option<Value>, usize> {
    let Some((head, rest)) = segments.split_first() else { return Ok(None) };
    if rest.is_empty() {
        return Ok(tree.remove(*head));
    }
    let (taken, is_empty) = match tree.get_mut(*head) {
        None => return Ok(None),
        Some(Value::Null) => (None, true),
        Some(Value::Object(members)) => (take_from(members, rest).map_err(|depth| depth + 1)?, members.is_empty()),
        Some(_) => return Err(1),
    };
    if is_empty {
        tree.remove(*head);
    }
    Ok(taken)
}

/// The values of numbered members in the order of their numbers; `None` when one has no number, or two the same.
fn in_order(members: Map<String, Value>) -> Option<Vec<Value>> {
    let number = |key: &str| key.parse::<u32>().ok().filter(|_| key.bytes().all(|byte| byte.is_ascii_digit()));
    let numbered: Option<Vec<(u32, Value)>> =
        members.into_iter().map(|(key, value)| Some((number(&key)?, value))).collect();
    let mut numbered = numbered?;
    numbered.sort_by_key(|(number, _)| *number);
    let distinct = numbered.windows(2).all(|pair| pair[0].0 != pair[1].0);
    distinct.then(|| numbered.into_iter().map(|(_, value)| value).collect())
}

fn text(value: Value, name: &str) -> Result<String, ParamError> {
    match value {
        Value::String(text) => Ok(text),
        _ => Err(ParamError::of(name, "Invalid string: send a text")),
    }
}

fn no_list(name: &str) -> ParamError {
    ParamError::of(name, "Invalid array: send a list of texts")
}

fn no_object(name: &str) -> ParamError {
    ParamError::of(name, "Invalid object: send its members by name")
}

/// The first value that is left.
fn first_left(name: &str, value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::Object(members) if !members.is_empty() => {
            members.iter().find_map(|(key, value)| first_left(&below(name, key), value))
        }
        Value::Object(_) | Value::Array(_) | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            Some(name.to_owned())
        }
    }
}

#[cfg(test)]
mod tests;

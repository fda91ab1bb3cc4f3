//! Forms: `a=1&b[c]=2&d[]=3`, as browsers and both SDKs write them (URL Standard, section 5).

use serde_json::map::Entry;
use serde_json::{Map, Value};

use super::{MAX_DEPTH, MAX_ENTRIES, ParamError, joined, segments};

/// The tree of a form. Every leaf is a text; `d[]` is an array and `d[0]` a member of the name `0`.
pub(super) fn read(bytes: &[u8]) -> Result<Map<String, Value>, ParamError> {
    let mut tree = Map::new();
    let entries = bytes.split(|byte| *byte == b'&').filter(|entry| !entry.is_empty());
    for (number, entry) in entries.enumerate() {
        if number == MAX_ENTRIES {
            return Err(ParamError::too_many());
        }
        let (name, value) = entry.iter().position(|byte| *byte == b'=').map_or((entry, &b""[..]), |at| {
            let (name, value) = entry.split_at(at);
            (name, &value[1..])
        });
        let name =
            decoded(name).ok_or_else(|| ParamError::of_body("A parameter's name is not UTF-8; encode it as UTF-8"))?;
        let value = decoded(value).ok_or_else(|| ParamError::of(&name, "Invalid string: encode it as UTF-8"))?;
        let path = segments(&name).filter(|path| is_path(path));
        let path =
            path.ok_or_else(|| ParamError::of(&name, "Invalid name: write it as in a[b][c], or a[] for a list"))?;
        if path.len() > MAX_DEPTH {
            return Err(ParamError::too_deep(&name));
        }
        insert(&mut tree, &path, value).map_err(|depth| ParamError::twice(&joined("", &path[..depth])))?;
    }
    Ok(tree)
}

/// Whether every part has a name; the last may be the place for one more item of a list.
fn is_path(path: &[&str]) -> bool {
    let parents = path.len().saturating_sub(1).max(1);
    path.iter().take(parents).all(|part| !part.is_empty())
}

/// Puts a text in its place. An error is the number of parts that lead to the place that is taken.
fn insert(tree: &mut Map<String, Value>, path: &[&str], text: String) -> Result<(), usize> {
    let Some((head, rest)) = path.split_first() else { return Ok(()) };
    let place = match (tree.entry(*head), rest) {
        (Entry::Vacant(vacant), []) => {
            vacant.insert(Value::String(text));
            return Ok(());
        }
        (Entry::Vacant(vacant), [""]) => vacant.insert(Value::Array(Vec::new())),
        (Entry::Vacant(vacant), _) => vacant.insert(Value::Object(Map::new())),
        (Entry::Occupied(occupied), _) => occupied.into_mut(),
    };
    match (place, rest) {
        (Value::Array(items), [""]) => items.push(Value::String(text)),
        (Value::Object(members), rest) if !matches!(rest, [] | [""]) => {
            insert(members, rest, text).map_err(|depth| depth + 1)?;
        }
        _ => return Err(1),
    }
    Ok(())
}

/// A name or value in plain UTF-8. A percent sign without two digits stands for itself.
fn decoded(bytes: &[u8]) -> Option<String> {
    let digit = |at: usize| bytes.get(at).and_then(|byte| char::from(*byte).to_digit(16));
    let (mut plain, mut at) = (Vec::with_capacity(bytes.len()), 0);
    while let Some(byte) = bytes.get(at) {
        match (byte, digit(at + 1), digit(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                plain.push((high << 4 | low) as u8);
                at += 2;
            }
            (b'+', ..) => plain.push(b' '),
            _ => plain.push(*byte),
        }
        at += 1;
    }
    String::from_utf8(plain).ok()
}

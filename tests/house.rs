//! The import rule of the house: CORE imports only CORE and pure crates; only `run` and `tools` import several shells.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

const CORE: [&str; 6] = ["imaging", "document", "liveness", "session", "privacy", "compliance"];
const SHELL: [&str; 8] = ["camera", "vision", "store", "sync", "api", "ui", "run", "tools"];
/// Rooms that put shells together.
const WIRING: [&str; 2] = ["run", "tools"];
/// Crates that compute and do nothing else.
const PURE_CRATES: [&str; 13] = [
    "base64",
    "ed25519_dalek",
    "fast_image_resize",
    "hmac",
    "jiff",
    "nalgebra",
    "rustfft",
    "serde",
    "serde_json",
    "sha2",
    "thiserror",
    "toml",
    "zeroize",
];
/// Parts of `std` that reach into the world.
const IMPURE_STD: [&str; 7] = ["env", "fs", "io", "net", "os", "process", "thread"];

/// Every path that a source file names, with `self` and `super` resolved and use trees flattened.
fn paths_of(tokens: TokenStream, module: &[String], found: &mut BTreeSet<Vec<String>>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut at = 0;
    while at < tokens.len() {
        match &tokens[at] {
            TokenTree::Ident(ident) if *ident == "mod" => {
                if let (Some(TokenTree::Ident(name)), Some(TokenTree::Group(body))) =
                    (tokens.get(at + 1), tokens.get(at + 2))
                {
                    paths_of(body.stream(), &[module, &[name.to_string()]].concat(), found);
                    at += 2;
                }
            }
            TokenTree::Ident(_) => at = path_at(&tokens, at, module, Vec::new(), found),
            TokenTree::Group(group) => paths_of(group.stream(), module, found),
            TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
        at += 1;
    }
}

/// Reads one path from `tokens[at]`, an identifier, and returns the index of its last token.
fn path_at(
    tokens: &[TokenTree],
    mut at: usize,
    module: &[String],
    mut path: Vec<String>,
    found: &mut BTreeSet<Vec<String>>,
) -> usize {
    while let TokenTree::Ident(ident) = &tokens[at] {
        path.push(ident.to_string());
        let colon = |k: usize| matches!(tokens.get(k), Some(TokenTree::Punct(p)) if p.as_char() == ':');
        if !(colon(at + 1) && colon(at + 2)) {
            break;
        }
        match tokens.get(at + 3) {
            Some(TokenTree::Ident(_)) => at += 3,
            Some(TokenTree::Group(tree)) if tree.delimiter() == Delimiter::Brace => {
                let branches: Vec<TokenTree> = tree.stream().into_iter().collect();
                for branch in branches.split(|t| matches!(t, TokenTree::Punct(p) if p.as_char() == ',')) {
                    if matches!(branch.first(), Some(TokenTree::Ident(_))) {
                        path_at(branch, 0, module, path.clone(), found);
                    }
                }
                return at + 3;
            }
            _ => break,
        }
    }
    found.insert(resolve(path, module));
    at
}

fn resolve(path: Vec<String>, module: &[String]) -> Vec<String> {
    let mut base = module.to_vec();
    let mut rest = path.as_slice();
    match rest.first().map(String::as_str) {
        Some("self") => rest = &rest[1..],
        Some("super") => {
            while rest.first().is_some_and(|head| head == "super") {
                base.pop();
                rest = &rest[1..];
            }
        }
        _ => return path,
    }
    base.extend_from_slice(rest);
    base
}

/// What one file of a room does that it must not.
fn violations(room: &str, module: &[String], source: &str, crates: &BTreeSet<String>) -> Vec<String> {
    let mut found = BTreeSet::new();
    paths_of(source.parse().expect("source parses"), module, &mut found);
    let core = CORE.contains(&room);
    let forbidden = |path: &Vec<String>| {
        let names: Vec<&str> = path.iter().map(String::as_str).collect();
        match names.as_slice() {
            ["crate", other, ..] if *other == room => false,
            ["crate", other, ..] if core => !CORE.contains(other),
            ["crate", other, ..] => SHELL.contains(other) && !WIRING.contains(&room),
            [.., "Zoned" | "Timestamp" | "Instant" | "SystemTime", "now"]
            | ["std", "time", "Instant" | "SystemTime", ..] => core,
            ["std", part, ..] => core && IMPURE_STD.contains(part),
            [head, _, ..] => core && crates.contains(*head) && !PURE_CRATES.contains(head) && *head != "proptest",
            [_] | [] => false,
        }
    };
    found
        .iter()
        .filter(|path| forbidden(path))
        .map(|path| format!("{} names {}", module.join("::"), path.join("::")))
        .collect()
}

fn crates() -> BTreeSet<String> {
    let manifest: toml::Table = include_str!("../Cargo.toml").parse().expect("Cargo.toml parses");
    let tables = ["dependencies", "dev-dependencies"].into_iter().filter_map(|name| manifest[name].as_table());
    tables.flat_map(|table| table.keys().map(|name| name.replace('-', "_"))).collect()
}

fn source_files(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("src can be listed") {
        let path = entry.expect("src can be listed").path();
        if path.is_dir() {
            source_files(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push(path);
        }
    }
}

#[test]
fn core_imports_only_core_and_each_shell_only_itself() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    source_files(&root, &mut files);
    let mut rooms = BTreeSet::new();
    let mut broken = Vec::new();
    for file in files {
        let relative = file.strip_prefix(&root).unwrap().with_extension("");
        let mut module = vec!["crate".to_owned()];
        module.extend(relative.iter().map(|part| part.to_string_lossy().into_owned()).filter(|part| part != "mod"));
        let Some(room) = module.get(1).filter(|name| !matches!(name.as_str(), "main" | "lib")).cloned() else {
            continue;
        };
        broken.extend(violations(&room, &module, &std::fs::read_to_string(&file).unwrap(), &crates()));
        rooms.insert(room);
    }
    assert!(broken.is_empty(), "the import rule is broken:\n{}", broken.join("\n"));
    let expected: BTreeSet<String> = CORE.iter().chain(&SHELL).map(|&room| room.to_owned()).collect();
    assert_eq!(rooms, expected, "the rooms of src/ are those of the design");
}

#[test]
fn the_rule_sees_through_every_way_to_write_an_import() {
    let crates = BTreeSet::from(["ort".to_owned(), "serde".to_owned()]);
    let module = ["crate", "imaging", "warp"].map(str::to_owned);
    let broken = |source: &str| !violations("imaging", &module, source, &crates).is_empty();
    assert!(broken("use crate::vision::Runtime;"));
    assert!(broken("use crate::{document::Fields, vision};"));
    assert!(broken("use super::super::camera;"));
    assert!(broken("mod tests { use super::super::super::tools; }"));
    assert!(broken("fn f() { std::fs::read(p); }"));
    assert!(broken("use std::{fmt, thread::{self}};"));
    assert!(broken("fn f() { let now = jiff::Zoned::now(); }"));
    assert!(broken("use std::time::{Duration, Instant};"));
    assert!(broken("fn f() { println!(\"{}\", ort::version()); }"));
    assert!(!broken("use super::geometry::Point; use crate::privacy::Personal; use std::{fmt, time::Duration};"));
    assert!(!broken("mod tests { use super::super::raster::Gray; use serde::Serialize; }"));
}

/// Where an estimated age may be named at all: where it is made, judged and measured. It cannot be printed or serialised.
const ESTIMATED_AGE_FILES: [&str; 6] = [
    "liveness/age.rs",
    "liveness/mod.rs",
    "run/vision.rs",
    "session/machine/tests/age.rs",
    "tools/inspect/age.rs",
    "vision/age_estimator.rs",
];

#[test]
fn an_estimated_age_is_named_only_where_it_is_made_judged_and_measured() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    source_files(&root, &mut files);
    let names_it = |file: &PathBuf| {
        let source = std::fs::read_to_string(file).unwrap();
        source.split(|c: char| !c.is_alphanumeric()).any(|word| word == "EstimatedAge")
    };
    let naming = files.iter().filter(|file| names_it(file)).map(|file| file.strip_prefix(&root).unwrap());
    assert_eq!(naming.collect::<BTreeSet<_>>(), ESTIMATED_AGE_FILES.map(Path::new).into());
}

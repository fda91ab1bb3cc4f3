use proptest::prelude::*;
use serde_json::json;

use super::*;

fn form(text: &str) -> Params {
    Params::form(text.as_bytes()).unwrap()
}

fn json(text: &str) -> Params {
    Params::json(text.as_bytes()).unwrap()
}

/// The parameter and the beginning of the message of an error.
fn refused<T: std::fmt::Debug>(result: Result<T, ParamError>) -> (Option<String>, String) {
    let error = result.unwrap_err();
    (error.param, error.message.split(':').next().unwrap().to_owned())
}

fn at(param: &str, message: &str) -> (Option<String>, String) {
    (Some(param.to_owned()), message.to_owned())
}

#[test]
fn a_form_and_json_give_the_same_values() {
    let body = "type=document&options[document][allowed_types][0]=passport&options[document][allowed_types][1]=id_card\
        &options%5Bdocument%5D%5Brequire_live_capture%5D=true&metadata[order+no]=17%20%C3%BC&limit=10&return_url=";
    let same = r#"{"type": "document", "limit": 10, "return_url": "", "metadata": {"order no": "17 ü"},
        "options": {"document": {"allowed_types": ["passport", "id_card"], "require_live_capture": true}}}"#;
    for mut params in [form(body), json(same)] {
        assert_eq!(params.text("type").unwrap().as_deref(), Some("document"));
        assert_eq!(params.integer("limit").unwrap(), Some(10));
        assert_eq!(params.text("return_url").unwrap().as_deref(), Some(""));
        let types = params.list_of_text("options[document][allowed_types]").unwrap();
        assert_eq!(types, Some(vec!["passport".to_owned(), "id_card".to_owned()]));
        let pairs = params.pairs("metadata").unwrap().unwrap();
        assert_eq!(pairs.changes, [("order no".to_owned(), Some("17 ü".to_owned()))]);
        let mut document = params.map("options[document]").unwrap().unwrap();
        assert_eq!(document.flag("require_live_capture").unwrap(), Some(true));
        assert_eq!(document.flag("require_live_capture").unwrap(), None);
        document.finish().unwrap();
        assert!(params.is_empty());
        params.finish().unwrap();
    }
}

#[test]
fn absent_null_and_empty_bodies_are_nothing() {
    for mut params in
        [form(""), form("&&"), json(""), json(" \n"), json("{}"), json(r#"{"a": null, "b": {"c": null}}"#)]
    {
        assert_eq!((params.text("a").unwrap(), params.flag("b[c]").unwrap()), (None, None));
        assert_eq!(params.list_of_text("a").unwrap(), None);
        params.finish().unwrap();
    }
    let mut params = json(r#"{"options": null}"#);
    assert_eq!(params.flag("options[document]").unwrap(), None);
    params.finish().unwrap();
    let mut params = json(r#"{"options": {"document": {}}}"#);
    assert_eq!(params.flag("options[document][require_live_capture]").unwrap(), None);
    params.finish().unwrap();
}

#[test]
fn what_nobody_takes_is_named() {
    let mut params = form("foo=1");
    params.text("type").unwrap();
    let error = params.finish().unwrap_err();
    assert_eq!((error.param.as_deref(), error.to_string().as_str()), (Some("foo"), "Received unknown parameter: foo"));
    let mut params = form("options[document][allowed]=x&options[document][require_live_capture]=true");
    let mut document = params.map("options[document]").unwrap().unwrap();
    document.flag("require_live_capture").unwrap();
    assert_eq!(document.finish().unwrap_err().param.as_deref(), Some("options[document][allowed]"));
    assert_eq!(json(r#"{"a": {"b": [1]}}"#).finish().unwrap_err().param.as_deref(), Some("a[b]"));
    assert_eq!(json(r#"{"a": {}}"#).finish().unwrap_err().param.as_deref(), Some("a"));
    assert_eq!(form("a[]=x").finish().unwrap_err().param.as_deref(), Some("a"));
    let long = "x".repeat(4_000);
    assert_eq!(form(&long).finish().unwrap_err().param.map(|param| param.len()), Some(120));
}

#[test]
fn a_value_of_another_type_is_named() {
    assert_eq!(refused(form("a[b]=x").text("a")), at("a", "Invalid string"));
    assert_eq!(refused(json(r#"{"a": 1}"#).text("a")), at("a", "Invalid string"));
    assert_eq!(refused(form("a=yes").flag("a")), at("a", "Invalid boolean"));
    assert_eq!(refused(json(r#"{"a": "true"}"#).flag("a")), at("a", "Invalid boolean"));
    assert_eq!(refused(json(r#"{"a": 1}"#).flag("a")), at("a", "Invalid boolean"));
    for text in ["a=", "a=1.5", "a=%2B1", "a=1e3", "a=9223372036854775808"] {
        assert_eq!(refused(form(text).integer("a")), at("a", "Invalid integer"), "{text}");
    }
    assert_eq!(form("a=-7").integer("a").unwrap(), Some(-7));
    assert_eq!(refused(json(r#"{"a": "1"}"#).integer("a")), at("a", "Invalid integer"));
    assert_eq!(refused(json(r#"{"a": 1.5}"#).integer("a")), at("a", "Invalid integer"));
    assert_eq!(refused(json(r#"{"a": {"b": ["x", 1]}}"#).list_of_text("a[b]")), at("a[b][1]", "Invalid string"));
    assert_eq!(refused(form("a=x").list_of_text("a")), at("a", "Invalid array"));
    assert_eq!(refused(form("a[x]=1").list_of_text("a")), at("a", "Invalid array"));
    assert_eq!(refused(form("a[0]=1&a[00]=2").list_of_text("a")), at("a", "Invalid array"));
    assert_eq!(refused(json(r#"{"a": {"0": "x"}}"#).list_of_text("a")), at("a", "Invalid array"));
    assert_eq!(refused(form("a[0][b]=1").list_of_text("a")), at("a[0]", "Invalid string"));
    assert_eq!(refused(form("a=x").map("a")), at("a", "Invalid object"));
    assert_eq!(refused(form("a=x").flag("a[b][c]")), at("a", "Invalid object"));
    assert_eq!(refused(form("a[b]=x").flag("a[b][c]")), at("a[b]", "Invalid object"));
    assert_eq!(refused(json(r#"{"m": {"k": 1}}"#).pairs("m")), at("m[k]", "Invalid string"));
    assert_eq!(refused(form("m[k][l]=1").pairs("m")), at("m[k]", "Invalid string"));
}

#[test]
fn lists_come_in_the_order_of_their_numbers() {
    let list = |text: &str| form(text).list_of_text("a").unwrap().unwrap();
    assert_eq!(list("a[10]=k&a[2]=c&a[0]=a"), ["a", "c", "k"]);
    assert_eq!(list("a[]=x&a[]=y"), ["x", "y"]);
    assert_eq!(list("a="), [""; 0]);
    assert_eq!(json(r#"{"a": []}"#).list_of_text("a").unwrap(), Some(Vec::new()));
}

#[test]
fn an_empty_value_unsets_one_pair_or_all() {
    for mut params in
        [form("m[a]=&m[b]=2"), json(r#"{"m": {"a": "", "b": "2"}}"#), json(r#"{"m": {"a": null, "b": "2"}}"#)]
    {
        let pairs = params.pairs("m").unwrap().unwrap();
        assert!(!pairs.unset_all);
        assert_eq!(pairs.changes, [("a".to_owned(), None), ("b".to_owned(), Some("2".to_owned()))]);
    }
    for mut params in [form("m="), json(r#"{"m": ""}"#)] {
        assert_eq!(params.pairs("m").unwrap(), Some(Pairs { unset_all: true, changes: Vec::new() }));
    }
    assert_eq!(json(r#"{"m": null}"#).pairs("m").unwrap(), None);
    assert_eq!(form("m[0]=x").pairs("m").unwrap().unwrap().changes, [("0".to_owned(), Some("x".to_owned()))]);
}

#[test]
fn contradictory_and_malformed_forms_are_refused() {
    let twice = "A parameter was sent twice, or once with brackets and once without; send it once";
    for (text, param) in [
        ("a=1&a=2", "a"),
        ("a=1&a[b]=2", "a"),
        ("a[b]=2&a=1", "a"),
        ("a[]=1&a[0]=2", "a"),
        ("x[a][b]=1&x[a]=2", "x[a]"),
    ] {
        assert_eq!(refused(Params::form(text.as_bytes())), at(param, twice), "{text}");
    }
    for text in ["=1", "[a]=1", "a[=1", "a]=1", "a[b=1", "a[b]c=1", "a[b]]=1", "a[[b]]=1", "a[][b]=1", "a[b][][c]=1"] {
        let name = text.strip_suffix("=1").unwrap();
        assert_eq!(refused(Params::form(text.as_bytes())), at(name, "Invalid name"), "{text}");
    }
    assert_eq!(refused(Params::form(b"a=%FF")), at("a", "Invalid string"));
    assert_eq!(Params::form(b"%ff=1").unwrap_err().param, None);
    assert_eq!(form("a=%zz%4&b=100%").text("a").unwrap().as_deref(), Some("%zz%4"));
}

#[test]
fn what_is_no_json_object_is_refused_without_being_quoted() {
    for text in
        ["[]", "1", "\"secret\"", "null", "{", "{}x", r#"{"a": secret}"#, "{\"a\": \"\u{1}\"}", r#"{"a": "\ud800"}"#]
    {
        let error = Params::json(text.as_bytes()).unwrap_err();
        assert!(error.param.is_none() && !error.message.contains("secret"), "{text}: {error}");
    }
    assert!(Params::json(b"{\"a\": \"\xff\"}").is_err());
    let error = Params::json(br#"{"a": {"b": 1, "b": 2}}"#).unwrap_err();
    assert_eq!(error.param.as_deref(), Some("a[b]"));
}

#[test]
fn trees_are_bounded_in_depth_and_number() {
    assert!(Params::form(b"a[b][c][d][e][f]=1").is_ok());
    assert_eq!(Params::form(b"a[b][c][d][e][f][g]=1").unwrap_err().param.as_deref(), Some("a[b][c][d][e][f][g]"));
    assert!(Params::json(br#"{"a":{"b":{"c":{"d":{"e":{"f":1}}}}}}"#).is_ok());
    let deep = Params::json(br#"{"a":{"b":{"c":{"d":{"e":{"f":{"g":1}}}}}}}"#);
    assert_eq!(deep.unwrap_err().param.as_deref(), Some("a[b][c][d][e][f][g]"));
    assert!(Params::json("[".repeat(100_000).as_bytes()).is_err());
    let many = |count: usize| (0..count).map(|number| format!("a{number}=1")).collect::<Vec<_>>().join("&");
    assert!(Params::form(many(1_000).as_bytes()).is_ok());
    assert!(Params::form(many(1_001).as_bytes()).is_err());
    let members = |count: usize| (0..count).map(|number| (number.to_string(), json!(1))).collect::<Map<_, _>>();
    assert!(Params::json(Value::Object(members(1_000)).to_string().as_bytes()).is_ok());
    assert!(Params::json(Value::Object(members(1_001)).to_string().as_bytes()).is_err());
}

#[test]
fn nothing_printed_shows_a_value() {
    let mut params = form("metadata[name]=canary&email=canary");
    assert!(!format!("{params:?}").contains("canary"));
    assert!(!format!("{:?}", params.pairs("metadata").unwrap()).contains("canary"));
    for error in [params.flag("email").map(drop), form("e=canary").integer("e").map(drop), form("e=canary").finish()] {
        assert!(!format!("{error:?}").contains("canary"));
    }
}

/// Leaves of text, members with any names that a path can have, and lists of texts; nothing is empty, which no form can say.
fn tree() -> impl Strategy<Value = Value> {
    let text = any::<String>().prop_map(Value::from);
    let list = prop::collection::vec(any::<String>().prop_map(Value::from), 1..4).prop_map(Value::from);
    let leaf = prop_oneof![4 => text, 1 => list];
    let members = |inner| prop::collection::btree_map("[^\\[\\]]{1,6}", inner, 1..5);
    let inner = leaf.prop_recursive(3, 24, 5, move |inner| members(inner).prop_map(|tree| tree.into_iter().collect()));
    prop::collection::btree_map("[^\\[\\]]{1,6}", inner, 0..5).prop_map(|tree| tree.into_iter().collect())
}

/// The form of a tree, its names and values encoded where `encodes` says so or where they must be.
fn encoded(name: &str, value: &Value, everything: bool) -> Vec<String> {
    let encode = |text: &str| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || (!everything && b"[]-_.".contains(&byte));
        let one = |byte: u8| match byte {
            b' ' if !everything => "+".to_owned(),
            byte if plain(byte) => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        };
        text.bytes().map(one).collect::<String>()
    };
    match value {
        Value::Object(tree) => {
            tree.iter().flat_map(|(key, value)| encoded(&below(name, key), value, everything)).collect()
        }
        Value::Array(items) => items.iter().flat_map(|item| encoded(&format!("{name}[]"), item, everything)).collect(),
        Value::String(text) => vec![format!("{}={}", encode(name), encode(text))],
        Value::Null | Value::Bool(_) | Value::Number(_) => unreachable!(),
    }
}

proptest! {
    #[test]
    fn any_bytes_give_parameters_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Params::form(&bytes);
        let _ = Params::json(&bytes);
    }

    #[test]
    fn anything_like_a_form_is_taken_wholly_or_refused(text in "([ab\\[\\]=&%+0]|%5[bBdD]|%C3|\\[\\]=){0,30}") {
        if let Ok(mut params) = Params::form(text.as_bytes()) {
            for path in ["a", "b", "0", "a[b]", "a[]", "[", ""] {
                let taken = [
                    params.clone().text(path).map(drop), params.clone().flag(path).map(drop),
                    params.clone().integer(path).map(drop), params.clone().list_of_text(path).map(drop),
                    params.clone().pairs(path).map(drop), params.clone().map(path).map(drop),
                ];
                prop_assert!(taken.iter().flatten().count() <= taken.len());
            }
            while let Err(error) = params.clone().finish() {
                let left = error.param.unwrap();
                prop_assert!(params.take(&left).unwrap().is_some(), "{}", left);
            }
        }
    }

    #[test]
    fn anything_like_json_is_read_as_its_parser_reads_it(text in "([ab0-9{}\\[\\]:,\" ]|\"a\":|\\{\"b\":){0,30}") {
        if let Ok(params) = Params::json(text.as_bytes()) {
            let expected = if text.trim().is_empty() { json!({}) } else { serde_json::from_str(&text).unwrap() };
            prop_assert_eq!(params.to_value(), expected);
        }
    }

    #[test]
    fn what_is_encoded_comes_back(tree in tree(), everything: bool) {
        let form = encoded("", &tree, everything).join("&");
        prop_assert_eq!(Params::form(form.as_bytes()).unwrap().to_value(), tree.clone());
        prop_assert_eq!(Params::json(tree.to_string().as_bytes()).unwrap().to_value(), tree);
    }
}

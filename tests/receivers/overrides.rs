//! What the staff set over an outcome: which events grant, which take back, and that their order does not matter.

use carded::session::{Dialect, OutcomeResult};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::language::{Handler, Language};
use crate::session_of;
use crate::support::events::{self, SECRET};
use crate::support::receiver::post_signed;

/// The session of these tests.
const SESSION: u64 = 9;
/// Numbers of one digit and of two: they are compared as numbers, not as texts.
const FIRST: u64 = 9;
const SECOND: u64 = 10;
const THIRD: u64 = 11;

/// A live event of the verified session, whose outcome has this number, or none.
fn verified(dialect: Dialect, sequence: Option<u64>) -> String {
    let (_, body) = events::verified(dialect, SESSION, true);
    let mut event: Value = serde_json::from_str(&body).unwrap();
    event["data"]["object"]["carded"]["outcome"] =
        sequence.map_or(Value::Null, |sequence| json!({ "result": "verified", "sequence": sequence }));
    event.to_string()
}

fn overridden(dialect: Dialect, livemode: bool, sequence: u64, result: OutcomeResult) -> String {
    let first = events::not_verified(SESSION, None);
    let new = events::overriding(&first, sequence, None, result);
    events::overridden(dialect, SESSION, livemode, (&first, "e30.e30.AA"), (&new, "e30.e30.AA"))
}

fn granting(dialect: Dialect, sequence: u64) -> String {
    overridden(dialect, true, sequence, OutcomeResult::Verified)
}

fn revoking(dialect: Dialect, sequence: u64) -> String {
    overridden(dialect, true, sequence, OutcomeResult::NotVerified)
}

/// What the handler did about the session, without its name: `grant` and `revoke`; the name is checked.
fn changes(effects: &[String], body: &str) -> Vec<String> {
    let session = session_of(body);
    let told = effects.iter().filter(|line| !line.starts_with("event "));
    told.map(|line| line.strip_suffix(&format!(" {session}")).expect(line).to_owned()).collect()
}

async fn deliver(handler: &Handler, bodies: &[&String]) {
    for body in bodies {
        assert_eq!(post_signed(handler.address, body).await, (200, String::new()), "{body}");
    }
}

/// Each order of an outcome that verifies and two overrides, the later of which grants; then of two, the later of which
/// revokes. Which of them stands shows when a still later one changes it, or does not.
pub async fn end_the_same_in_any_order(language: &Language) {
    for dialect in [Dialect::Stripe, Dialect::Stile] {
        let (verified, fourth) = (verified(dialect, Some(FIRST)), THIRD + 1);
        let (revoked, granted) = (revoking(dialect, SECOND), granting(dialect, THIRD));
        let (granted_earlier, revoked_later) = (granting(dialect, SECOND), revoking(dialect, THIRD));
        let (v, r, g) = (&verified, &revoked, &granted);
        for (bodies, lines) in [
            ([v, r, g], &["grant", "revoke", "grant"][..]),
            ([v, g, r], &["grant"]),
            ([r, v, g], &["grant"]),
            ([r, g, v], &["grant"]),
            ([g, v, r], &["grant"]),
            ([g, r, v], &["grant"]),
        ] {
            ends(language, &bodies, lines, (&revoking(dialect, fourth), "revoke")).await;
        }
        let (g, r) = (&granted_earlier, &revoked_later);
        for (bodies, lines) in [
            ([v, g, r], &["grant", "revoke"][..]),
            ([v, r, g], &["grant", "revoke"]),
            ([g, v, r], &["grant", "revoke"]),
            ([g, r, v], &["grant", "revoke"]),
            ([r, v, g], &[]),
            ([r, g, v], &[]),
        ] {
            ends(language, &bodies, lines, (&granting(dialect, fourth), "grant")).await;
        }
    }
}

/// Delivers these, each of them twice and all of them once more, and then the last one, which must do what it says.
async fn ends(language: &Language, bodies: &[&String], lines: &[&str], (last, change): (&String, &str)) {
    let folder = tempfile::tempdir().unwrap();
    let handler = Handler::start(language, folder.path(), &[SECRET]);
    for body in bodies {
        deliver(&handler, &[body, body]).await;
    }
    deliver(&handler, bodies).await;
    deliver(&handler, &[last]).await;
    let effects = handler.stop();
    let told = effects.iter().filter(|line| line.starts_with("event ")).count();
    assert_eq!(told, bodies.len() + 1, "each event is told once: {effects:?}");
    assert_eq!(changes(&effects, last), [lines, &[change]].concat(), "{bodies:?}");
}

/// The handler is started anew for each event, and files of outcomes that a kill left out are made up for.
pub async fn are_remembered_before_there_is_a_grant(language: &Language) {
    let folder = tempfile::tempdir().unwrap();
    let stripe = Dialect::Stripe;
    let (revoked, verified) = (revoking(stripe, SECOND), verified(stripe, Some(FIRST)));
    let effects = async |body: &String| {
        let handler = Handler::start(language, folder.path(), &[SECRET]);
        deliver(&handler, &[body]).await;
        handler.stop()
    };
    let kept = async |body: &String| changes(&effects(body).await, body);
    let first = effects(&revoked).await;
    assert_eq!(first, [format!("event evt_overridden_{SESSION}_{SECOND} carded.outcome.overridden")]);
    if language.keeps_files {
        std::fs::remove_file(folder.path().join("store/outcomes").join(session_of(&revoked))).unwrap();
        assert_eq!(effects(&revoked).await, [""; 0], "the revocation is made up for, and says nothing");
    }
    assert_eq!(kept(&verified).await, [""; 0], "it came too late");
    let equal = granting(stripe, SECOND).replacen("evt_", "evt_equal_", 1);
    assert_eq!(kept(&equal).await, [""; 0], "of two of the same number the first one stays");
    let granted = granting(stripe, THIRD);
    assert_eq!(kept(&granted).await, ["grant"]);
    assert_eq!(kept(&revoked).await, [""; 0]);
    assert_eq!(kept(&revoking(stripe, THIRD + 1)).await, ["revoke"]);
    assert_eq!(kept(&granted).await, [""; 0]);
    assert_eq!(kept(&verified).await, [""; 0]);
}

/// Nothing but a live override, and one that is whole, changes anything. An outcome without a number is older than all.
pub async fn count_only_where_they_are_live_and_whole(language: &Language) {
    let folder = tempfile::tempdir().unwrap();
    let handler = Handler::start(language, folder.path(), &[SECRET]);
    let stile = Dialect::Stile;
    let rehearsed = |sequence, result| overridden(stile, false, sequence, result);
    let altered = |id: &str, pointer: &str, value: Value| {
        let mut event: Value = serde_json::from_str(&revoking(stile, 100)).unwrap();
        event["id"] = json!(id);
        *event.pointer_mut(pointer).unwrap() = value;
        event.to_string()
    };
    let [created, waiting] = events::undecided(SESSION);
    // In live mode, too, they are no reason to grant.
    let live = [&created, &waiting].map(|body| {
        let body = body.replace("\"livemode\":false", "\"livemode\":true").replace("evt_", "evt_live_");
        assert!(body.contains("\"livemode\":true"));
        body
    });
    let nothing = [
        rehearsed(50, OutcomeResult::Verified),
        rehearsed(51, OutcomeResult::NotVerified),
        altered("evt_null", "/data/object/carded/overridden_by", Value::Null),
        altered("evt_word", "/data/object/carded/overridden_by/outcome/result", json!("perhaps")),
        altered("evt_other", "/type", json!("carded.outcome.reconsidered")),
        altered("evt_text", "/livemode", json!(null)),
    ];
    let first = verified(stile, None);
    deliver(&handler, &[&created, &waiting]).await;
    deliver(&handler, &live.each_ref()).await;
    deliver(&handler, &nothing.each_ref()).await;
    deliver(&handler, &[&first]).await;
    let effects = handler.stop();
    assert_eq!(effects.len(), 2 + live.len() + nothing.len() + 2, "all of them are kept: {effects:?}");
    assert_eq!(changes(&effects, &first), ["grant"]);

    let handler = Handler::start(language, folder.path(), &[SECRET]);
    let repeated = nothing.each_ref().map(|body| body.replacen("evt_", "evt_again_", 1));
    deliver(&handler, &repeated.each_ref()).await;
    deliver(&handler, &[&revoking(stile, 1)]).await;
    // The number of the verified session's own outcome counts too.
    let mut later: Value = serde_json::from_str(&verified(stile, Some(2))).unwrap();
    later["id"] = json!("evt_later");
    deliver(&handler, &[&later.to_string()]).await;
    assert_eq!(changes(&handler.stop(), &first), ["revoke", "grant"]);
}

/// Many deliveries of many overrides at once, at two handlers where they may have one store: each grant is taken back once.
pub async fn come_together(language: &Language) {
    const OVERRIDES: u64 = 24;
    let folder = tempfile::tempdir().unwrap();
    let processes = if language.shares_its_store { 2 } else { 1 };
    let handlers: Vec<_> = (0..processes).map(|_| Handler::start(language, folder.path(), &[SECRET])).collect();
    let stripe = Dialect::Stripe;
    let mut together = JoinSet::new();
    for sequence in 1..=OVERRIDES {
        let body = if sequence % 2 == 0 { granting(stripe, sequence) } else { revoking(stripe, sequence) };
        for handler in handlers.iter().cycle().take(2) {
            let (address, body) = (handler.address, body.clone());
            together.spawn(async move { post_signed(address, &body).await.0 });
        }
    }
    assert!(together.join_all().await.iter().all(|status| *status == 200));
    let last = revoking(stripe, OVERRIDES + 1);
    deliver(&handlers[0], &[&last]).await;
    let of_each: Vec<_> = handlers.into_iter().map(|handler| changes(&handler.stop(), &last)).collect();
    let count = |word: &str| of_each.iter().flatten().filter(|change| *change == word).count();
    assert!(count("grant") > 0 && count("grant") == count("revoke"), "{of_each:?}");
    if let [changes] = &of_each[..] {
        assert!(changes.chunks(2).all(|pair| pair == ["grant", "revoke"]), "they take turns: {changes:?}");
    }
}

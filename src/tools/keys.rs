//! `carded keys`: the keys with which tills and servers use the API.

use clap::{Args, Subcommand, ValueEnum};
use jiff::Timestamp;

use super::exit::{CommandError, Exit};
use super::operator::{OperatorArgs, moments};
use crate::privacy::{ApiKeyKind, ApiKeyShape, Scope, Vocabulary};
use crate::run::{order_keys, run_role};
use crate::session::protocol::{KeyAnswer, KeyOrder, KeySummary, NewKey};

/// Seconds of an hour.
const HOUR_S: u64 = 3_600;

/// What `carded keys` takes.
#[derive(Debug, Args)]
pub struct KeysArgs {
    #[command(flatten)]
    operator: OperatorArgs,
    #[command(subcommand)]
    verb: KeysVerb,
}

#[derive(Debug, Subcommand)]
enum KeysVerb {
    /// Makes a key and prints it: the only time that it is shown.
    Create(CreateArgs),
    /// Lists the keys, without their texts.
    List,
    /// Makes a key in the place of another; both work until the grace is over.
    Rotate {
        /// Identifier of the key, `key_…`.
        id: String,
        /// Hours for which the old key goes on working, 0 to 720.
        #[arg(long, default_value_t = 24)]
        grace_hours: u64,
        /// How the new key begins, if it is a secret one.
        #[arg(long, value_enum, default_value = "vk")]
        shape: ShapeArg,
    },
    /// Has a key open nothing any more, at once and for good.
    Revoke {
        /// Identifier of the key, `key_…`.
        id: String,
    },
}

#[derive(Debug, Args)]
struct CreateArgs {
    /// What it is for, such as "till 2".
    #[arg(long)]
    label: String,
    /// A live key; without this a test key, which uses no camera.
    #[arg(long)]
    live: bool,
    /// A publishable key, for displays: it opens a session only together with that session's client secret.
    #[arg(long)]
    publishable: bool,
    /// How a secret key begins: vk as Stile's, sk as Stripe's.
    #[arg(long, value_enum, default_value = "vk")]
    shape: ShapeArg,
    /// What it opens; everything, where nothing is said.
    #[arg(long, value_enum)]
    scope: Vec<ScopeArg>,
    /// Answer in the words of published guides too.
    #[arg(long)]
    guide_words: bool,
    /// Days after which it opens nothing any more, 1 to 3650; never, where nothing is said.
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=3650))]
    expires_in_days: Option<u64>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ShapeArg {
    Vk,
    Sk,
}

impl ShapeArg {
    fn shape(self) -> ApiKeyShape {
        match self {
            Self::Vk => ApiKeyShape::Vk,
            Self::Sk => ApiKeyShape::Sk,
        }
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
#[value(rename_all = "snake_case")]
enum ScopeArg {
    SessionsRead,
    SessionsWrite,
    SessionsRedact,
    Compliance,
    Lookup,
    Display,
}

impl ScopeArg {
    fn scope(self) -> Scope {
        match self {
            Self::SessionsRead => Scope::SessionsRead,
            Self::SessionsWrite => Scope::SessionsWrite,
            Self::SessionsRedact => Scope::SessionsRedact,
            Self::Compliance => Scope::Compliance,
            Self::Lookup => Scope::Lookup,
            Self::Display => Scope::Display,
        }
    }
}

impl KeysVerb {
    fn order(&self) -> KeyOrder {
        match self {
            Self::List => KeyOrder::List,
            Self::Rotate { id, grace_hours, shape } => {
                KeyOrder::Rotate { id: id.clone(), shape: shape.shape(), grace_s: grace_hours.saturating_mul(HOUR_S) }
            }
            Self::Revoke { id } => KeyOrder::Revoke { id: id.clone() },
            Self::Create(new) => KeyOrder::Make(NewKey {
                kind: if new.publishable { ApiKeyKind::Publishable } else { ApiKeyKind::Secret },
                livemode: new.live,
                shape: new.shape.shape(),
                label: new.label.clone(),
                scopes: (!new.scope.is_empty()).then(|| new.scope.iter().map(|scope| scope.scope()).collect()),
                vocabulary: if new.guide_words { Vocabulary::Guide } else { Vocabulary::Real },
                expires_at: new.expires_in_days.map(|days| {
                    let lifetime = (days * 24 * HOUR_S).cast_signed();
                    Timestamp::now().as_second().saturating_add(lifetime)
                }),
            }),
        }
    }
}

/// Carries out an order about keys.
///
/// # Errors
/// [`CommandError`] when it cannot be carried out; nothing was changed then.
pub fn keys(args: &KeysArgs) -> Result<Exit, CommandError> {
    let config = args.operator.config()?;
    let answer = run_role(|_| order_keys(&config, args.verb.order())).map_err(CommandError::Process)??;
    args.operator.tell(&answer, |out| print(out, &answer))?;
    if config.api.is_none() {
        tracing::warn!("the API is not served: the configuration has no [api] section");
    }
    Ok(Exit::Success)
}

fn print(out: &mut dyn std::io::Write, answer: &KeyAnswer) -> std::io::Result<()> {
    for key in &answer.keys {
        writeln!(out, "{}", line(key))?;
    }
    if let Some(text) = &answer.text {
        writeln!(out, "\n{text}\n\nKeep it now: it is not shown again, and the device keeps only a keyed hash of it.")?;
    }
    if answer.keys.is_empty() {
        writeln!(out, "There are no keys; make one with 'carded keys create --label \"till 1\"'.")?;
    }
    Ok(())
}

fn line(key: &KeySummary) -> String {
    let mode = if key.livemode { "live" } else { "test" };
    let mut parts = vec![key.id.clone(), format!("{mode} {}", key.kind), format!("{:?}", key.label)];
    if !key.usable {
        parts.push("NOT USABLE".to_owned());
    }
    parts.extend(moments(&[("expires", key.expires), ("revoked", key.revoked), ("last used", key.last_used)]));
    if let Some(new) = &key.replaced_by {
        parts.push(format!("replaced by {new}"));
    }
    parts.join("  ")
}

//! The first message of a client, as every version of the protocol can read it: also of one that is older or newer.
//!
//! Always holds: what is read here has been the same in every version, and stays so: `ask` is `hello`, and `protocol`, `program` and
//! `role` say who it is. What else a version adds is passed over. Does not say who may connect.

use serde::Deserialize;

use super::{ClientRole, PROTOCOL_VERSION};

/// The first message of a client.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case", tag = "ask")]
pub enum Greeting {
    /// Who it is.
    Hello {
        /// Its version of the protocol.
        protocol: u32,
        /// Its version of the program.
        program: String,
        /// What it is, in its own version's words.
        role: String,
    },
    /// Something else.
    #[serde(other)]
    Other,
}

impl Greeting {
    /// Who it is.
    ///
    /// # Errors
    /// Why it cannot be talked to, and what to do, for its log and the engine's.
    pub fn understood(&self) -> Result<ClientRole, String> {
        let Self::Hello { protocol, program, role } = self else { return Err("a client says hello first".to_owned()) };
        let both = format!(
            "carded {role} {program} speaks protocol {protocol}, and this engine {} protocol {PROTOCOL_VERSION}",
            env!("CARGO_PKG_VERSION")
        );
        match protocol.cmp(&PROTOCOL_VERSION) {
            std::cmp::Ordering::Less => {
                Err(format!("{both}: update the program that runs as carded {role}, and start it again"))
            }
            std::cmp::Ordering::Greater => {
                Err(format!("{both}: update the program that runs as carded engine, and start it again"))
            }
            std::cmp::Ordering::Equal => {
                serde_json::from_value(serde_json::Value::String(role.clone())).map_err(|_| {
                    format!("{both}, but {role} is nothing that a client can be; install both of one version")
                })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::protocol::{ClientMessage, Hello};

    fn greeting(text: &str) -> Greeting {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn our_own_hello_is_understood() {
        for role in [ClientRole::Display, ClientRole::Sync, ClientRole::Till, ClientRole::Operator] {
            let said = serde_json::to_string(&ClientMessage::Hello(Hello::of(role))).unwrap();
            assert_eq!(greeting(&said).understood(), Ok(role));
        }
    }

    #[test]
    fn the_older_of_two_versions_is_named_whatever_else_the_newer_one_says() {
        let hello = |protocol: u32| {
            greeting(&format!(
                "{{\"ask\":\"hello\",\"protocol\":{protocol},\"program\":\"9.8\",\"role\":\"herald\",\"more\":[1]}}"
            ))
        };
        let older = hello(PROTOCOL_VERSION - 1).understood().unwrap_err();
        assert!(older.contains("update the program that runs as carded herald") && older.contains("9.8"), "{older}");
        let newer = hello(PROTOCOL_VERSION + 1).understood().unwrap_err();
        assert!(newer.contains("update the program that runs as carded engine"), "{newer}");
        assert!(hello(PROTOCOL_VERSION).understood().unwrap_err().contains("one version"));
    }

    #[test]
    fn who_says_something_else_first_is_told() {
        let other = greeting("{\"ask\":\"settle\",\"delivery\":1}");
        assert_eq!(other.understood(), Err("a client says hello first".to_owned()));
    }
}

//! The endpoints as `carded sync` can use them: which are served, which are left out and why.
//!
//! Always holds: an endpoint that cannot be used is told once, with what to do, and tried again at every look; it takes no other
//! with it. One that could be used before goes on as it was, where its address is the same; where that was changed, nothing is
//! sent until the new one can be used. Does not send, and keeps no secret but those that [`Endpoint`] has.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use jiff::Timestamp;

use super::endpoint;
use crate::run::config::{Config, EndpointConfig};
use crate::sync::{Deliverer, DelivererError, DeliveryLimits, Endpoint};

/// What changes when a file does: time of its change in seconds and nanoseconds, length and number.
type Stamp = Option<(i64, i64, u64, u64)>;

/// All endpoints, as they were at the last look.
#[derive(Default)]
pub(super) struct Book {
    entries: BTreeMap<String, Entry>,
    /// Those whose own files are wrong; whoever reads these has said so.
    wrong: BTreeSet<String>,
    knows_all: bool,
}

struct Entry {
    config: EndpointConfig,
    /// How many secrets are in force.
    secrets: usize,
    files: Vec<Stamp>,
    usable: Option<Endpoint>,
    /// Why it cannot be used as it is configured now.
    why: Option<String>,
}

impl Book {
    /// Looks at everything again; whether anything is served otherwise than before.
    pub(super) fn look(&mut self, config: &Config, limits: DeliveryLimits, now: Timestamp) -> bool {
        let mut changed = false;
        let mut before = std::mem::take(&mut self.entries);
        for one in config.endpoints.current().iter() {
            let known = before.remove(&one.name);
            let (entry, is_new) = Entry::of(one, known, limits, now);
            changed |= is_new;
            self.entries.insert(one.name.clone(), entry);
        }
        // What is left is no endpoint any more.
        changed |= !before.is_empty();
        let unusable = config.endpoints.unusable();
        let wrong = unusable.iter().filter_map(|file| file.name.clone());
        let wrong: BTreeSet<String> = wrong.filter(|name| !self.entries.contains_key(name)).collect();
        let knows_all = unusable.iter().all(|file| file.name.is_some());
        changed |= wrong != self.wrong || knows_all != self.knows_all;
        (self.wrong, self.knows_all) = (wrong, knows_all);
        changed
    }

    /// What delivers to those that can be used.
    ///
    /// # Errors
    /// [`DelivererError`] when no safe connection can be set up at all.
    pub(super) fn deliverer(&self, limits: DeliveryLimits) -> Result<Deliverer, DelivererError> {
        let usable = self.entries.values().filter_map(|entry| entry.usable.clone()).collect();
        let left_out = self.entries.iter().filter(|(_, entry)| entry.usable.is_none()).map(|(name, _)| name);
        let left_out = left_out.chain(&self.wrong).cloned().collect();
        let deliverer = Deliverer::new(usable, limits)?.leaving_out(left_out);
        Ok(if self.knows_all { deliverer } else { deliverer.knowing_some() })
    }
}

impl Entry {
    /// What an endpoint is now, and whether it is served otherwise than before.
    fn of(config: &EndpointConfig, before: Option<Self>, limits: DeliveryLimits, now: Timestamp) -> (Self, bool) {
        let in_force = config.secrets_at(now);
        let secrets = in_force.len();
        let files: Vec<Stamp> = in_force.iter().chain(&config.ca_file).map(|path| stamp(path)).collect();
        let same = before.as_ref().is_some_and(|before| before.config == *config && before.secrets == secrets);
        let before = match before {
            Some(before) if same && before.files == files && before.why.is_none() => return (before, false),
            before => before,
        };
        let (was_usable, said) =
            before.as_ref().map_or((false, None), |before| (before.usable.is_some(), before.why.clone()));
        let (usable, why) = if config.disabled { (None, None) } else { open(config, before, limits, now) };
        let name = &config.name;
        match &why {
            Some(why) if said.as_ref() != Some(why) => {
                let meanwhile = if usable.is_some() { "stays as it was" } else { "is left out, and its events wait" };
                tracing::error!("endpoint {name} {meanwhile}, until this is mended: {why}");
            }
            None if said.is_some() => tracing::info!("endpoint {name} is as it is configured again"),
            Some(_) | None => {}
        }
        let changed = was_usable != usable.is_some() || why.is_none();
        (Self { config: config.clone(), secrets, files, usable, why }, changed)
    }
}

/// An endpoint, and why it is not what is configured.
fn open(
    config: &EndpointConfig,
    before: Option<Entry>,
    limits: DeliveryLimits,
    now: Timestamp,
) -> (Option<Endpoint>, Option<String>) {
    let opened = endpoint(config, now).map_err(|error| error.to_string());
    let checked = opened
        .and_then(|endpoint| Deliverer::check(&endpoint, limits).map(|()| endpoint).map_err(|error| error.to_string()));
    match checked {
        Ok(endpoint) => (Some(endpoint), None),
        Err(why) => {
            let before = before.filter(|before| before.config.url == config.url);
            (before.and_then(|before| before.usable), Some(why))
        }
    }
}

fn stamp(path: &Path) -> Stamp {
    let found = std::fs::metadata(path).ok()?;
    Some((found.ctime(), found.ctime_nsec(), found.len(), found.ino()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn set_mode(path: &Path, mode: u32) {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    fn write_secret(path: &Path, text: &str) {
        std::fs::write(path, text).unwrap();
        set_mode(path, 0o600);
    }

    fn write_endpoint(site: &Path, name: &str, url: &str) {
        let secret = site.join(name);
        let text = format!("name = {name:?}\nurl = {url:?}\ndialect = \"stile\"\nsecret_files = [{secret:?}]\n");
        std::fs::write(site.join(format!("endpoints.d/{name}.toml")), text).unwrap();
    }

    fn config(site: &Path) -> Config {
        let text = "[device]\nstate = \"state\"\nsocket = \"socket\"\n[site]\njurisdiction = \"US-CA\"\nuse_case = \"alcohol_in_person\"\n[camera]\nsource = \"simulated\"\nparts = [\"genuine\"]\n";
        std::fs::create_dir_all(site.join("endpoints.d")).unwrap();
        std::fs::write(site.join("config.toml"), text).unwrap();
        Config::load(&site.join("config.toml")).unwrap()
    }

    /// Which endpoints are served, and which are left out.
    fn standing(book: &Book) -> (Vec<String>, Vec<String>) {
        let served =
            book.entries.values().filter(|entry| entry.usable.is_some()).map(|entry| entry.config.name.clone());
        let left_out = book.entries.values().filter(|entry| entry.usable.is_none());
        let left_out = left_out.map(|entry| entry.config.name.clone()).chain(book.wrong.iter().cloned());
        assert!(book.deliverer(DeliveryLimits::default()).is_ok());
        (served.collect(), left_out.collect())
    }

    #[test]
    fn one_endpoint_that_cannot_be_used_is_left_out_and_taken_up_when_its_secret_is_mended() {
        let folder = tempfile::tempdir().unwrap();
        let site = folder.path();
        let config = config(site);
        let url = "https://shop.example/";
        for name in ["good", "late", "open", "short"] {
            write_endpoint(site, name, url);
        }
        write_secret(&site.join("good"), "whsec_for_tests");
        write_secret(&site.join("open"), "whsec_for_tests");
        set_mode(&site.join("open"), 0o644);
        write_secret(&site.join("short"), "x");
        std::fs::write(site.join("endpoints.d/wrong.toml"), "nonsense").unwrap();
        let (mut book, limits, now) = (Book::default(), DeliveryLimits::default(), Timestamp::now());
        assert!(book.look(&config, limits, now));
        let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        assert_eq!(standing(&book), (names(&["good"]), names(&["late", "open", "short", "wrong"])));
        let why = |name: &str, book: &Book| book.entries[name].why.clone().unwrap();
        for (name, remedy) in
            [("late", "check endpoint.secret_files"), ("open", "chmod 600"), ("short", "make a new one")]
        {
            assert!(why(name, &book).contains(remedy), "{}", why(name, &book));
        }
        assert!(!book.look(&config, limits, now), "nothing has changed");
        write_secret(&site.join("late"), "whsec_for_tests");
        set_mode(&site.join("open"), 0o600);
        write_secret(&site.join("short"), "whsec_long_enough");
        std::fs::remove_file(site.join("endpoints.d/wrong.toml")).unwrap();
        assert!(book.look(&config, limits, now));
        assert_eq!(standing(&book), (names(&["good", "late", "open", "short"]), vec![]));
        assert!(!book.look(&config, limits, now));
    }

    #[test]
    fn an_endpoint_goes_on_with_what_was_good_but_never_to_an_address_that_is_configured_no_more() {
        let folder = tempfile::tempdir().unwrap();
        let site = folder.path();
        let config = config(site);
        write_endpoint(site, "shop", "https://shop.example/");
        let secret = site.join("shop");
        write_secret(&secret, "whsec_for_tests");
        let (mut book, limits, now) = (Book::default(), DeliveryLimits::default(), Timestamp::now());
        assert!(book.look(&config, limits, now));
        std::fs::write(&secret, "x").unwrap();
        assert!(!book.look(&config, limits, now), "it goes on with the secret that it had");
        assert_eq!(standing(&book).0, ["shop"]);
        assert!(book.entries["shop"].why.is_some());
        write_endpoint(site, "shop", "https://elsewhere.example/");
        assert!(book.look(&config, limits, now));
        assert_eq!(standing(&book), (vec![], vec!["shop".to_owned()]));
        write_secret(&secret, "whsec_for_tests_again");
        assert!(book.look(&config, limits, now));
        assert_eq!(standing(&book).0, ["shop"]);
    }
}

//! Whether `carded sync` can use an endpoint, asked by somebody who may be another user.
//!
//! Always holds: nothing is changed and no secret is shown. Which user sync runs as is what the configuration says
//! (`device.sync_users`), or else the owner of `endpoints.d`, to whom everything there is given. What only a group or an access list
//! allows is taken for allowed: an alarm is said only where it is certain.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use jiff::Timestamp;

use super::super::config::{Config, EndpointConfig};
use super::super::sync_role;
use super::UnusableEndpoint;

/// Why sync cannot use an endpoint, where it cannot.
pub(super) fn why_not(config: &Config, endpoint: &EndpointConfig) -> Option<UnusableEndpoint> {
    if endpoint.disabled {
        return None;
    }
    let now = Timestamp::now();
    let this = rustix::process::geteuid().as_raw();
    let users = users_of_sync(config);
    let files = || endpoint.secrets_at(now).iter().chain(&endpoint.ca_file);
    let by_user = users.iter().filter(|user| **user != this).find_map(|user| {
        let closed = files().find(|path| !may_read(path, *user))?;
        let path = closed.display();
        Some(format!(
            "the user of 'carded sync' ({user}) cannot read {path}; give it to that user: chown {user} {path}"
        ))
    });
    // Another user's secrets are not ours to read.
    let reads = this == 0 || users.is_empty() || users.contains(&this);
    let opened = || sync_role::endpoint(endpoint, now).err().map(|error| error.to_string());
    let why = by_user.or_else(|| if reads { opened() } else { None })?;
    Some(UnusableEndpoint { name: endpoint.name.clone(), why })
}

fn users_of_sync(config: &Config) -> Vec<u32> {
    match config.device.sync_users.as_slice() {
        [] => config
            .endpoints
            .folder()
            .and_then(|folder| folder.metadata().ok())
            .map(|found| found.uid())
            .into_iter()
            .collect(),
        users => users.to_vec(),
    }
}

/// Whether a user may read a file, as far as its modes and those of the folders above it say.
fn may_read(path: &Path, user: u32) -> bool {
    let allows = |path: &Path, wanted: u32| {
        path.metadata().is_ok_and(|found| {
            let by_owner = found.uid() == user && found.mode() >> 6 & wanted != 0;
            let by_others = found.uid() != user && (found.mode() >> 3 | found.mode()) & wanted != 0;
            by_owner || by_others
        })
    };
    user == 0
        || allows(path, 4)
            && path.ancestors().skip(1).filter(|folder| !folder.as_os_str().is_empty()).all(|folder| allows(folder, 1))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_secret_of_another_user_or_below_a_closed_folder_cannot_be_read() {
        let outer = tempfile::tempdir_in("/tmp").unwrap();
        let folder = outer.path().join("secrets");
        std::fs::create_dir(&folder).unwrap();
        let (file, own) = (folder.join("secret"), outer.path().metadata().unwrap().uid());
        let other = own + 1;
        let set_mode =
            |path: &Path, mode| std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        std::fs::write(&file, "whsec_for_tests").unwrap();
        set_mode(outer.path(), 0o755);
        set_mode(&folder, 0o755);
        set_mode(&file, 0o600);
        assert!(may_read(&file, own) && may_read(&file, 0) && !may_read(&file, other));
        set_mode(&file, 0o644);
        assert!(may_read(&file, other));
        set_mode(&folder, 0o700);
        assert!(!may_read(&file, other) && may_read(&file, own));
        assert!(!may_read(&folder.join("nothing"), other));
    }
}

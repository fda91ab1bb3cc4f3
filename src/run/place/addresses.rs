//! In which countries the device's own public addresses are, by a file in the format of `MaxMind` that the operator supplies.
//!
//! Always holds: nothing is asked of a network, so that only addresses of the device's own interfaces are known: behind a
//! router there is none, and then nothing is said; an address goes nowhere, and of a country only whether it agrees.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;

use maxminddb::{MaxMindDbError, Reader};
use serde::Deserialize;

/// Addresses that are looked up.
const MOST_ADDRESSES: usize = 64;

/// Longest file in bytes; one of countries has some 10 MB, and all of it is kept in memory.
const MOST_BYTES: u64 = 256 << 20;

/// Why a file cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum CountriesError {
    /// It cannot be read.
    #[error("the file cannot be read: {0}")]
    Unreadable(#[from] std::io::Error),
    /// It is none of countries.
    #[error("it has {0} bytes, more than {MOST_BYTES}; give a file of countries, such as GeoLite2-Country.mmdb")]
    Length(u64),
    /// It is not of the format.
    #[error(transparent)]
    Format(#[from] MaxMindDbError),
}

/// A file that knows countries of addresses.
pub(super) struct Countries(Reader<Vec<u8>>);

/// What is read of an entry.
#[derive(Deserialize)]
struct Entry<'a> {
    #[serde(borrow)]
    country: Option<Country<'a>>,
}

#[derive(Deserialize)]
struct Country<'a> {
    iso_code: Option<&'a str>,
}

impl Countries {
    /// Opens a file such as `GeoLite2-Country.mmdb`.
    pub(super) fn open(file: &Path) -> Result<Self, CountriesError> {
        let length = std::fs::metadata(file)?.len();
        if length > MOST_BYTES {
            return Err(CountriesError::Length(length));
        }
        Ok(Self(Reader::open_readfile(file)?))
    }

    /// The codes of the countries that the device's public addresses are in; `root` is the root of the file system.
    pub(super) fn of_device(&self, root: &Path) -> BTreeSet<String> {
        let text = |path: &str| std::fs::read_to_string(root.join(path)).unwrap_or_default();
        let (tries, v6) = (text("proc/net/fib_trie"), text("proc/net/if_inet6"));
        let addresses = own_v4(&tries).map(IpAddr::V4).chain(own_v6(&v6).map(IpAddr::V6));
        addresses.take(MOST_ADDRESSES).filter_map(|address| self.of(address)).collect()
    }

    fn of(&self, address: IpAddr) -> Option<String> {
        let entry: Entry<'_> = self.0.lookup(address).ok()?.decode().ok()??;
        Some(entry.country?.iso_code?.to_ascii_uppercase())
    }
}

/// Public addresses of the device's own, by `/proc/net/fib_trie`.
fn own_v4(tries: &str) -> impl Iterator<Item = Ipv4Addr> {
    let mut leaf = None;
    let own = tries.lines().filter_map(move |line| {
        let line = line.trim();
        if let Some(address) = line.strip_prefix("|-- ") {
            leaf = address.parse().ok();
        }
        leaf.filter(|_| line.starts_with("/32 host LOCAL"))
    });
    own.filter(|address| is_public_v4(*address))
}

/// The same by `/proc/net/if_inet6`.
fn own_v6(interfaces: &str) -> impl Iterator<Item = Ipv6Addr> {
    let own = interfaces.lines().filter_map(|line| {
        let digits = line.split_whitespace().next().filter(|digits| digits.len() == 32)?;
        u128::from_str_radix(digits, 16).ok().map(Ipv6Addr::from_bits)
    });
    own.filter(|address| is_public_v6(*address))
}

/// Whether an address is one of the Internet's (IANA's special-purpose registry).
fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_documentation()
        || matches!((a, b, c), (0 | 224.., ..) | (100, 64..=127, _) | (198, 18 | 19, _) | (192, 0, 0));
    !special
}

/// The same of IPv6, whose public addresses begin with 001.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let [a, b, ..] = address.segments();
    a & 0xe000 == 0x2000 && (a, b) != (0x2001, 0x0db8) && !(a == 0x2001 && b < 0x0200) && a != 0x3fff
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file in the format of `MaxMind` (version 2.0) with one country for one network of IPv6, in which IPv4 is `::/96`.
    fn file_of(network: u128, bits: u32, country: &str) -> Vec<u8> {
        let nodes = bits;
        let mut file = Vec::new();
        for bit in 0..nodes {
            let next = if bit + 1 == nodes { nodes + 16 } else { bit + 1 };
            let goes_right = network >> (127 - bit) & 1 == 1;
            let (left, right) = if goes_right { (nodes, next) } else { (next, nodes) };
            for record in [left, right] {
                file.extend(&record.to_be_bytes()[1..]);
            }
        }
        let text = |text: &str| [&[0x40 | text.len() as u8][..], text.as_bytes()].concat();
        file.extend([0; 16]);
        file.extend([&[0xe1][..], &text("country"), &[0xe1], &text("iso_code"), &text(country)].concat());
        file.extend(b"\xab\xcd\xefMaxMind.com");
        file.push(0xe9);
        let number = |size: u8, value: u32| [&[size][..], &value.to_be_bytes()[..]].concat();
        for (name, value) in [
            ("node_count", number(0xc4, nodes)),
            ("record_size", vec![0xa2, 0, 24]),
            ("ip_version", vec![0xa2, 0, 6]),
            ("database_type", text("Test")),
            ("languages", vec![0x00, 0x04]),
            ("binary_format_major_version", vec![0xa2, 0, 2]),
            ("binary_format_minor_version", vec![0xa2, 0, 0]),
            ("build_epoch", vec![0x01, 0x02, 1]),
            ("description", vec![0xe0]),
        ] {
            file.extend(text(name));
            file.extend(value);
        }
        file
    }

    fn machine(tries: &str, v6: &str) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(root.path().join("proc/net")).unwrap();
        std::fs::write(root.path().join("proc/net/fib_trie"), tries).unwrap();
        std::fs::write(root.path().join("proc/net/if_inet6"), v6).unwrap();
        root
    }

    fn countries(network: u128, bits: u32) -> Countries {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), file_of(network, bits, "DE")).unwrap();
        Countries::open(file.path()).unwrap()
    }

    fn own(address: &str) -> String {
        format!("Local:\n  +-- 0.0.0.0/0 3 0 5\n     |-- {address}\n        /32 host LOCAL\n")
    }

    #[test]
    fn the_country_of_a_public_address_is_found_and_a_private_one_says_nothing() {
        let of_v4 = countries(u128::from(u32::from(Ipv4Addr::new(9, 9, 9, 0))), 120);
        assert_eq!(of_v4.of_device(machine(&own("9.9.9.7"), "").path()), BTreeSet::from(["DE".to_owned()]));
        assert!(of_v4.of_device(machine(&own("9.9.8.7"), "").path()).is_empty(), "not in the file");
        assert!(of_v4.of_device(machine(&own("192.168.1.7"), "").path()).is_empty());
        let of_v6 = countries(0x2a00_1450 << 96, 32);
        let interfaces = "2a001450000000000000000000000007 02 40 00 80     eth0\nfe80 02 40 20 80 eth0\n";
        assert_eq!(of_v6.of_device(machine("", interfaces).path()), BTreeSet::from(["DE".to_owned()]));
        assert!(of_v6.of_device(machine("", "").path()).is_empty());
    }

    #[test]
    fn addresses_that_are_not_the_internet_s_are_told_from_public_ones() {
        for special in
            ["10.1.2.3", "100.64.0.1", "127.0.0.1", "169.254.1.1", "172.16.0.1", "192.0.2.2", "198.18.0.1", "224.0.0.1"]
        {
            assert!(!is_public_v4(special.parse().unwrap()), "{special}");
        }
        assert!(is_public_v4("9.9.9.9".parse().unwrap()));
        for special in ["::1", "fe80::1", "fd00::1", "2001:db8::1", "2001::1", "ff02::1"] {
            assert!(!is_public_v6(special.parse().unwrap()), "{special}");
        }
        assert!(is_public_v6("2a00:1450::1".parse().unwrap()));
    }

    #[test]
    fn a_file_that_is_none_is_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "no such file").unwrap();
        assert!(Countries::open(file.path()).is_err() && Countries::open(Path::new("/nowhere")).is_err());
    }
}

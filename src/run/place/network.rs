//! Whether the way to the network goes through a tunnel, as the kernel tells it: interfaces and routes.
//!
//! Always holds: the kind of an interface is all that leaves here, never its name or an address; what cannot be read counts
//! as no tunnel, because this is a hint and no measure. A tunnel that another machine makes, such as a router, is not seen.

use std::path::Path;

use crate::compliance::TunnelKind;

/// The interface is up (`IFF_UP`), the route is (`RTF_UP`), the route leads nowhere (`RTF_REJECT`).
const INTERFACE_UP: u32 = 1;
const ROUTE_UP: u32 = 1;
const ROUTE_REJECTS: u32 = 0x200;
/// Kinds of link by `if_arp.h`.
const PPP: u32 = 512;
const TUNNELS: [u32; 5] = [768, 769, 776, 778, 823];
/// Longest prefix of a route that leads to the whole of IPv4: VPNs halve it, so that theirs come before the default.
const MOST_BITS_V4: u32 = 1;
/// The same of IPv6, whose public addresses all begin with the same three bits.
const MOST_BITS_V6: u32 = 3;

/// The tunnel that the way to the network goes through; `root` is the root of the file system.
pub(super) fn tunnel(root: &Path) -> Option<TunnelKind> {
    let text = |path: &str| std::fs::read_to_string(root.join(path)).unwrap_or_default();
    let (v4, v6, tries) = (text("proc/net/route"), text("proc/net/ipv6_route"), text("proc/net/fib_trie"));
    let interfaces: Vec<&str> = routes_v4(&v4).chain(routes_v6(&v6)).collect();
    let elsewhere = has_default_in_another_table(&tries);
    let folders = std::fs::read_dir(root.join("sys/class/net")).ok()?;
    let found = folders.flatten().filter_map(|entry| {
        let kind = kind(&entry.path())?;
        let name = entry.file_name();
        let carries = interfaces.iter().any(|carrier| name == **carrier);
        // A table of its own, chosen by a rule: which interface it names cannot be read here.
        let may_carry = elsewhere && matches!(kind, TunnelKind::Wireguard | TunnelKind::Tun);
        (carries || may_carry).then_some(kind)
    });
    found.min()
}

/// The kind of tunnel that an interface is, if it is one and up.
fn kind(folder: &Path) -> Option<TunnelKind> {
    let text = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap_or_default();
    let flags = u32::from_str_radix(text("flags").trim().trim_start_matches("0x"), 16).ok()?;
    if flags & INTERFACE_UP == 0 {
        return None;
    }
    let link: u32 = text("type").trim().parse().ok()?;
    if text("uevent").lines().any(|line| line == "DEVTYPE=wireguard") {
        Some(TunnelKind::Wireguard)
    } else if folder.join("tun_flags").exists() {
        Some(TunnelKind::Tun)
    } else if link == PPP {
        Some(TunnelKind::Ppp)
    } else {
        TUNNELS.contains(&link).then_some(TunnelKind::IpTunnel)
    }
}

/// Interfaces that lead to the whole of IPv4, by `/proc/net/route`.
fn routes_v4(table: &str) -> impl Iterator<Item = &str> {
    table.lines().skip(1).filter_map(|line| {
        let columns: Vec<&str> = line.split_whitespace().collect();
        let [interface, _destination, _gateway, flags, _, _, _, mask, ..] = columns[..] else { return None };
        let number = |text| u32::from_str_radix(text, 16).ok();
        let (flags, mask) = (number(flags)?, number(mask)?);
        (flags & ROUTE_UP != 0 && flags & ROUTE_REJECTS == 0 && mask.count_ones() <= MOST_BITS_V4).then_some(interface)
    })
}

/// Interfaces that lead to the whole of IPv6, by `/proc/net/ipv6_route`, which has every table.
fn routes_v6(table: &str) -> impl Iterator<Item = &str> {
    table.lines().filter_map(|line| {
        let columns: Vec<&str> = line.split_whitespace().collect();
        let [_, bits, _, _, _, _, _, _, flags, interface] = columns[..] else { return None };
        let number = |text| u32::from_str_radix(text, 16).ok();
        let (bits, flags) = (number(bits)?, number(flags)?);
        (flags & ROUTE_UP != 0 && flags & ROUTE_REJECTS == 0 && bits <= MOST_BITS_V6).then_some(interface)
    })
}

/// Whether a table other than the kernel's own two leads to the whole of IPv4, by `/proc/net/fib_trie`: `wg-quick` makes one.
fn has_default_in_another_table(tries: &str) -> bool {
    let (mut other, mut at_zero) = (false, false);
    for line in tries.lines() {
        if !line.starts_with(' ') {
            (other, at_zero) = (line.starts_with("Id "), false);
        } else if let Some(leaf) = line.trim_start().strip_prefix("|-- ") {
            at_zero = leaf.trim() == "0.0.0.0";
        } else if other && at_zero && line.trim_start().starts_with("/0 ") && line.contains("UNICAST") {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n";
    const CABLE: &str = "eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n";
    const LAN: &str = "NAME\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n";
    const HALF: &str = "NAME\t00000000\t0100080A\t0003\t0\t0\t0\t00000080\t0\t0\t0\n";
    const ZEROS: &str = "00000000000000000000000000000000";

    /// A file system with the cable and one more interface.
    fn machine(interface: &str, files: &[(&str, &str)], routes: &str, v6: &str, tries: &str) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        let write = |path: String, text: &str| {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        for (name, text) in [("flags", "0x1003\n"), ("type", "1\n"), ("uevent", "INTERFACE=eth0\n")] {
            write(format!("sys/class/net/eth0/{name}"), text);
        }
        for (name, text) in files {
            write(format!("sys/class/net/{interface}/{name}"), text);
        }
        write("proc/net/route".to_owned(), &format!("{HEAD}{CABLE}{}", routes.replace("NAME", interface)));
        write("proc/net/ipv6_route".to_owned(), v6);
        write("proc/net/fib_trie".to_owned(), tries);
        root
    }

    const TUN: [(&str, &str); 4] =
        [("flags", "0x1091\n"), ("type", "65534\n"), ("tun_flags", "0x1001\n"), ("uevent", "INTERFACE=tun0\n")];
    const WIREGUARD: [(&str, &str); 3] =
        [("flags", "0x91\n"), ("type", "65534\n"), ("uevent", "DEVTYPE=wireguard\nINTERFACE=wg0\n")];

    #[test]
    fn a_tunnel_that_carries_the_way_to_the_network_is_told_by_its_kind() {
        let with = |files: &[(&str, &str)]| tunnel(machine("vpn", files, HALF, "", "").path());
        assert_eq!(with(&TUN), Some(TunnelKind::Tun));
        assert_eq!(with(&WIREGUARD), Some(TunnelKind::Wireguard));
        assert_eq!(with(&[("flags", "0x91"), ("type", "512")]), Some(TunnelKind::Ppp));
        assert_eq!(with(&[("flags", "0x91"), ("type", "778")]), Some(TunnelKind::IpTunnel));
    }

    #[test]
    fn a_tunnel_that_is_down_or_leads_to_one_network_only_is_none() {
        assert_eq!(tunnel(machine("tun0", &TUN, LAN, "", "").path()), None, "for maintenance, say");
        let mut down = TUN;
        down[0] = ("flags", "0x1090\n");
        assert_eq!(tunnel(machine("tun0", &down, HALF, "", "").path()), None);
        let modem = [("flags", "0x91"), ("type", "65534"), ("uevent", "DEVTYPE=wwan\n")];
        assert_eq!(tunnel(machine("wwan0", &modem, HALF, "", "").path()), None, "a modem is no tunnel");
        assert_eq!(tunnel(Path::new("/nowhere")), None);
    }

    #[test]
    fn a_tunnel_of_ipv6_and_one_with_a_table_of_its_own_are_seen() {
        let route = format!("{ZEROS} 00 {ZEROS} 00 {ZEROS} 00000400 00000001 00000000 00000001 wg0\n");
        assert_eq!(tunnel(machine("wg0", &WIREGUARD, "", &route, "").path()), Some(TunnelKind::Wireguard));
        let rejected = route.replace("00000001 wg0", "00200200 wg0");
        assert_eq!(tunnel(machine("wg0", &WIREGUARD, "", &rejected, "").path()), None);
        let main = "Main:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 0.0.0.0\n        /0 universe UNICAST\n";
        assert_eq!(tunnel(machine("wg0", &WIREGUARD, "", "", main).path()), None);
        let own = format!("{main}Id 51820:\n  |-- 0.0.0.0\n     /0 link UNICAST\n");
        assert_eq!(tunnel(machine("wg0", &WIREGUARD, "", "", &own).path()), Some(TunnelKind::Wireguard));
    }

    #[test]
    fn this_machine_can_be_looked_at() {
        // What it says depends on the machine; that it says something without a fault does not.
        let _ = tunnel(Path::new("/"));
    }
}

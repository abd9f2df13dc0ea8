//! Addresses of clients, and the networks they are in.
//!
//! Addresses are taken as they are written: `::ffff:1.2.3.4` is another one than `1.2.3.4`, and one with a zone
//! (`fe80::1%eth0`) is another one than that without.

use std::net::{IpAddr, Ipv6Addr};

use http::HeaderMap;
use ipnet::IpNet;

use crate::policy::Proxies;

/// Addresses that belong together.
#[derive(Debug)]
pub enum Network {
    /// A single one, with its zone, which may be empty.
    One(IpAddr, String),
    /// All of a prefix. No address with a zone is among them.
    All(IpNet),
}

/// The address the first present of the trusted headers tells, else the peer's.
pub fn client(proxies: &Proxies, peer: IpAddr, headers: &HeaderMap) -> String {
    let told = proxies.headers.iter().find_map(|name| {
        let last = headers.get_all(name).iter().next_back()?;
        let line = last.to_str().ok()?;
        let mut valid = line.split(',').filter_map(|part| address(part.trim()));
        if proxies.leftmost {
            valid.next()
        } else {
            valid.next_back()
        }
    });
    // A socket for both protocols writes addresses of the old one in the new form.
    full(told.unwrap_or((peer.to_canonical(), "")))
}

/// An address and its zone.
fn address(text: &str) -> Option<(IpAddr, &str)> {
    match text.split_once('%') {
        Some((address, zone)) => {
            let address: Ipv6Addr = address.parse().ok()?;
            (!zone.is_empty()).then_some((address.into(), zone))
        }
        None => Some((text.parse().ok()?, "")),
    }
}

/// One text per address.
fn full((address, zone): (IpAddr, &str)) -> String {
    match address {
        IpAddr::V4(v4) => v4.to_string(),
        IpAddr::V6(v6) => {
            let segments = v6.segments().map(|segment| format!("{segment:04x}"));
            let zone = if zone.is_empty() {
                String::new()
            } else {
                format!("%{zone}")
            };
            segments.join(":") + &zone
        }
    }
}

/// An address or a network.
pub fn network(text: &str) -> Option<Network> {
    match address(text) {
        Some((address, zone)) => Some(Network::One(address, zone.to_owned())),
        None => text.parse().ok().map(Network::All),
    }
}

/// Whether the address is in one of the networks. A text that is no address is in none.
pub fn within(networks: &[Network], client: &str) -> bool {
    let Some((address, zone)) = address(client) else {
        return false;
    };
    networks.iter().any(|network| match network {
        Network::One(one, of) => *one == address && of == zone,
        Network::All(all) => zone.is_empty() && all.contains(&address),
    })
}

//! Addresses of clients, and the networks they are in.

use std::net::IpAddr;

use http::HeaderMap;
use ipnet::IpNet;

use crate::policy::Proxies;

/// The address the first present of the trusted headers tells, else the peer's.
pub fn client(proxies: &Proxies, peer: IpAddr, headers: &HeaderMap) -> String {
    let told = proxies.headers.iter().find_map(|name| {
        let last = headers.get_all(name).iter().next_back()?;
        let line = last.to_str().ok()?;
        let mut valid = line.split(',').filter_map(|part| part.trim().parse().ok());
        if proxies.leftmost {
            valid.next()
        } else {
            valid.next_back()
        }
    });
    full(told.unwrap_or(peer.to_canonical()))
}

/// One text per address.
fn full(address: IpAddr) -> String {
    match address {
        IpAddr::V4(v4) => v4.to_string(),
        IpAddr::V6(v6) => v6
            .segments()
            .map(|segment| format!("{segment:04x}"))
            .join(":"),
    }
}

/// A network, or an address as the network of one. The zone of an address does not count.
pub fn network(text: &str) -> Option<IpNet> {
    if let Ok(network) = text.parse::<IpNet>() {
        return Some(network);
    }
    let address = text
        .split_once('%')
        .map_or(text, |(address, _zone)| address);
    address
        .parse::<IpAddr>()
        .ok()
        .map(|address| IpNet::from(address.to_canonical()))
}

/// Whether the address is in one of the networks. A text that is no address is in none.
pub fn within(networks: &[IpNet], client: &str) -> bool {
    !networks.is_empty()
        && client.parse::<IpAddr>().is_ok_and(|address| {
            let address = address.to_canonical();
            networks.iter().any(|network| network.contains(&address))
        })
}

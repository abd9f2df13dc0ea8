//! Which addresses are nobody's business but the operator's.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{Ipv4Net, Ipv6Net};

/// Who may connect to an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Everyone.
    Public,
    /// Only those granted `private`.
    Private,
    /// No one: it addresses no single host.
    Never,
}

const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)
}

const fn v6(a: u16, b: u16, c: u16, prefix: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0), prefix)
}

const NEVER_V4: [Ipv4Net; 3] = [
    v4(0, 0, 0, 0, 8),   // "this network"; 0.0.0.0 reaches the machine itself
    v4(224, 0, 0, 0, 4), // multicast
    v4(240, 0, 0, 0, 4), // reserved, broadcast
];

const PRIVATE_V4: [Ipv4Net; 13] = [
    v4(10, 0, 0, 0, 8),
    v4(100, 64, 0, 0, 10), // carrier-grade NAT
    v4(127, 0, 0, 0, 8),
    v4(168, 63, 129, 16, 32), // a cloud's metadata behind a public number
    v4(169, 254, 0, 0, 16),   // link-local, metadata of most clouds
    v4(172, 16, 0, 0, 12),
    v4(192, 0, 0, 0, 24),
    v4(192, 0, 2, 0, 24),
    v4(192, 88, 99, 0, 24),
    v4(192, 168, 0, 0, 16),
    v4(198, 18, 0, 0, 15),
    v4(198, 51, 100, 0, 24),
    v4(203, 0, 113, 0, 24),
];

/// The part of IPv6 that is routed on the internet; everything outside it is local or special.
const GLOBAL_V6: Ipv6Net = v6(0x2000, 0, 0, 3);

const PRIVATE_V6: [Ipv6Net; 3] = [
    v6(0x2001, 0, 0, 23),     // protocol assignments, Teredo among them
    v6(0x2001, 0xdb8, 0, 32), // documentation
    v6(0x3fff, 0, 0, 20),     // documentation
];

/// Who may connect to this address.
pub(crate) fn reach(address: IpAddr) -> Reach {
    match address {
        IpAddr::V4(address) => reach_v4(address),
        IpAddr::V6(address) => reach_v6(address),
    }
}

fn reach_v4(address: Ipv4Addr) -> Reach {
    if NEVER_V4.iter().any(|net| net.contains(&address)) {
        Reach::Never
    } else if PRIVATE_V4.iter().any(|net| net.contains(&address)) {
        Reach::Private
    } else {
        Reach::Public
    }
}

fn reach_v6(address: Ipv6Addr) -> Reach {
    if address.is_unspecified() || address.is_multicast() {
        return Reach::Never;
    }
    if address.is_loopback() {
        return Reach::Private;
    }
    if let Some(inner) = embedded_v4(address) {
        return reach_v4(inner);
    }
    if !GLOBAL_V6.contains(&address) || PRIVATE_V6.iter().any(|net| net.contains(&address)) {
        return Reach::Private;
    }
    Reach::Public
}

/// The IPv4 address that a gateway or the kernel would connect to instead.
fn embedded_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let at = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        Some(Ipv4Addr::new(a, b, c, d))
    };
    match address.segments() {
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low] // compatible and mapped
        | [0, 0, 0, 0, 0xffff, 0, high, low] // translated
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => at(high, low), // NAT64
        [0x2002, high, low, ..] => at(high, low), // 6to4
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table() {
        use Reach::{Never, Private, Public};
        let table = [
            ("1.1.1.1", Public),
            ("8.8.8.8", Public),
            ("100.63.255.255", Public),
            ("100.128.0.0", Public),
            ("172.15.255.255", Public),
            ("172.32.0.0", Public),
            ("192.167.255.255", Public),
            ("223.255.255.255", Public),
            ("10.0.0.1", Private),
            ("100.64.0.1", Private),
            ("127.0.0.1", Private),
            ("127.255.255.255", Private),
            ("169.254.169.254", Private),
            ("168.63.129.16", Private),
            ("172.16.0.1", Private),
            ("172.31.255.255", Private),
            ("192.168.1.1", Private),
            ("198.19.0.1", Private),
            ("203.0.113.9", Private),
            ("0.0.0.0", Never),
            ("0.1.2.3", Never),
            ("224.0.0.1", Never),
            ("239.255.255.255", Never),
            ("255.255.255.255", Never),
            ("2606:4700::1111", Public),
            ("2a00:1450:4001::8a", Public),
            ("::1", Private),
            ("fc00::1", Private),
            ("fd00:ec2::254", Private),
            ("fe80::1", Private),
            ("fec0::1", Private),
            ("100::1", Private),
            ("2001::1", Private),
            ("2001:db8::1", Private),
            ("64:ff9b:1::1", Private),
            ("::", Never),
            ("ff02::1", Never),
            ("::ffff:127.0.0.1", Private),
            ("::ffff:169.254.169.254", Private),
            ("::ffff:0.0.0.0", Never),
            ("::ffff:1.1.1.1", Public),
            ("::10.0.0.1", Private),
            ("::ffff:0:10.0.0.1", Private),
            ("64:ff9b::10.0.0.1", Private),
            ("64:ff9b::1.1.1.1", Public),
            ("2002:7f00:1::1", Private),
            ("2002:101:101::1", Public),
        ];
        for (address, expected) in table {
            let parsed: IpAddr = address.parse().expect("an address");
            assert_eq!(reach(parsed), expected, "{address}");
        }
    }
}

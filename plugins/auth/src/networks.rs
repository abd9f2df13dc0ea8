//! Where superusers may come from.

use std::cell::RefCell;
use std::net::IpAddr;

use hangar_sdk::http::Request;
use hangar_sdk::{Result, kv, postgres};
use serde::Deserialize;

const SETTINGS: &str = "SELECT value::text FROM hangar_collections.params WHERE key = 'settings'";

/// The settings that matter here.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Settings {
    #[serde(rename = "superuserIPs")]
    superuser_ips: Vec<String>,
    trusted_proxy: TrustedProxy,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct TrustedProxy {
    headers: Vec<String>,
    #[serde(rename = "useLeftmostIP")]
    use_leftmost_ip: bool,
}

thread_local! {
    static CACHE: RefCell<Option<(u32, Settings)>> = const { RefCell::new(None) };
}

/// Whether the request comes from where superusers may come from. Without such a setting: from anywhere.
pub fn superuser_may_come(request: &Request) -> Result<bool> {
    let settings = settings()?;
    if settings.superuser_ips.is_empty() {
        return Ok(true);
    }
    let proxy = &settings.trusted_proxy;
    let address = request.client_address(&proxy.headers, proxy.use_leftmost_ip);
    Ok(settings
        .superuser_ips
        .iter()
        .any(|network| contains(network, &address)))
}

fn settings() -> Result<Settings> {
    let revision = kv::revisions::current("settings");
    let kept = CACHE.with_borrow(|kept| {
        kept.as_ref()
            .filter(|(of, _)| *of == revision)
            .map(|(_, kept)| kept.clone())
    });
    if let Some(settings) = kept {
        return Ok(settings);
    }
    let rows = postgres::query(SETTINGS, vec![])?;
    let text = rows
        .rows
        .first()
        .and_then(|row| row.first())
        .and_then(|value| value.as_str());
    let settings: Settings = text
        .map(serde_json::from_str)
        .transpose()?
        .unwrap_or_default();
    CACHE.set(Some((revision, settings.clone())));
    Ok(settings)
}

/// Whether an address is the given one or in the given network.
fn contains(network: &str, address: &str) -> bool {
    let (base, bits) = network
        .split_once('/')
        .map_or((network, None), |(base, bits)| (base, bits.parse().ok()));
    let (Ok(base), Ok(address)) = (base.parse::<IpAddr>(), address.parse::<IpAddr>()) else {
        return false;
    };
    match (base.to_canonical(), address.to_canonical()) {
        (IpAddr::V4(base), IpAddr::V4(address)) => {
            let shift = 32_u32.saturating_sub(bits.unwrap_or(32));
            let prefix = |ip: u32| ip.checked_shr(shift).unwrap_or(0);
            prefix(base.to_bits()) == prefix(address.to_bits())
        }
        (IpAddr::V6(base), IpAddr::V6(address)) => {
            let shift = 128_u32.saturating_sub(bits.unwrap_or(128));
            let prefix = |ip: u128| ip.checked_shr(shift).unwrap_or(0);
            prefix(base.to_bits()) == prefix(address.to_bits())
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::contains;

    #[test]
    fn networks() {
        for (network, address, inside) in [
            ("127.0.0.1", "127.0.0.1", true),
            ("127.0.0.1", "127.0.0.2", false),
            ("10.0.0.0/8", "10.255.0.1", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("0.0.0.0/0", "8.8.8.8", true),
            ("::1", "0000:0000:0000:0000:0000:0000:0000:0001", true),
            ("fd00::/8", "fdff::1", true),
            ("fd00::/8", "fe80::1", false),
            ("::/0", "fe80::1", true),
            ("::/0", "10.0.0.1", false),
            ("10.0.0.0/8", "junk", false),
        ] {
            assert_eq!(contains(network, address), inside, "{network} {address}");
        }
    }
}

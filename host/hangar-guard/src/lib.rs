//! `hangar:http/guard`: where a client is behind proxies, where privileged ones may come from, and how often a request
//! may be made. The policy is a plugin's; the host enforces it before a plugin is called. And which answers are held back
//! (`x-hangar-delay`), after it has returned.
//!
//! Counters are this node's, in memory, and bounded ([`MAX_WINDOWS`]): several nodes behind a balancer each allow the
//! configured number.

mod address;
mod delay;
mod grant;
mod policy;
mod view;
mod windows;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use hangar_core::{Error, Result};
use http::HeaderMap;
use serde::Deserialize;

pub use grant::Grant;
pub use view::{View, add_to_linker};
pub use windows::MAX_WINDOWS;

use delay::Delays;
use policy::Active;

/// What is known of a request when the guard looks at it.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// As the client sent it: `HEAD` is not `GET` here.
    pub method: &'a str,
    /// Percent-encoded path.
    pub path: &'a str,
    /// What [`Guard::client`] answered.
    pub client: &'a str,
    /// The identity document, none for a guest.
    pub identity: Option<&'a str>,
}

impl Asked<'_> {
    /// Whether no limit holds for the one who asks.
    fn privileged(&self) -> bool {
        #[derive(Deserialize)]
        struct Known {
            #[serde(default)]
            privileged: bool,
        }
        self.identity
            .and_then(|document| serde_json::from_str::<Known>(document).ok())
            .is_some_and(|known| known.privileged)
    }
}

/// The policy in force, with its counters; answers that are held back.
#[derive(Default)]
pub struct Guard {
    active: ArcSwap<Active>,
    delays: Delays,
}

impl Guard {
    /// Puts a policy (JSON) in force; all counters start again.
    ///
    /// # Errors
    /// `bad_input` for a text that is no policy.
    pub fn configure(&self, policy: &str) -> Result<()> {
        let active = Active::parse(policy)?;
        self.active.store(Arc::new(active));
        Ok(())
    }

    /// The address of the client: what a trusted proxy says, else the peer's. IPv6 is written in full.
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> String {
        address::client(&self.active.load().proxies, peer, headers)
    }

    /// Refuses what may not come from there. Has nothing to do without such a rule.
    ///
    /// # Errors
    /// `forbidden_network`, status 403.
    pub fn admit(&self, asked: Asked<'_>) -> Result<()> {
        if self.welcomes_privileged(asked.client) || !asked.privileged() {
            return Ok(());
        }
        Err(Error::new(
            "forbidden_network",
            403,
            "a privileged identity was used from an address outside of its networks",
        ))
    }

    /// Whether a privileged identity may come from an address.
    pub fn welcomes_privileged(&self, client: &str) -> bool {
        let networks = &self.active.load().privileged_networks;
        networks.is_empty() || address::within(networks, client)
    }

    /// Counts a request under the first label that has a limit, else by its path. `labels` are in order of preference.
    ///
    /// # Errors
    /// `rate_limited`, status 429.
    pub fn count(&self, asked: Asked<'_>, labels: &[String]) -> Result<()> {
        let active = self.active.load();
        if active.limits.is_empty() {
            return Ok(());
        }
        let Some(limit) = active.limit_for(&asked, labels) else {
            return Ok(());
        };
        if asked.privileged() || address::within(&active.unlimited_networks, asked.client) {
            return Ok(());
        }
        let rule = &active.limits[limit];
        // Requests with labels of their own are counted apart, whatever rule they meet.
        let of = labels.first().map_or("", String::as_str);
        let length = Duration::from_secs(rule.seconds.into());
        let key = (of.into(), limit, asked.client.into());
        if active.windows.take(key, rule.requests, length) {
            return Ok(());
        }
        Err(Error::new(
            "rate_limited",
            429,
            format!(
                "too many requests: {} in {} s under {:?}",
                rule.requests, rule.seconds, rule.label
            ),
        ))
    }

    /// Holds an answer back if its client has had too many such lately. `hint` is what the plugin wrote into
    /// `x-hangar-delay`.
    ///
    /// # Errors
    /// `bad_response` for a hint that is none, `limit` if too many are being held back.
    pub async fn delay(&self, client: &str, hint: &str) -> Result<()> {
        self.delays.hold(client, hint).await
    }
}

#[cfg(test)]
mod tests;

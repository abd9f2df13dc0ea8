//! The policy as a plugin writes it, made ready for use.

use std::collections::HashMap;

use hangar_core::{Error, Result};
use http::HeaderName;
use serde::Deserialize;

use crate::address::Network;
use crate::windows::Windows;
use crate::{Asked, address};

/// Rules of one policy.
const MAX_RULES: usize = 1_000;

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Policy {
    #[serde(default)]
    proxy_headers: Vec<String>,
    #[serde(default)]
    proxy_leftmost: bool,
    #[serde(default)]
    privileged_networks: Vec<String>,
    #[serde(default)]
    unlimited_networks: Vec<String>,
    #[serde(default)]
    limits: Vec<Limit>,
}

/// How often something may be asked for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limit {
    /// `METHOD /path`, `/path`, either ending in `/` for all below, or a label that plugins count under.
    pub label: String,
    /// For whom it holds.
    #[serde(default)]
    pub audience: Audience,
    /// Length of a window.
    pub seconds: u32,
    /// Requests allowed in one.
    pub requests: u32,
}

/// Whom a limit holds for.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum Audience {
    /// Everybody.
    #[default]
    All,
    /// Those without an identity.
    Guests,
    /// Those with one.
    Known,
}

/// Headers by which proxies tell the client's address.
#[derive(Default)]
pub struct Proxies {
    /// In order of preference.
    pub headers: Vec<HeaderName>,
    /// Whether the first valid address of a list counts instead of the last.
    pub leftmost: bool,
}

/// A policy with its counters.
#[derive(Default)]
pub struct Active {
    pub proxies: Proxies,
    pub privileged_networks: Vec<Network>,
    pub unlimited_networks: Vec<Network>,
    pub limits: Vec<Limit>,
    /// Exact labels, to the limits that have them.
    exact: HashMap<String, Vec<usize>>,
    /// Limits for all below a path: method, path, limit.
    prefixes: Vec<(Option<String>, String, usize)>,
    pub windows: Windows,
}

impl Active {
    /// Reads a policy.
    pub fn parse(text: &str) -> Result<Self> {
        let policy: Policy = serde_json::from_str(text)
            .map_err(|error| Error::bad_input(format!("this is no policy: {error}")))?;
        if policy.limits.len() > MAX_RULES {
            return Err(Error::bad_input(format!(
                "a policy has at most {MAX_RULES} limits"
            )));
        }
        let mut active = Self {
            proxies: Proxies {
                // A name that is no header name is never there.
                headers: policy
                    .proxy_headers
                    .iter()
                    .filter_map(|name| HeaderName::try_from(name).ok())
                    .collect(),
                leftmost: policy.proxy_leftmost,
            },
            privileged_networks: networks(&policy.privileged_networks)?,
            unlimited_networks: networks(&policy.unlimited_networks)?,
            ..Self::default()
        };
        for (at, limit) in policy.limits.iter().enumerate() {
            active
                .exact
                .entry(limit.label.clone())
                .or_default()
                .push(at);
            let (method, path) = match limit.label.split_once(' ') {
                Some((method, path)) => (Some(method.to_owned()), path),
                None => (None, limit.label.as_str()),
            };
            if path.starts_with('/') && path.ends_with('/') {
                active.prefixes.push((method, path.to_owned(), at));
            }
        }
        active.limits = policy.limits;
        Ok(active)
    }

    /// The limit a request falls under.
    pub fn limit_for(&self, asked: &Asked<'_>, labels: &[String]) -> Option<usize> {
        let holds = |at: &usize| match self.limits[*at].audience {
            Audience::All => true,
            Audience::Guests => asked.identity.is_none(),
            Audience::Known => asked.identity.is_some(),
        };
        let exact = |label: &str| self.exact.get(label)?.iter().copied().find(holds);
        let folder = format!("{}/", asked.path);
        let below = |wanted: Option<&str>| {
            self.prefixes
                .iter()
                .filter(|(method, path, _)| method.as_deref() == wanted && folder.starts_with(path))
                .map(|(_, _, at)| *at)
                .find(holds)
        };
        // A prefix with the method goes before the path alone, even if that is told exactly.
        labels
            .iter()
            .find_map(|label| exact(label))
            .or_else(|| exact(&format!("{} {}", asked.method, asked.path)))
            .or_else(|| below(Some(asked.method)))
            .or_else(|| exact(asked.path))
            .or_else(|| below(None))
    }
}

/// What is no network matches nobody, so it must not pass silently.
fn networks(texts: &[String]) -> Result<Vec<Network>> {
    texts
        .iter()
        .map(|text| {
            address::network(text).ok_or_else(|| {
                Error::bad_input(format!("{text:?} is neither an address nor a network"))
            })
        })
        .collect()
}

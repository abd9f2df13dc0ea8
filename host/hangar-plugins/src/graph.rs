use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use hangar_core::{Error, Result};
use http::{HeaderName, HeaderValue};
use serde::Serialize;

use crate::chain::Link;
use crate::generation::Generation;
use crate::manifest::Route;

/// A service one plugin provides to others.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Service {
    Collections,
    Auth,
}

impl Service {
    pub fn interface(self) -> &'static str {
        match self {
            Self::Collections => "hangar:collections/records",
            Self::Auth => "hangar:auth/tokens",
        }
    }

    pub fn grant(self) -> &'static str {
        match self {
            Self::Collections => "collections",
            Self::Auth => "auth",
        }
    }
}

/// All plugins at one moment, with everything derived from them. Never changed, only replaced.
#[derive(Default)]
pub(crate) struct Graph {
    /// In the order of hangar.toml, which is the order of hooks of equal priority.
    plugins: Vec<Arc<Generation>>,
    routes: HashMap<String, matchit::Router<Target>>,
    hooks: HashMap<String, Vec<Subscriber>>,
    collections: Option<Arc<Generation>>,
    auth: Option<Arc<Generation>>,
    matcher: Option<Arc<Generation>>,
    deriver: Option<Arc<Generation>>,
    fallback: Option<Arc<Generation>>,
    /// Headers for every response.
    pub headers: Arc<Vec<(HeaderName, HeaderValue)>>,
}

#[derive(Clone)]
struct Target {
    generation: Arc<Generation>,
    route: Arc<Route>,
    /// How many parameters the pattern has. At the root of a tree the last one captures nothing.
    params: usize,
}

struct Subscriber {
    tags: Vec<String>,
    priority: i32,
    link: Link,
}

/// A route that matched a request.
pub struct Matched {
    /// The plugin to call.
    pub(crate) generation: Arc<Generation>,
    /// The route, as the plugin declared it.
    pub route: Arc<Route>,
    /// What its parameters captured, percent-decoded.
    pub params: Vec<String>,
}

/// One line of `hangar plugin list`.
#[derive(Clone, Debug, Serialize)]
pub struct PluginSummary {
    /// Name.
    pub name: String,
    /// Version in its manifest.
    pub version: String,
    /// SHA-256 of the component.
    pub digest: String,
    /// Counts the swaps.
    pub generation: u64,
    /// Number of routes.
    pub routes: usize,
    /// Number of subscriptions.
    pub hooks: usize,
    /// Instances waiting.
    pub idle: usize,
}

impl Graph {
    /// Derives a graph from plugins; the error names the two that collide.
    pub fn new(plugins: Vec<Arc<Generation>>) -> Result<Self> {
        let mut graph = Self::default();
        let mut owners = BTreeMap::new();
        let mut trees = Vec::new();
        for generation in &plugins {
            let routes = generation
                .manifest
                .routes
                .iter()
                .chain(&generation.registrations.routes);
            for route in routes {
                let pattern = pattern(&route.path);
                let owner =
                    owners.insert((route.method.clone(), pattern.clone()), generation.name());
                if let Some(owner) = owner {
                    return Err(Error::new(
                        "route_conflict",
                        409,
                        format!(
                            "plugin \"{}\" declares the route {} {}, which plugin \"{owner}\" already serves",
                            generation.name(),
                            route.method,
                            route.path
                        ),
                    ));
                }
                let target = Target {
                    generation: generation.clone(),
                    route: Arc::new(route.clone()),
                    params: pattern.matches("{p").count() + pattern.matches("{*").count(),
                };
                let router = graph
                    .routes
                    .entry(route.method.to_ascii_uppercase())
                    .or_default();
                if let Some((base, _)) = pattern.rsplit_once("{*") {
                    trees.push((
                        route.method.to_ascii_uppercase(),
                        base.to_owned(),
                        target.clone(),
                    ));
                }
                router.insert(pattern, target).map_err(|error| {
                    Error::new(
                        "route_conflict",
                        409,
                        format!(
                            "plugin \"{}\" declares the route {} {}, which cannot be added: {error}",
                            generation.name(),
                            route.method,
                            route.path
                        ),
                    )
                })?;
            }
            for hook in generation
                .manifest
                .hooks
                .iter()
                .chain(&generation.registrations.hooks)
            {
                graph
                    .hooks
                    .entry(hook.event.clone())
                    .or_default()
                    .push(Subscriber {
                        tags: hook.tags.clone(),
                        priority: hook.priority,
                        link: Link {
                            generation: generation.clone(),
                            handler: hook.handler.as_str().into(),
                        },
                    });
            }
            if generation.exports.find.is_some() {
                graph.collections = Some(generation.clone());
            }
            if generation.exports.authenticate.is_some() {
                graph.auth = Some(generation.clone());
            }
            if generation.exports.matching.is_some() {
                graph.matcher = Some(generation.clone());
            }
            if generation.exports.derive.is_some() {
                graph.deriver = Some(generation.clone());
            }
            if generation.manifest.fallback {
                graph.fallback = Some(generation.clone());
                graph.headers = Arc::new(headers(generation)?);
            }
        }
        for (method, base, target) in trees {
            // `/files/{path...}` has `/files/` too, unless that is a route of its own.
            let _ = graph.routes.entry(method).or_default().insert(base, target);
        }
        for subscribers in graph.hooks.values_mut() {
            subscribers.sort_by_key(|subscriber| subscriber.priority);
        }
        graph.plugins = plugins;
        Ok(graph)
    }

    /// The plugins, in order.
    pub fn plugins(&self) -> &[Arc<Generation>] {
        &self.plugins
    }

    /// The plugin of a name.
    pub fn plugin(&self, name: &str) -> Option<&Arc<Generation>> {
        self.plugins
            .iter()
            .find(|generation| generation.name() == name)
    }

    /// The plugin that serves a path, and what the path's parameters are.
    pub fn route(&self, method: &str, path: &str) -> Option<Matched> {
        let found = [method, ""]
            .into_iter()
            .find_map(|method| self.routes.get(method)?.at(path).ok())?;
        let target = found.value;
        let mut params: Vec<String> = found
            .params
            .iter()
            .map(|(_, value)| {
                percent_encoding::percent_decode_str(value)
                    .decode_utf8_lossy()
                    .into_owned()
            })
            .collect();
        // As in Go's multiplexer: a segment `%2F` is the end of a path rather than a value.
        let whole = params.len() - usize::from(target.route.path.ends_with("...}"));
        if params.iter().take(whole).any(|value| value == "/") {
            return None;
        }
        if params.len() < target.params {
            params.push(String::new());
        }
        Some(Matched {
            generation: target.generation.clone(),
            route: target.route.clone(),
            params,
        })
    }

    /// The plugin that answers what no route matches.
    pub fn fallback(&self) -> Option<&Arc<Generation>> {
        self.fallback.as_ref()
    }

    /// The plugin that serves identities.
    pub fn identities(&self) -> Option<&Arc<Generation>> {
        self.auth.as_ref()
    }

    /// The plugin that decides which clients are told of a change.
    pub fn matcher(&self) -> Option<&Arc<Generation>> {
        self.matcher.as_ref()
    }

    /// The plugin that makes blobs out of others.
    pub fn deriver(&self) -> Option<&Arc<Generation>> {
        self.deriver.as_ref()
    }

    /// The plugin that provides a service.
    pub fn provider(&self, service: Service) -> Result<Arc<Generation>> {
        let provider = match service {
            Service::Collections => &self.collections,
            Service::Auth => &self.auth,
        };
        provider.clone().ok_or_else(|| {
            Error::new(
                "unserved",
                501,
                format!("no installed plugin serves {}", service.interface()),
            )
        })
    }

    /// Whether anybody subscribes to an event for one of the tags.
    pub fn has_subscriber(&self, event: &str, tags: &[String]) -> bool {
        self.hooks
            .get(event)
            .is_some_and(|all| all.iter().any(|subscriber| subscriber.wants(tags)))
    }

    /// The handlers of an event for the tags, outermost first.
    pub fn chain(&self, event: &str, tags: &[String]) -> Vec<Link> {
        let subscribers = self.hooks.get(event).into_iter().flatten();
        subscribers
            .filter(|subscriber| subscriber.wants(tags))
            .map(|subscriber| subscriber.link.clone())
            .collect()
    }

    /// For `hangar plugin list` and the start-up message.
    pub fn summary(&self) -> Vec<PluginSummary> {
        let summarise = |generation: &Arc<Generation>| PluginSummary {
            name: generation.name().to_owned(),
            version: generation.manifest.version.clone(),
            digest: generation.digest.clone(),
            generation: generation.number,
            routes: generation.manifest.routes.len() + generation.registrations.routes.len(),
            hooks: generation.manifest.hooks.len() + generation.registrations.hooks.len(),
            idle: generation.idle(),
        };
        self.plugins.iter().map(summarise).collect()
    }
}

/// The response headers a manifest asks for, checked once.
fn headers(generation: &Generation) -> Result<Vec<(HeaderName, HeaderValue)>> {
    let parse = |(name, value): (&String, &String)| {
        let parsed = HeaderName::try_from(name)
            .ok()
            .zip(HeaderValue::try_from(value).ok());
        parsed.ok_or_else(|| {
            Error::bad_input(format!(
                "plugin \"{}\" asks for the response header {name:?}, which is not valid",
                generation.name()
            ))
        })
    };
    generation
        .manifest
        .response_headers
        .iter()
        .map(parse)
        .collect()
}

impl Subscriber {
    fn wants(&self, tags: &[String]) -> bool {
        self.tags.is_empty() || self.tags.iter().any(|tag| tags.contains(tag))
    }
}

/// The router's form of a pattern. Parameters are named by position, because the router refuses two routes that name
/// the parameter of one place differently.
fn pattern(path: &str) -> String {
    let mut position = 0;
    let segments = path.split('/').map(|segment| {
        let Some(name) = segment
            .strip_prefix('{')
            .and_then(|rest| rest.strip_suffix('}'))
        else {
            return segment.replace('{', "{{").replace('}', "}}");
        };
        position += 1;
        match name {
            // The end of the path, as in Go's patterns.
            "$" => String::new(),
            _ if name.ends_with("...") => format!("{{*p{position}}}"),
            _ => format!("{{p{position}}}"),
        }
    });
    segments.collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::pattern;

    #[test]
    fn patterns_are_named_by_position() {
        for (given, expected) in [
            ("/api/health", "/api/health"),
            (
                "/api/collections/{collection}/records/{id}",
                "/api/collections/{p1}/records/{p2}",
            ),
            ("/hello/{rest...}", "/hello/{*p1}"),
            ("/hello/{$}", "/hello/"),
        ] {
            assert_eq!(pattern(given), expected);
        }
    }
}

//! Names to checked addresses. The connector asks only here, so a name that resolves differently a moment later
//! (DNS rebinding) still leads to an address that was checked.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::address::{Reach, reach};

/// Looks a name up: the system's resolver, or a table in tests.
pub(crate) type Lookup = Arc<dyn Fn(String) -> LookingUp + Send + Sync>;
type LookingUp = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;

/// The resolver of the operating system.
pub(crate) fn system() -> Lookup {
    Arc::new(|name| {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name, 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    })
}

/// Why a name could not be used, although it resolved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refused(pub(crate) Reach);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name leads to no address that may be reached")
    }
}

impl std::error::Error for Refused {}

/// Gives only addresses that may be reached.
pub(crate) struct Guarded {
    pub(crate) private: bool,
    pub(crate) lookup: Lookup,
}

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let private = self.private;
        let found = (self.lookup)(name.as_str().to_owned());
        Box::pin(async move {
            let allowed = permitted(found.await?, private)?;
            // The connector puts the URL's port in place of 0.
            let addresses = allowed.into_iter().map(|ip| SocketAddr::new(ip, 0));
            Ok(Box::new(addresses) as Addrs)
        })
    }
}

/// Those that may be reached; an error if there are some and none may.
fn permitted(found: Vec<IpAddr>, private: bool) -> Result<Vec<IpAddr>, Refused> {
    let (allowed, refused): (Vec<IpAddr>, Vec<IpAddr>) = found
        .into_iter()
        .partition(|address| check(*address, private).is_ok());
    match refused.first() {
        Some(address) if allowed.is_empty() => Err(Refused(reach(*address))),
        _ => Ok(allowed),
    }
}

/// Whether this address may be reached.
pub(crate) fn check(address: IpAddr, private: bool) -> Result<(), Refused> {
    match reach(address) {
        Reach::Public => Ok(()),
        Reach::Private if private => Ok(()),
        refused => Err(Refused(refused)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(list: &[&str]) -> Vec<IpAddr> {
        list.iter()
            .map(|a| a.parse().expect("an address"))
            .collect()
    }

    #[test]
    fn only_checked_addresses_come_through() {
        let mixed = addresses(&["10.0.0.1", "1.1.1.1", "::ffff:127.0.0.1", "2606:4700::1111"]);
        assert_eq!(
            permitted(mixed.clone(), false),
            Ok(addresses(&["1.1.1.1", "2606:4700::1111"]))
        );
        assert_eq!(permitted(mixed.clone(), true), Ok(mixed));
        assert_eq!(
            permitted(addresses(&["127.0.0.1"]), false),
            Err(Refused(Reach::Private))
        );
        assert_eq!(
            permitted(addresses(&["0.0.0.0"]), true),
            Err(Refused(Reach::Never))
        );
        assert_eq!(permitted(vec![], false), Ok(vec![]));
    }

    #[tokio::test]
    async fn a_name_is_checked_each_time_it_is_resolved() {
        let answers = Arc::new(std::sync::Mutex::new(addresses(&["127.0.0.1", "1.1.1.1"])));
        let lookup: Lookup = Arc::new(move |_| {
            let next = answers.lock().expect("not poisoned").pop();
            Box::pin(async move { Ok(next.into_iter().collect()) })
        });
        let resolver = Guarded {
            private: false,
            lookup,
        };
        let name = || "rebinding.test".parse::<Name>().expect("a name");
        let first: Vec<SocketAddr> = resolver.resolve(name()).await.expect("public").collect();
        assert_eq!(first, [SocketAddr::new(addresses(&["1.1.1.1"])[0], 0)]);
        let second = resolver
            .resolve(name())
            .await
            .err()
            .expect("private the second time");
        assert_eq!(
            second.downcast_ref::<Refused>(),
            Some(&Refused(Reach::Private))
        );
    }
}

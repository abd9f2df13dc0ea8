//! Whose text is compiled, and what it may name.

use crate::error::{Error, ErrorKind};
use crate::terms::unresolved;

/// Whose text a filter or sort list is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// A collection's rule: everything is allowed.
    Rule,
    /// The request's `filter` or `sort`. Unless it is a superuser's: no hidden fields, no `@request.*` and
    /// `@collection.*`, the list rule of every collection crossed applies, emails match only where they are visible.
    Client {
        /// The request carries a superuser's token.
        superuser: bool,
    },
    /// The `filter` of a superuser's subscription: as a client's, but it may name `@request.*` and `@collection.*`.
    Subscription,
    /// The `filter` or `sort` of a list of what are no records (collections, entries of the log): their fields and macros,
    /// without modifiers, `@request.*` and `@collection.*`.
    Plain,
}

impl Scope {
    /// Whether only what a client may see counts.
    pub(crate) fn restricted(self) -> bool {
        matches!(
            self,
            Scope::Client { superuser: false } | Scope::Subscription
        )
    }

    /// Whether a name may stand here at all.
    pub(crate) fn check(self, name: &str) -> Result<(), Error> {
        let far = name.starts_with("@request.") || name.starts_with("@collection.");
        match self {
            Scope::Client { superuser: false } if far => Err(Error {
                kind: ErrorKind::Forbidden,
                message: format!("only superusers can use {name}"),
            }),
            Scope::Plain if far || name.contains(':') => Err(unresolved(name)),
            _ => Ok(()),
        }
    }
}

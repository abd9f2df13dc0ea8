//! Whose text is compiled, and what it may name.

use crate::error::Error;

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
    /// The `filter` or `sort` of a list of what are no records (collections, entries of the log): their fields and macros,
    /// without modifiers, `@request.*` and `@collection.*`.
    Plain,
}

impl Scope {
    pub(crate) fn restricted(self) -> bool {
        self == Scope::Client { superuser: false }
    }

    /// Whether a name means anything here at all.
    pub(crate) fn check(self, name: &str) -> Result<(), Error> {
        let far = name.starts_with("@request.") || name.starts_with("@collection.");
        if self == Scope::Plain && (far || name.contains(':')) {
            return Err(crate::terms::unresolved(name));
        }
        Ok(())
    }
}

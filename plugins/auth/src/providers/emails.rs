//! Verified emails that services tell elsewhere than in the user.

use super::{Doc, Unusable};

/// Where the email is.
#[derive(Debug, Clone, Copy)]
pub enum Emails {
    /// In the token's answer, under this key.
    Token(&'static str),
    /// In a list of its own.
    List {
        /// Where it is.
        place: Place,
        /// Whether it is asked only for users whose own email is none.
        only_without: bool,
        /// The user's email in the list; empty if none is good.
        read: fn(Doc<'_>) -> Result<String, Unusable>,
    },
}

/// Where a list of emails is.
#[derive(Debug, Clone, Copy)]
pub enum Place {
    /// Below the user.
    BelowUser(&'static str),
    /// At the service, wherever the user is read.
    At(&'static str),
}

/// The emails of GitHub.
pub const GITHUB: Emails = Emails::List {
    place: Place::BelowUser("/emails"),
    only_without: false,
    read: primary_verified,
};
/// The emails of Gitea and Forgejo.
pub const GITEA: Emails = GITHUB;
/// The emails of Bitbucket.
pub const BITBUCKET: Emails = Emails::List {
    place: Place::BelowUser("/emails"),
    only_without: false,
    read: bitbucket,
};
/// The emails of Gitee, which shows a sentence for those of private users.
pub const GITEE: Emails = Emails::List {
    place: Place::At("https://gitee.com/api/v5/emails"),
    only_without: true,
    read: gitee,
};

fn first(
    list: Vec<Doc<'_>>,
    good: fn(Doc<'_>) -> Result<bool, Unusable>,
) -> Result<String, Unusable> {
    for item in list {
        if good(item)? {
            return item.text("email");
        }
    }
    Ok(String::new())
}

fn primary_verified(doc: Doc<'_>) -> Result<String, Unusable> {
    first(doc.items()?, |item| {
        Ok(item.flag("primary")? && item.flag("verified")?)
    })
}

fn bitbucket(doc: Doc<'_>) -> Result<String, Unusable> {
    first(doc.list("values")?, |item| {
        Ok(item.flag("is_primary")? && item.flag("is_confirmed")?)
    })
}

fn gitee(doc: Doc<'_>) -> Result<String, Unusable> {
    first(doc.items()?, |item| {
        let mut primary = false;
        for scope in item.list("scope")? {
            primary |= scope.is_text("primary");
        }
        Ok(primary && item.text("state")? == "confirmed")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn email(emails: Emails, list: Value) -> Result<String, Unusable> {
        let Emails::List { read, .. } = emails else {
            panic!("a list")
        };
        read(Doc::new(&list))
    }

    #[test]
    fn only_primary_and_verified_emails_count() {
        let list = json!([
            {"email": "a@b.c", "primary": false, "verified": true},
            {"email": "d@e.f", "primary": true, "verified": false},
            {"email": "g@h.i", "primary": true, "verified": true},
        ]);
        assert_eq!(email(GITHUB, list).as_deref(), Ok("g@h.i"));
        assert_eq!(email(GITHUB, json!([])).as_deref(), Ok(""));
        assert!(email(GITHUB, json!({"message": "no"})).is_err());
        let list = json!({"values": [
            {"email": "a@b.c", "is_primary": true},
            {"email": "d@e.f", "is_primary": true, "is_confirmed": true},
        ]});
        assert_eq!(email(BITBUCKET, list).as_deref(), Ok("d@e.f"));
        let list = json!([
            {"email": "a@b.c", "state": "confirmed", "scope": ["committed"]},
            {"email": "b@b.c", "state": "unconfirmed", "scope": ["primary"]},
            {"email": "d@e.f", "state": "confirmed", "scope": ["x", "primary"]},
        ]);
        assert_eq!(email(GITEE, list).as_deref(), Ok("d@e.f"));
    }
}

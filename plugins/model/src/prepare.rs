//! What the server does to a collection before it is validated and saved.

use crate::collection::Collection;
use crate::ids::{Random, collection_id, secret};

impl Collection {
    /// Fills in what the client left out and forces what must hold: default id, system fields, index tables, system
    /// indexes, superusers' options, dates. A changed `authRule` gives a new secret for auth tokens, which logs everyone
    /// out. `taken` tells whether a collection id is in use; `now` is a canonical date.
    pub fn prepare(
        &mut self,
        old: Option<&Collection>,
        taken: &dyn Fn(&str) -> bool,
        now: &str,
        random: &mut dyn Random,
    ) {
        if self.id.is_empty() {
            let base = collection_id(self.kind.name(), &self.name);
            self.id.clone_from(&base);
            for suffix in 2.. {
                if !taken(&self.id) {
                    break;
                }
                self.id = format!("{base}{suffix}");
            }
        }
        self.init_fields();
        self.retarget_indexes();
        let suffix = self.id.clone();
        self.init_indexes(&suffix);
        let superusers = self.is_superusers();
        let fields = &self.fields;
        let known = |name: &str| fields.iter().any(|field| field.name == name);
        if let Some(auth) = &mut self.auth {
            if superusers {
                auth.oauth2.enabled = false;
                auth.password_auth.enabled = true;
                auth.mfa.enabled |= auth.otp.enabled;
            }
            let mapped = &mut auth.oauth2.mapped_fields;
            for name in [
                &mut mapped.id,
                &mut mapped.name,
                &mut mapped.username,
                &mut mapped.avatar_url,
            ] {
                if !known(name) {
                    name.clear();
                }
            }
            if let Some(before) = old.and_then(|old| old.auth.as_ref())
                && before.auth_rule != auth.auth_rule
            {
                auth.auth_token.secret = secret(random);
            }
        }
        if old.is_none() {
            self.created = now.to_owned();
        }
        self.updated = now.to_owned();
    }
}

//! What every successful login ends with: checks, hooks, second factor, token and record.

use hangar_failure::{Answer, Failure};
use hangar_filter::Request as FilterRequest;
use hangar_model::picker::Picker;
use hangar_model::{ApiError, json};
use hangar_sdk::collections;
use hangar_sdk::http::{Request, Response};
use serde_json::{Map, Value};

use crate::accounts::Accounts;
use crate::body::Body;
use crate::events::{self, Patch};
use crate::identity::Identity;
use crate::record::Record;
use crate::{access, mfa, origins};

const RULE_UNMET: &str = "The request doesn't satisfy the collection requirements to authenticate.";

/// A login about to be answered.
pub struct Login<'a> {
    /// The request.
    pub request: &'a Request,
    /// Who sent it.
    pub identity: Option<&'a Identity>,
    /// Its body.
    pub body: &'a Body,
    /// `@request.context`.
    pub context: &'static str,
    /// How the record has authenticated; empty where that does not count as a factor.
    pub method: &'static str,
    /// Where the record is from.
    pub accounts: &'a Accounts,
    /// Who logs in.
    pub record: Record,
    /// The new token.
    pub token: String,
}

impl Login<'_> {
    /// `{"record":…,"token":…}`, unless something stands against it.
    pub fn respond(self) -> Answer {
        self.respond_with(Value::Null)
    }

    /// The same, with `meta` in the answer.
    pub fn respond_with(mut self, meta: Value) -> Answer {
        self.check_network()?;
        self.check_rule()?;
        let event = "onRecordAuthRequest";
        let tags = tags(self.accounts);
        if !events::wanted(event, &tags) {
            return self.finish(&[], meta);
        }
        let document = self.document(&meta)?;
        events::around(
            event,
            &tags,
            || Ok(document),
            |patches| self.finish(patches, meta),
        )
    }

    /// What `@request.*` stands for.
    pub fn filter_request(&self) -> FilterRequest {
        access::filter_request(self.request, self.identity, self.context, &self.body.values)
    }

    /// Superusers may be bound to networks.
    fn check_network(&self) -> Result<(), Failure> {
        if self.accounts.collection.is_superusers() && !hangar_sdk::guard::privileged_may_come() {
            return Err(ApiError::forbidden("").into());
        }
        Ok(())
    }

    fn check_rule(&self) -> Result<(), Failure> {
        // A rule that cannot be compiled any longer is one that nobody meets.
        let unmet = |failure| match failure {
            Failure::Api(_) => Ok(false),
            failure => Err(failure),
        };
        if self.identity.is_some_and(|identity| identity.superuser) {
            return Ok(());
        }
        let met = match self.accounts.options.auth_rule.as_deref() {
            None => false,
            Some(rule) if rule.trim().is_empty() => true,
            Some(rule) => access::meets(
                &self.accounts.collection,
                self.record.id(),
                rule,
                &self.filter_request(),
            )
            .or_else(unmet)?,
        };
        if met {
            Ok(())
        } else {
            Err(ApiError::forbidden(RULE_UNMET).into())
        }
    }

    fn document(&self, meta: &Value) -> hangar_sdk::Result<Value> {
        Ok(serde_json::json!({
            "record": self.record.document(&self.accounts.collection),
            "isNew": false,
            "original": {},
            "request": events::request_document(self.request, self.context, &self.body.values)?,
            "token": self.token,
            "meta": meta,
            "authMethod": self.method,
        }))
    }

    fn finish(&mut self, patches: &[Patch], mut meta: Value) -> Answer {
        self.record.apply(patches);
        for patch in patches {
            if let Some(token) = patch.event.get("token").and_then(Value::as_str) {
                self.token = token.to_owned();
            }
            if let Some(value) = patch.event.get("meta") {
                meta = value.clone();
            }
        }
        if let Some(first_factor) = mfa::check(self)? {
            return Ok(first_factor);
        }
        let shown = self.shown(patches)?;
        if !self.method.is_empty() {
            origins::note(self.request, self.accounts, &self.record);
        }
        let mut answer = Map::new();
        if !meta.is_null() {
            answer.insert("meta".into(), meta);
        }
        answer.insert("record".into(), Value::Object(shown));
        answer.insert("token".into(), self.token.as_str().into());
        picked(self.request, Value::Object(answer))
    }

    /// The record as its owner sees it.
    fn shown(&self, patches: &[Patch]) -> Result<Map<String, Value>, Failure> {
        let collection = &self.accounts.collection;
        let expand = parameter(self.request, "expand");
        if !expand.is_empty() || events::wanted("onRecordEnrich", &tags(self.accounts)) {
            return self.presented(&expand);
        }
        Ok(self.record.shown(collection, patches))
    }

    /// The same through the collections plugin, which knows relations and raises the enrich event.
    fn presented(&self, expand: &str) -> Result<Map<String, Value>, Failure> {
        let collection = &self.accounts.collection;
        let records = Value::Array(vec![Value::Object(self.record.document(collection))]);
        let options = serde_json::json!({
            "expand": expand,
            "showEmails": true,
            "viewer": {
                "subject": crate::identity::subject(&collection.id, self.record.id()),
                "superuser": collection.is_superusers(),
                "collection": {"id": collection.id, "name": collection.name},
                "record": self.record.without_secrets(collection),
            },
        });
        let text =
            collections::present(&collection.id, &records.to_string(), &options.to_string())?;
        let mut shown: Vec<Map<String, Value>> =
            serde_json::from_str(&text).map_err(hangar_sdk::Error::from)?;
        shown.pop().ok_or_else(|| {
            Failure::Host(hangar_sdk::Error::internal(
                "the collections plugin presented no record where one was given",
            ))
        })
    }
}

/// An answer, narrowed by `?fields=`.
pub fn picked(request: &Request, mut answer: Value) -> Answer {
    let fields = parameter(request, "fields");
    let picker = Picker::parse(&fields).map_err(|_| ApiError::bad_request(""))?;
    if let Some(picker) = picker {
        picker.pick(&mut answer);
    }
    Ok(Response::json(200, json::to_json(&answer)))
}

/// `[name, id]`: the tags of the collection's events.
pub fn tags(accounts: &Accounts) -> [String; 2] {
    [
        accounts.collection.name.clone(),
        accounts.collection.id.clone(),
    ]
}

/// The first value of a query parameter; empty if there is none.
pub fn parameter(request: &Request, wanted: &str) -> String {
    if request.query.is_empty() {
        return String::new();
    }
    let pairs = hangar_sdk::form::query(&request.query);
    pairs
        .into_iter()
        .find_map(|(name, value)| (name == wanted).then_some(value))
        .unwrap_or_default()
}

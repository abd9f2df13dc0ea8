//! The record behind a user of a service: found, or made, and linked.

use hangar_failure::Failure;
use hangar_model::system::EXTERNAL_AUTHS;
use hangar_model::{ApiError, FieldType, messages, sql, value, value_rules};
use hangar_sdk::http::Request;
use hangar_sdk::{Error, Result, collections, postgres};
use serde_json::{Map, Value, json};

use super::user::User;
use super::{Client, avatar};
use crate::access::FAILED;
use crate::accounts::{Accounts, Lookup};
use crate::events;
use crate::identity::Identity;
use crate::record::Record;

/// The record of a user: the linked one, else the one that is logged in, else the one with the user's email.
pub fn find(
    accounts: &Accounts,
    client: &Client,
    user: &User,
    identity: Option<&Identity>,
) -> Result<Option<Record>> {
    let collection = &accounts.collection;
    if let Some(id) = linked(accounts, client, user)?
        && let Some(record) = Record::find(collection, &id)?
    {
        return Ok(Some(record));
    }
    if let Some(identity) = identity.filter(|identity| identity.collection.id == collection.id)
        && let Some(record) = Record::find(collection, identity.record_id())?
    {
        return Ok(Some(record));
    }
    let email = &user.profile.email;
    let Some(lookup) = Lookup::of(collection, "email").filter(|_| !email.is_empty()) else {
        return Ok(None);
    };
    match first_text(lookup.sql, vec![email.as_str().into()])? {
        Some(id) => Record::find(collection, &id),
        None => Ok(None),
    }
}

/// Id of the record the user is linked to.
fn linked(accounts: &Accounts, client: &Client, user: &User) -> Result<Option<String>> {
    let sql = format!(
        "SELECT \"recordRef\" FROM {} WHERE \"collectionRef\" = $1::text AND \"provider\" = $2::text \
         AND \"providerId\" = $3::text LIMIT 1",
        sql::table(EXTERNAL_AUTHS)
    );
    let params = [
        &accounts.collection.id,
        &client.settings.name,
        &user.profile.id,
    ];
    first_text(sql, params.map(|text| text.as_str().into()).to_vec())
}

fn first_text(sql: String, params: Vec<postgres::Value>) -> Result<Option<String>> {
    let rows = postgres::query(sql, params)?;
    let value = rows.rows.first().and_then(|row| row.first());
    Ok(value.and_then(Value::as_str).map(str::to_owned))
}

/// A login whose record is about to be linked.
pub struct Linking<'a> {
    /// The request.
    pub request: &'a Request,
    /// Where the record is, or will be.
    pub accounts: &'a Accounts,
    /// The service.
    pub client: &'a Client<'a>,
    /// Who is logged in.
    pub identity: Option<&'a Identity>,
    /// The service's user.
    pub user: &'a User,
    /// What the client wants in a new record.
    pub create: &'a Map<String, Value>,
}

impl Linking<'_> {
    /// Links the record, or a new one: all of it happens, or nothing. Answers the record and whether it is new.
    ///
    /// # Errors
    /// What the client is answered instead.
    pub fn finish(&self, found: Option<Record>) -> Result<(Record, bool), Failure> {
        let is_new = found.is_none();
        let mapped = &self.accounts.options.oauth2.mapped_fields.avatar_url;
        // Before the transaction, which shall not wait for other servers.
        let picture = if is_new && !self.create.contains_key(mapped) {
            avatar::take(self.accounts, self.user)
        } else {
            None
        };
        let id = postgres::transaction(|| {
            let id = match &found {
                None => self.make(picture),
                Some(record) => self.adopt(record).map_err(generic),
            }?;
            self.link(&id).map_err(generic)?;
            Ok(id)
        })
        .map_err(|error| match Failure::from(error) {
            Failure::Host(error) => Failure::from(generic(error)),
            api => api,
        })?;
        let record = Record::find(&self.accounts.collection, &id)?.ok_or_else(|| {
            Failure::Host(Error::internal(
                "the record that logs in has just been deleted",
            ))
        })?;
        Ok((record, is_new))
    }

    /// Creates the record as the client could, by the collection's create rule.
    fn make(&self, picture: Option<u32>) -> Result<String> {
        let collection = &self.accounts.collection;
        let mut request = events::request_document(self.request, super::CONTEXT, &Map::new())?;
        // Only the body is the new record's; the query belongs to the login.
        request["query"] = "".into();
        request["files"] = json!(picture.as_slice());
        request["randomPassword"] = json!(!self.create.contains_key("password"));
        let body = Value::Object(self.body()?);
        let text = collections::create_as(&collection.id, &body.to_string(), &request.to_string())?;
        let record = Record {
            fields: serde_json::from_str(&text)?,
        };
        if record.text("email") == self.user.profile.email && !record.flag("verified") {
            let verified = Map::from_iter([("verified".to_owned(), true.into())]);
            self.save(record.id(), verified, false).map_err(generic)?;
        }
        Ok(record.id().to_owned())
    }

    /// What a client would send: its own values, then what the service tells.
    fn body(&self) -> Result<Map<String, Value>> {
        let mut body = self.create.clone();
        let profile = &self.user.profile;
        let mapped = &self.accounts.options.oauth2.mapped_fields;
        // What the client says goes before it, whether it fits or not.
        let username = if self.create.contains_key(&mapped.username) || self.username_fits()? {
            mapped.username.as_str()
        } else {
            ""
        };
        for (name, value) in [
            (mapped.id.as_str(), &profile.id),
            (&mapped.name, &profile.name),
            (username, &profile.username),
            (&mapped.avatar_url, &profile.avatar_url),
        ] {
            let field = self.accounts.collection.field(name);
            // An address is no file; the picture comes beside the body.
            let file = field.is_some_and(|field| field.kind() == FieldType::File);
            if !name.is_empty() && !file && !body.contains_key(name) {
                body.insert(name.to_owned(), value.as_str().into());
            }
        }
        // An empty one is none.
        if body
            .get("email")
            .is_none_or(|email| value::to_text(email).is_empty())
        {
            body.insert("email".into(), profile.email.as_str().into());
        }
        Ok(body)
    }

    /// Whether the service's name for the user may stand where it shall: a login does not fail because somebody else is
    /// called so here.
    fn username_fits(&self) -> Result<bool> {
        let collection = &self.accounts.collection;
        let name = &self.accounts.options.oauth2.mapped_fields.username;
        let username = &self.user.profile.username;
        let Some(field) = collection.field(name) else {
            return Ok(true);
        };
        if field.kind() != FieldType::Text || username.is_empty() {
            return Ok(true);
        }
        if value_rules::validate(field, &username.as_str().into()).is_err() {
            return Ok(false);
        }
        match Lookup::of(collection, name) {
            Some(lookup) => Ok(first_text(lookup.sql, vec![username.as_str().into()])?.is_none()),
            None => Ok(true),
        }
    }

    /// Takes a record over for the service's user. Whoever made an unverified record may not be its owner: unless the
    /// owner is logged in, its password and its sessions end here, and its links always do: this one is made anew.
    fn adopt(&self, record: &Record) -> Result<String> {
        let mut changes = Map::new();
        let profile = &self.user.profile;
        let unverified = !record.flag("verified");
        let own = self.identity.is_some_and(|identity| {
            identity.collection.id == self.accounts.collection.id
                && identity.record_id() == record.id()
        });
        if unverified {
            self.unlink_all(record.id())?;
        }
        let mut email = record.text("email");
        if email.is_empty() && !profile.email.is_empty() {
            email = &profile.email;
            changes.insert("email".into(), email.into());
        }
        if unverified && email == profile.email {
            changes.insert("verified".into(), true.into());
        }
        let without_password = unverified && !own;
        if without_password || !changes.is_empty() {
            self.save(record.id(), changes, without_password)?;
        }
        Ok(record.id().to_owned())
    }

    fn unlink_all(&self, record: &str) -> Result<()> {
        let query = json!({
            "filter": "collectionRef = {:collection} && recordRef = {:record}",
            "params": {
                "collection": self.accounts.collection.id,
                "record": record,
            },
        });
        let links: Vec<Map<String, Value>> =
            serde_json::from_str(&collections::select(EXTERNAL_AUTHS, &query.to_string())?)?;
        for link in links {
            collections::delete(EXTERNAL_AUTHS, link["id"].as_str().unwrap_or_default())?;
        }
        Ok(())
    }

    /// Stores changes of a record; `without_password`: its password becomes one that nobody knows.
    fn save(
        &self,
        id: &str,
        mut changes: Map<String, Value>,
        without_password: bool,
    ) -> Result<()> {
        changes.insert("id".into(), id.into());
        let document = Value::Object(changes).to_string();
        let options = json!({"isNew": false, "randomPassword": without_password}).to_string();
        collections::save(&self.accounts.collection.id, &document, &options)?;
        Ok(())
    }

    fn link(&self, record: &str) -> Result<()> {
        if linked(self.accounts, self.client, self.user)?.as_deref() == Some(record) {
            return Ok(());
        }
        let document = json!({
            "collectionRef": self.accounts.collection.id,
            "recordRef": record,
            "provider": self.client.settings.name,
            "providerId": self.user.profile.id,
        });
        collections::save(EXTERNAL_AUTHS, &document.to_string(), r#"{"isNew":true}"#)?;
        Ok(())
    }
}

/// What goes wrong after the record's own creation is told in one sentence, with the errors of fields.
fn generic(error: Error) -> Error {
    let api = match Failure::from(error) {
        // What a handler says stands.
        Failure::Api(api) if api.message != messages::SOMETHING_WRONG => api,
        Failure::Api(api) => ApiError {
            message: FAILED.to_owned(),
            ..api
        },
        Failure::Host(error) => {
            if error.code != "hook_error" {
                hangar_sdk::log::error(&format!(
                    "linking a user of another service failed: {} ({})",
                    error.message, error.code
                ));
            }
            ApiError::bad_request(FAILED)
        }
    };
    Failure::Api(api).into()
}

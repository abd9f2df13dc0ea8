//! Auth collections as this plugin sees them, kept until a collection changes.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use hangar_failure::Failure;
use hangar_model::index::Index;
use hangar_model::{ApiError, AuthOptions, Collection, FieldType};
use hangar_sdk::context::transaction_marked;
use hangar_sdk::http::Request;
use hangar_sdk::{Error, Result, collections, kv, postgres};

use crate::identity::Identity;

/// Topic bumped after every change of a collection.
pub const TOPIC: &str = "collections";
/// Collections kept at once; beyond that the cache starts anew.
const MOST: usize = 1000;

/// An auth collection.
pub struct Accounts {
    /// The collection.
    pub collection: Collection,
    /// Its auth options.
    pub options: Box<AuthOptions>,
    /// Statements that find the id behind an identity, in the order they are tried.
    pub lookups: Vec<Lookup>,
    /// The statement that finds the id behind an email, whether or not that is an identity.
    pub email_lookup: Option<String>,
}

/// How an identity is looked up in one field.
pub struct Lookup {
    /// Name of the field.
    pub field: String,
    /// Takes the identity, answers the id.
    pub sql: String,
    /// Whether it takes a number.
    number: bool,
}

#[derive(Default)]
struct Cache {
    revision: u32,
    found: HashMap<String, Found>,
}

#[derive(Clone)]
enum Found {
    Accounts(Rc<Accounts>),
    /// A collection of another type.
    Other,
}

thread_local! {
    static CACHE: RefCell<Cache> = RefCell::default();
}

/// What a name or id stands for.
pub enum Kind {
    /// An auth collection.
    Auth(Rc<Accounts>),
    /// A collection whose records cannot log in.
    Other,
    /// Nothing.
    Missing,
}

/// The collection of a name (any case) or id.
pub fn get(name_or_id: &str) -> Result<Kind> {
    // In a transaction that has changed collections nothing cached holds.
    if transaction_marked(TOPIC) {
        return Ok(match load(name_or_id)? {
            Some(Found::Accounts(accounts)) => Kind::Auth(accounts),
            Some(Found::Other) => Kind::Other,
            None => Kind::Missing,
        });
    }
    let revision = kv::revisions::current(TOPIC);
    let kept = CACHE.with_borrow_mut(|cache| {
        if cache.revision != revision || cache.found.len() >= MOST {
            *cache = Cache {
                revision,
                ..Cache::default()
            };
        }
        cache.found.get(name_or_id).cloned()
    });
    let found = match kept {
        Some(found) => found,
        None => {
            let Some(found) = load(name_or_id)? else {
                return Ok(Kind::Missing);
            };
            CACHE.with_borrow_mut(|cache| cache.found.insert(name_or_id.to_owned(), found.clone()));
            found
        }
    };
    Ok(match found {
        Found::Accounts(accounts) => Kind::Auth(accounts),
        Found::Other => Kind::Other,
    })
}

/// The auth collection of a name or id, if it is one.
pub fn auth(name_or_id: &str) -> Result<Option<Rc<Accounts>>> {
    Ok(match get(name_or_id)? {
        Kind::Auth(accounts) => Some(accounts),
        Kind::Other | Kind::Missing => None,
    })
}

/// The collection of a path and who asks, who must be a record of it.
///
/// # Errors
/// 404 for an unknown collection, 401 for a guest, 403 for a record of another collection.
pub fn own(request: &Request, name_or_id: &str) -> Result<(Rc<Accounts>, Identity), Failure> {
    let kind = get(name_or_id)?;
    if matches!(kind, Kind::Missing) {
        return Err(ApiError::not_found(crate::NO_COLLECTION).into());
    }
    let Some(identity) = Identity::of(request)? else {
        return Err(ApiError::unauthorized("").into());
    };
    match kind {
        Kind::Auth(accounts) if accounts.collection.id == identity.collection.id => {
            Ok((accounts, identity))
        }
        _ => {
            let message = format!(
                "The request requires auth record from {} collection.",
                identity.collection.name
            );
            Err(ApiError::forbidden(&message).into())
        }
    }
}

fn load(name_or_id: &str) -> Result<Option<Found>> {
    let text = match collections::collection(name_or_id) {
        Ok(text) => text,
        Err(error) if error.code == "not_found" => return Ok(None),
        Err(error) => return Err(error),
    };
    let collection = Collection::from_storage(&text).map_err(|error| {
        Error::internal(format!(
            "the collection {name_or_id} cannot be read: {}",
            error.0
        ))
    })?;
    Ok(Some(
        Accounts::new(collection)
            .map_or(Found::Other, |accounts| Found::Accounts(Rc::new(accounts))),
    ))
}

impl Accounts {
    /// `None` for a collection that is not of type auth.
    pub fn new(collection: Collection) -> Option<Self> {
        let options = collection.auth.clone()?;
        let lookups = lookups(&collection, &options.password_auth.identity_fields);
        let email_lookup = collection
            .unique_index("email")
            .map(|index| lookup(&collection, "email", &index).sql);
        Some(Self {
            collection,
            options,
            lookups,
            email_lookup,
        })
    }
}

/// The email is tried first, wherever it stands. Only fields with a unique index of their own are looked up: without
/// one an identity could mean several records.
fn lookups(collection: &Collection, fields: &[String]) -> Vec<Lookup> {
    let email_first = fields
        .iter()
        .filter(|field| *field == "email")
        .chain(fields.iter().filter(|field| *field != "email"));
    email_first
        .filter(|name| collection.field(name).is_some())
        .filter_map(|name| Lookup::of(collection, name))
        .collect()
}

impl Lookup {
    /// How a field is looked up; none without a unique index of its own.
    pub fn of(collection: &Collection, field: &str) -> Option<Self> {
        Some(lookup(collection, field, &collection.unique_index(field)?))
    }

    /// What was typed, as the statement takes it; none for what no value of the field can be.
    pub fn parameter(&self, identity: &str) -> Option<postgres::Value> {
        if !self.number {
            return Some(identity.into());
        }
        let number: f64 = identity.trim_ascii().parse().ok()?;
        number.is_finite().then_some(postgres::Value::Float(number))
    }
}

fn lookup(collection: &Collection, field: &str, index: &Index) -> Lookup {
    let table = hangar_model::sql::table(&collection.name);
    let column = hangar_model::sql::ident(field);
    let definition = collection.field(field);
    let number = definition.is_some_and(|field| field.kind() == FieldType::Number);
    let text =
        definition.is_none_or(|field| hangar_model::sql::column_type(field).starts_with("text"));
    let folded = index
        .columns
        .first()
        .is_some_and(|column| column.is_nocase());
    // The second condition is what the index on email is restricted to; without it that index could not be used.
    let condition = if number {
        format!("{column} = $1::float8")
    } else if !text {
        // A date or a list names nobody, but must not keep the other fields from being tried.
        format!("{column}::text = $1::text")
    } else if folded {
        format!("lower({column}) = lower($1::text COLLATE \"C\") AND {column} <> ''")
    } else {
        format!("{column} = $1::text AND {column} <> ''")
    };
    Lookup {
        field: field.to_owned(),
        sql: format!("SELECT \"id\" FROM {table} WHERE {condition} LIMIT 1"),
        number,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn users(indexes: &[&str], identity_fields: &[&str]) -> Accounts {
        let text = serde_json::json!({
            "id": "_pb_users_auth_", "name": "users", "type": "auth", "indexes": indexes,
            "fields": [{"name": "id", "type": "text"}, {"name": "email", "type": "email"}, {"name": "name", "type": "text"},
                {"name": "phone", "type": "number"}, {"name": "born", "type": "date"}],
            "passwordAuth": {"enabled": true, "identityFields": identity_fields},
        });
        let collection = Collection::from_storage(&text.to_string()).expect("a collection");
        Accounts::new(collection).expect("an auth collection")
    }

    #[test]
    fn email_is_tried_first_and_unindexed_fields_never() {
        let accounts = users(
            &[
                "CREATE UNIQUE INDEX `a` ON `users` (`name` COLLATE NOCASE)",
                "CREATE UNIQUE INDEX `b` ON `users` (`email`)",
            ],
            &["name", "email", "id"],
        );
        let fields: Vec<&str> = accounts
            .lookups
            .iter()
            .map(|lookup| lookup.field.as_str())
            .collect();
        assert_eq!(fields, ["email", "name"]);
        assert!(
            accounts.lookups[0]
                .sql
                .contains("WHERE \"email\" = $1::text AND"),
            "{}",
            accounts.lookups[0].sql
        );
        assert!(
            accounts.lookups[1]
                .sql
                .contains("lower(\"name\") = lower($1::text"),
            "{}",
            accounts.lookups[1].sql
        );
    }

    #[test]
    fn fields_that_are_no_texts_are_asked_for_what_they_hold() {
        let accounts = users(
            &[
                "CREATE UNIQUE INDEX `a` ON `users` (`phone`)",
                "CREATE UNIQUE INDEX `b` ON `users` (`born`)",
            ],
            &["phone", "born"],
        );
        let [phone, born] = accounts.lookups.as_slice() else {
            panic!("two lookups");
        };
        assert!(phone.sql.contains("\"phone\" = $1::float8 LIMIT"));
        assert!(born.sql.contains("\"born\"::text = $1::text LIMIT"));
        let number = |typed: &str| match phone.parameter(typed) {
            Some(postgres::Value::Float(number)) => Some(number),
            _ => None,
        };
        assert_eq!(number(" 1.50"), Some(1.5));
        assert_eq!(number("12345.0"), Some(12_345.0));
        for typed in ["", "ann", "1_0", "0x10", "inf", "NaN"] {
            assert_eq!(number(typed), None, "{typed}");
        }
        assert!(matches!(
            born.parameter("ann"),
            Some(postgres::Value::Text(_))
        ));
    }

    #[test]
    fn an_index_of_several_columns_does_not_count() {
        assert!(
            users(
                &["CREATE UNIQUE INDEX `a` ON `users` (`name`, `email`)"],
                &["name"]
            )
            .lookups
            .is_empty()
        );
    }
}

//! Writing collections: validation, tables and metadata in one transaction.

use hangar_failure::{Failure, Outcome};
use hangar_model::ddl::{self, Statement};
use hangar_model::validate::{Checks, validate};
use hangar_model::{ApiError, Collection};
use hangar_sdk::postgres::{self, Value};
use hangar_sdk::{context, kv};

use crate::catalog::{self, Catalog, TOPIC};
use crate::random::HostRandom;
use crate::records::{ended, write};
use crate::schema::dependents::{self, Readers};
use crate::schema::{failed_message, kept_views, policies, views};

/// Runs a change of collections in a transaction. Changes wait for each other, across nodes too. After the commit every
/// instance reads collections anew.
///
/// # Errors
/// Those of the work, which is then undone.
pub fn change<T>(work: impl FnOnce() -> Outcome<T>) -> Outcome<T> {
    write::transaction(|| {
        postgres::query(
            "SELECT pg_advisory_xact_lock(hashtext('hangar_collections.collections'))",
            vec![],
        )?;
        context::mark_transaction(TOPIC)?;
        // The host repeats it when the transaction has ended, and before what `work` leaves for that moment: handlers of
        // after-events know the collection.
        kv::revisions::bump(TOPIC);
        policies::release_views()?;
        let value = work()?;
        policies::settle()?;
        Ok(value)
    })
}

/// Checks a prepared collection against all that are stored. `pending` are collections that will be stored in the same
/// change, under their new definitions; `view` is what is wrong with the query of a view.
///
/// # Errors
/// 400 with what is wrong.
pub fn check(
    catalog: &Catalog,
    pending: &[Collection],
    new: &Collection,
    old: Option<&Collection>,
    view: Option<&str>,
) -> Outcome<()> {
    let mut known: Vec<&Collection> = pending.iter().filter(|other| other.id != new.id).collect();
    for entry in catalog.all() {
        if !pending.iter().any(|other| other.id == entry.id) {
            known.push(entry);
        }
    }
    // Rules are read with the collection as it will be.
    let future = known
        .iter()
        .filter(|other| other.id != new.id)
        .map(|other| (**other).clone());
    let future = Catalog::new(0, future.chain([new.clone()]).collect());
    let rule = |collection: &Collection, rule: &str| {
        let entry = future
            .get(&collection.id)
            .ok_or("the collection is not known")?;
        hangar_filter::validate(&future, &entry.filter, rule).map_err(|error| error.message)
    };
    validate(
        new,
        old,
        &Checks {
            stored: &known,
            imported: !pending.is_empty(),
            rule: &rule,
            view,
        },
        &mut HostRandom,
    )
    .map_err(|errors| ApiError::invalid(failed_message(old), errors))?;
    if old.is_none_or(|old| old.name != new.name) && is_reserved(&new.name) {
        return Err(ApiError::bad_request(&format!(
            "{} Raw error: object name reserved for internal use: {}",
            failed_message(old),
            new.name
        ))
        .into());
    }
    Ok(())
}

/// SQLite keeps these names for itself: a collection that has one could not move to PocketBase.
fn is_reserved(name: &str) -> bool {
    name.get(..7)
        .is_some_and(|start| start.eq_ignore_ascii_case("sqlite_"))
}

/// Brings the table or view to the new definition and stores the metadata. Views that read it are made anew. To be
/// called within [`change`].
///
/// # Errors
/// 400 for an index that cannot be made and for a change that would break a view; what else the database says.
pub fn save(new: &Collection, old: Option<&Collection>) -> Outcome<()> {
    // Without a change of fields every view stays as it is: PostgreSQL's follow renamed tables.
    let catalog = match old {
        Some(old) if new.is_view() || old.fields != new.fields => Some(catalog::load()?),
        None if new.is_view() => Some(catalog::load()?),
        _ => None,
    };
    let readers = match (&catalog, old) {
        (Some(catalog), Some(old)) => {
            let readers = dependents::of(catalog, &new.id);
            dependents::renew(catalog, &readers, old, new)?
        }
        _ => Readers::default(),
    };
    dependents::drop(&readers.renewed)?;
    if let (true, Some(catalog)) = (new.is_view(), &catalog) {
        let translated = views::translate(catalog, new, &new.view_sources)?.map_err(|error| {
            ApiError::bad_request(&format!("{} Raw error: \n{error}", failed_message(old)))
        })?;
        if let Some(old) = old {
            views::drop(old)?;
        }
        views::create(new, &translated.sql)?;
    } else {
        let statements =
            ddl::sync(old, new).map_err(|errors| ApiError::invalid(failed_message(old), errors))?;
        if let (Some(old), false) = (old, statements.is_empty()) {
            policies::release(old)?;
        }
        let mut held = None;
        for statement in &statements {
            if statement.retypes && held.is_none() {
                held = Some(kept_views::take(&readers.kept)?);
            }
            run(statement, new, old)?;
        }
        kept_views::put_back(&held.unwrap_or_default())?;
    }
    describe(new)?;
    dependents::restore(&readers.renewed)?;
    if new.is_auth() && old.is_some() {
        context::forget_identity(&format!("{}/", new.id));
        let secret = |collection: &Collection| {
            let auth = collection.auth.as_ref();
            auth.map(|auth| auth.auth_token.secret.clone())
        };
        if old.is_some_and(|old| secret(old) != secret(new)) {
            ended::revoke(new)?;
        }
    }
    Ok(())
}

/// Stores the metadata of a collection.
///
/// # Errors
/// What the database says.
pub fn describe(new: &Collection) -> Outcome<()> {
    let text = |text: &str| Value::Text(text.to_owned());
    postgres::query(
        "INSERT INTO hangar_collections.collections (\"id\", \"name\", \"type\", \"system\", \"created\", \"updated\", \
         \"data\") VALUES ($1, $2, $3, $4, $5::text::timestamptz, $6::text::timestamptz, $7::text::json) \
         ON CONFLICT (\"id\") DO UPDATE SET \"name\" = excluded.\"name\", \"created\" = excluded.\"created\", \
         \"updated\" = excluded.\"updated\", \"data\" = excluded.\"data\"",
        vec![
            text(&new.id),
            text(&new.name),
            text(new.kind.name()),
            Value::Boolean(new.system),
            text(&new.created),
            text(&new.updated),
            text(&new.to_storage()),
        ],
    )?;
    Ok(())
}

fn run(statement: &Statement, new: &Collection, old: Option<&Collection>) -> Outcome<()> {
    match (postgres::batch(&statement.sql), statement.index) {
        (Ok(()), _) => Ok(()),
        // Superusers are told what is wrong with their index.
        (Err(error), Some(at)) if error.sqlstate().is_some() => {
            let errors = ddl::index_failure(new, at, &error.message);
            Err(ApiError::invalid(failed_message(old), errors).into())
        }
        (Err(error), _) => Err(Failure::from(error)),
    }
}

/// Drops the table and forgets the metadata. To be called within [`change`].
///
/// # Errors
/// What the database says.
pub fn delete(collection: &Collection) -> Outcome<()> {
    policies::release(collection)?;
    for statement in ddl::drop(collection) {
        postgres::batch(&statement.sql)?;
    }
    postgres::query(
        "DELETE FROM hangar_collections.collections WHERE \"id\" = $1",
        vec![Value::Text(collection.id.clone())],
    )?;
    if collection.is_auth() {
        forget_records(collection)?;
    }
    Ok(())
}

/// Removes what system collections hold about records of an auth collection, and what the host remembers of them.
///
/// # Errors
/// What the database says.
pub fn forget_records(collection: &Collection) -> Outcome<()> {
    use hangar_model::system::{AUTH_ORIGINS, EXTERNAL_AUTHS, MFAS, OTPS};
    for name in [AUTH_ORIGINS, EXTERNAL_AUTHS, MFAS, OTPS] {
        let table = hangar_model::sql::table(name);
        postgres::query(
            format!("DELETE FROM {table} WHERE \"collectionRef\" = $1"),
            vec![Value::Text(collection.id.clone())],
        )?;
    }
    context::forget_identity(&format!("{}/", collection.id));
    ended::revoke(collection)
}

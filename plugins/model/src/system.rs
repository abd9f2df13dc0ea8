//! PocketBase's system collections and the default `users`.

use crate::auth_options::MappedFields;
use crate::collection::{Collection, CollectionType, Rules};
use crate::field::{Field, FieldType};
use crate::ids::Random;
use crate::options::FieldOptions;

/// Name of the superusers' collection.
pub const SUPERUSERS: &str = "_superusers";
/// Name of the collection of OAuth2 links.
pub const EXTERNAL_AUTHS: &str = "_externalAuths";
/// Name of the collection of started multi-factor logins.
pub const MFAS: &str = "_mfas";
/// Name of the collection of one-time passwords.
pub const OTPS: &str = "_otps";
/// Name of the collection of places users logged in from.
pub const AUTH_ORIGINS: &str = "_authOrigins";
/// Id of the default `users` collection.
pub const USERS_ID: &str = "_pb_users_auth_";

const OWNER: &str = "@request.auth.id != '' && recordRef = @request.auth.id && collectionRef = @request.auth.collectionId";

/// Names no collection may have, since PocketBase keeps tables of its own under them.
pub const INTERNAL_TABLES: [&str; 4] = ["_collections", "_params", "_migrations", "_logs"];

/// The six collections of an empty installation, created a millisecond apart from `now` (Unix milliseconds) on, so that
/// they have an order by date.
pub fn collections(now: i64, random: &mut dyn Random) -> Vec<Collection> {
    let mut all = vec![
        mfas(random),
        otps(random),
        external_auths(random),
        auth_origins(random),
    ];
    all.push(superusers(random));
    all.push(users(random));
    for (at, collection) in (now..).zip(&mut all) {
        collection.prepare(None, &|_| false, &crate::date::format(at), random);
    }
    all
}

/// Puts `created` and `updated` at the end.
fn add_autodates(collection: &mut Collection, system: bool) {
    for (name, on_update) in [("created", false), ("updated", true)] {
        let mut field = Field::new(FieldType::Autodate, name);
        field.system = system;
        if let FieldOptions::Autodate(options) = &mut field.options {
            (options.on_create, options.on_update) = (true, on_update);
        }
        collection.add_field(field);
    }
}

fn system_text(name: &str) -> Field {
    let mut field = Field::new(FieldType::Text, name);
    (field.system, field.required) = (true, true);
    field
}

/// A system collection of rows that belong to an auth record.
fn owned(name: &str, fields: Vec<Field>, random: &mut dyn Random) -> Collection {
    let mut collection = Collection::new(CollectionType::Base, random);
    collection.name = name.to_owned();
    collection.system = true;
    collection.rules = Rules {
        list: Some(OWNER.to_owned()),
        view: Some(OWNER.to_owned()),
        ..Rules::default()
    };
    for field in [system_text("collectionRef"), system_text("recordRef")]
        .into_iter()
        .chain(fields)
    {
        collection.add_field(field);
    }
    add_autodates(&mut collection, true);
    collection
}

fn mfas(random: &mut dyn Random) -> Collection {
    let mut collection = owned(MFAS, vec![system_text("method")], random);
    collection.indexes = vec![
        "CREATE INDEX `idx_mfas_collectionRef_recordRef` ON `_mfas` (collectionRef,recordRef)"
            .to_owned(),
    ];
    collection
}

fn otps(random: &mut dyn Random) -> Collection {
    let mut password = Field::new(FieldType::Password, "password");
    (password.system, password.required, password.hidden) = (true, true, true);
    if let FieldOptions::Password(options) = &mut password.options {
        options.cost = 8;
    }
    let mut sent_to = Field::new(FieldType::Text, "sentTo");
    (sent_to.system, sent_to.hidden) = (true, true);
    let mut collection = owned(OTPS, vec![password, sent_to], random);
    collection.indexes = vec![
        "CREATE INDEX `idx_otps_collectionRef_recordRef` ON `_otps` (collectionRef, recordRef)"
            .to_owned(),
    ];
    collection
}

fn external_auths(random: &mut dyn Random) -> Collection {
    let mut collection = owned(
        EXTERNAL_AUTHS,
        vec![system_text("provider"), system_text("providerId")],
        random,
    );
    collection.rules.delete = Some(OWNER.to_owned());
    collection.indexes = vec![
        "CREATE UNIQUE INDEX `idx_externalAuths_record_provider` ON `_externalAuths` (collectionRef, recordRef, \
         provider)"
            .to_owned(),
        "CREATE UNIQUE INDEX `idx_externalAuths_collection_provider` ON `_externalAuths` (collectionRef, provider, \
         providerId)"
            .to_owned(),
    ];
    collection
}

fn auth_origins(random: &mut dyn Random) -> Collection {
    let mut collection = owned(AUTH_ORIGINS, vec![system_text("fingerprint")], random);
    collection.rules.delete = Some(OWNER.to_owned());
    collection.indexes = vec![
        "CREATE UNIQUE INDEX `idx_authOrigins_unique_pairs` ON `_authOrigins` (collectionRef, recordRef, fingerprint)"
            .to_owned(),
    ];
    collection
}

fn superusers(random: &mut dyn Random) -> Collection {
    let mut collection = Collection::new(CollectionType::Auth, random);
    collection.name = SUPERUSERS.to_owned();
    collection.system = true;
    if let Some(auth) = &mut collection.auth {
        auth.auth_token.duration = 86_400;
    }
    add_autodates(&mut collection, true);
    collection
}

fn users(random: &mut dyn Random) -> Collection {
    let mut collection = Collection::new(CollectionType::Auth, random);
    collection.id = USERS_ID.to_owned();
    collection.name = "users".to_owned();
    let own = || Some("id = @request.auth.id".to_owned());
    collection.rules = Rules {
        list: own(),
        view: own(),
        create: Some(String::new()),
        update: own(),
        delete: own(),
    };
    let mut name = Field::new(FieldType::Text, "name");
    if let FieldOptions::Text(options) = &mut name.options {
        options.max = 255;
    }
    let mut avatar = Field::new(FieldType::File, "avatar");
    if let FieldOptions::File(options) = &mut avatar.options {
        options.max_select = 1;
        options.mime_types = ["jpeg", "png", "svg+xml", "gif", "webp"]
            .map(|kind| format!("image/{kind}"))
            .to_vec();
    }
    collection.add_field(name);
    collection.add_field(avatar);
    add_autodates(&mut collection, false);
    if let Some(auth) = &mut collection.auth {
        auth.oauth2.mapped_fields = MappedFields {
            name: "name".to_owned(),
            avatar_url: "avatar".to_owned(),
            ..MappedFields::default()
        };
    }
    collection
}

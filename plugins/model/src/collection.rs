//! A collection: name, type, fields, rules and indexes.

use crate::auth_options::AuthOptions;
use crate::field::{Field, FieldType};
use crate::ids::Random;
use crate::options::FieldOptions;

/// The type of a collection; it never changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CollectionType {
    /// Plain records.
    Base,
    /// Records that can log in.
    Auth,
    /// Read-only rows of a query.
    View,
}

impl CollectionType {
    /// PocketBase's name of the type.
    pub fn name(self) -> &'static str {
        match self {
            Self::Base => "base",
            Self::Auth => "auth",
            Self::View => "view",
        }
    }

    /// The type of this name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Base, Self::Auth, Self::View]
            .into_iter()
            .find(|kind| kind.name() == name)
    }
}

/// The five rules every collection has. `None`: superusers only; empty: everyone; else a filter.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rules {
    /// Who may list and search.
    pub list: Option<String>,
    /// Who may view one record.
    pub view: Option<String>,
    /// Who may create.
    pub create: Option<String>,
    /// Who may update.
    pub update: Option<String>,
    /// Who may delete.
    pub delete: Option<String>,
}

impl Rules {
    /// The rules with their JSON keys.
    pub fn entries(&self) -> [(&'static str, &Option<String>); 5] {
        [
            ("listRule", &self.list),
            ("viewRule", &self.view),
            ("createRule", &self.create),
            ("updateRule", &self.update),
            ("deleteRule", &self.delete),
        ]
    }
}

/// A collection.
#[derive(Debug, Clone, PartialEq)]
pub struct Collection {
    /// Stable identifier.
    pub id: String,
    /// Name, also of the table.
    pub name: String,
    /// Base, auth or view.
    pub kind: CollectionType,
    /// System collections can be neither renamed nor deleted.
    pub system: bool,
    /// Access rules.
    pub rules: Rules,
    /// Fields in order; the first is `id`, unless the client ordered otherwise.
    pub fields: Vec<Field>,
    /// Index definitions as the client wrote them (SQLite's dialect).
    pub indexes: Vec<String>,
    /// When it was created, canonical date.
    pub created: String,
    /// When it was last saved, canonical date.
    pub updated: String,
    /// Options of auth collections; `None` for the other types.
    pub auth: Option<Box<AuthOptions>>,
    /// Query of view collections; empty for the other types.
    pub view_query: String,
    /// The collections that the query of a view reads: name as it was when the query was written, and id. Not shown.
    pub view_sources: Vec<(String, String)>,
}

impl Collection {
    /// A new collection without name and id but with what its type brings along: system fields, and for auth the
    /// standard options with fresh token secrets.
    pub fn new(kind: CollectionType, random: &mut dyn Random) -> Self {
        let mut collection = Self::blank(kind);
        if let Some(auth) = &mut collection.auth {
            **auth = AuthOptions::standard();
            auth.fill_secrets(random);
        }
        collection.init_fields();
        collection
    }

    /// A collection with nothing in it.
    pub(crate) fn blank(kind: CollectionType) -> Self {
        Self {
            id: String::new(),
            name: String::new(),
            kind,
            system: false,
            rules: Rules::default(),
            fields: Vec::new(),
            indexes: Vec::new(),
            created: String::new(),
            updated: String::new(),
            auth: (kind == CollectionType::Auth).then(Box::<AuthOptions>::default),
            view_query: String::new(),
            view_sources: Vec::new(),
        }
    }

    /// Gives it another type, with that type's options unset. Validation refuses this for a stored collection.
    pub fn convert(&mut self, kind: CollectionType) {
        let blank = Self::blank(kind);
        (self.kind, self.auth, self.view_query) = (kind, blank.auth, blank.view_query);
        if self.is_view() {
            self.fields.clear();
        }
    }

    /// Whether records can log in.
    pub fn is_auth(&self) -> bool {
        self.kind == CollectionType::Auth
    }

    /// Whether it is a read-only view.
    pub fn is_view(&self) -> bool {
        self.kind == CollectionType::View
    }

    /// Whether it is the collection of superusers.
    pub fn is_superusers(&self) -> bool {
        self.name == crate::system::SUPERUSERS
    }

    /// The field of this name.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// The field of this id.
    pub fn field_by_id(&self, id: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.id == id)
    }

    /// Whether a path segment means this collection: name in any case, or exact id.
    pub fn answers_to(&self, name_or_id: &str) -> bool {
        self.id == name_or_id || self.name.eq_ignore_ascii_case(name_or_id)
    }

    /// Adds a field, or puts it in the place of the one with the same id (without an id: the same name, whose id it
    /// takes). A missing id becomes the default one, with a number behind it if that is taken by another name.
    pub fn add_field(&mut self, mut field: Field) {
        let same = if field.id.is_empty() {
            self.fields
                .iter()
                .position(|other| other.name == field.name)
        } else {
            self.fields.iter().position(|other| other.id == field.id)
        };
        if let Some(at) = same {
            field.id.clone_from(&self.fields[at].id);
            self.fields[at] = field;
            return;
        }
        if field.id.is_empty() {
            let base = crate::ids::field_id(field.kind().name(), &field.name);
            field.id.clone_from(&base);
            for suffix in 2.. {
                if self.field_by_id(&field.id).is_none() {
                    break;
                }
                field.id = format!("{base}{suffix}");
            }
        }
        self.fields.push(field);
    }

    /// Brings missing system fields back and forces what must hold for those present. Views have none.
    pub fn init_fields(&mut self) {
        if self.is_view() {
            return;
        }
        let standard = id_field();
        let renamed = self
            .fields
            .iter()
            .any(|field| field.id == standard.id && field.name != standard.name);
        match self.fields.iter_mut().find(|field| field.name == "id") {
            Some(field) => {
                if let FieldOptions::Text(options) = &mut field.options {
                    options.primary_key = true;
                    if options.pattern.is_empty() {
                        options.pattern = ID_PATTERN.to_owned();
                    }
                    (field.system, field.required, field.hidden) = (true, true, false);
                } else {
                    self.fields.insert(0, standard);
                }
            }
            // An id field of another name is refused by validation.
            None if renamed => {}
            None => self.fields.insert(0, standard),
        }
        if self.is_auth() {
            for standard in auth_fields() {
                self.init_auth_field(standard);
            }
        }
    }

    fn init_auth_field(&mut self, standard: Field) {
        let Some(field) = self
            .fields
            .iter_mut()
            .find(|field| field.name == standard.name)
        else {
            // A renamed one has taken its id; of a stored collection validation refuses that.
            let base = standard.id.clone();
            let mut added = standard;
            for suffix in 2.. {
                if self.field_by_id(&added.id).is_none() {
                    break;
                }
                added.id = format!("{base}{suffix}");
            }
            self.fields.push(added);
            return;
        };
        if field.kind() != standard.kind() {
            let id = std::mem::take(&mut field.id);
            *field = Field { id, ..standard };
            return;
        }
        field.system = true;
        match standard.name.as_str() {
            "password" | "tokenKey" => (field.hidden, field.required) = (true, true),
            "email" => field.hidden = false,
            _ => {}
        }
    }
}

/// Pattern of record ids unless the collection says otherwise.
pub const ID_PATTERN: &str = "^[a-z0-9]+$";

/// The standard `id` field.
pub fn id_field() -> Field {
    let mut field = Field::new(FieldType::Text, "id");
    (field.system, field.required) = (true, true);
    if let FieldOptions::Text(options) = &mut field.options {
        options.autogenerate_pattern = "[a-z0-9]{15}".to_owned();
        (options.min, options.max) = (15, 15);
        options.pattern = ID_PATTERN.to_owned();
        options.primary_key = true;
    }
    field
}

/// The five system fields of auth collections, in order.
pub fn auth_fields() -> [Field; 5] {
    let mut password = Field::new(FieldType::Password, "password");
    (password.system, password.hidden, password.required) = (true, true, true);
    if let FieldOptions::Password(options) = &mut password.options {
        options.min = 8;
    }
    let mut token_key = Field::new(FieldType::Text, "tokenKey");
    (token_key.system, token_key.hidden, token_key.required) = (true, true, true);
    if let FieldOptions::Text(options) = &mut token_key.options {
        (options.min, options.max) = (30, 60);
        options.autogenerate_pattern = "[a-zA-Z0-9]{50}".to_owned();
    }
    let mut email = Field::new(FieldType::Email, "email");
    (email.system, email.required) = (true, true);
    let mut visibility = Field::new(FieldType::Bool, "emailVisibility");
    visibility.system = true;
    let mut verified = Field::new(FieldType::Bool, "verified");
    verified.system = true;
    [password, token_key, email, visibility, verified]
}

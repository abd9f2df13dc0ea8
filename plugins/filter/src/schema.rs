//! What the compiler needs to know about collections. The caller owns the model and answers look-ups.

/// Type of a collection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CollectionKind {
    /// Plain records.
    Base,
    /// Records that can authenticate.
    Auth,
    /// A read-only PostgreSQL view.
    View,
}

/// Type of a field, as in PocketBase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum FieldKind {
    Text,
    Editor,
    Email,
    Url,
    Password,
    Number,
    Bool,
    Date,
    Autodate,
    Select,
    Relation,
    File,
    Json,
    GeoPoint,
}

/// One field (one column) of a collection, `id` included.
#[derive(Clone, Debug)]
pub struct Field {
    /// Field and column name.
    pub name: String,
    /// Type.
    pub kind: FieldKind,
    /// Select, relation or file that holds several values (`maxSelect` above 1); stored as a jsonb array of texts.
    pub multiple: bool,
    /// Hidden from clients: refused in their filters and sorts, allowed to superusers and in rules.
    pub hidden: bool,
    /// Id of the collection a relation points to; empty for other kinds.
    pub target: String,
}

impl Field {
    /// A visible single-valued field.
    pub fn new(name: &str, kind: FieldKind) -> Self {
        Field {
            name: name.to_owned(),
            kind,
            multiple: false,
            hidden: false,
            target: String::new(),
        }
    }

    /// A relation to the collection with id `target`.
    pub fn relation(name: &str, target: &str, multiple: bool) -> Self {
        Field {
            multiple,
            target: target.to_owned(),
            ..Field::new(name, FieldKind::Relation)
        }
    }

    /// The field with `multiple` set.
    pub fn multiple(self) -> Self {
        Field {
            multiple: true,
            ..self
        }
    }

    /// The field with `hidden` set.
    pub fn hidden(self) -> Self {
        Field {
            hidden: true,
            ..self
        }
    }
}

/// A collection as the compiler sees it.
#[derive(Clone, Debug)]
pub struct Collection {
    /// Id, e.g. `pbc_123`.
    pub id: String,
    /// Name, also the name of its table or view.
    pub name: String,
    /// Type.
    pub kind: CollectionKind,
    /// All fields with a column, system ones (`id`, `email`, …) included.
    pub fields: Vec<Field>,
    /// `None`: superusers only; empty: everyone. Applied when a client's filter crosses into this collection.
    pub list_rule: Option<String>,
    /// Names of columns that have a UNIQUE index of their own (single column, no condition). A back relation over such
    /// a single relation field yields at most one record.
    pub unique: Vec<String>,
}

impl Collection {
    /// The field of that exact name.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }
}

/// Look-up of collections.
pub trait Schema {
    /// By name (any case) or exact id.
    fn collection(&self, name_or_id: &str) -> Option<&Collection>;
}

impl Schema for [Collection] {
    fn collection(&self, name_or_id: &str) -> Option<&Collection> {
        self.iter().find(|collection| {
            collection.id == name_or_id || collection.name.eq_ignore_ascii_case(name_or_id)
        })
    }
}

impl Schema for &[Collection] {
    fn collection(&self, name_or_id: &str) -> Option<&Collection> {
        (**self).collection(name_or_id)
    }
}

impl Schema for Vec<Collection> {
    fn collection(&self, name_or_id: &str) -> Option<&Collection> {
        self.as_slice().collection(name_or_id)
    }
}

use std::error::Error as StdError;

use bytes::BytesMut;
use postgres_types::{IsNull, ToSql, Type, to_sql_checked};

/// Marks the driver's error text when a parameter does not fit, so that it is told apart from a lost connection.
pub const MISMATCH: &str = "hangar parameter mismatch: ";

type Encoded = Result<IsNull, Box<dyn StdError + Sync + Send>>;

/// A bound parameter.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// NULL.
    Null,
    /// A boolean.
    Boolean(bool),
    /// An integer.
    Integer(i64),
    /// A floating-point number.
    Float(f64),
    /// Text; converted to the parameter's type where that has a text form we know.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
}

impl ToSql for Value {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Encoded {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Boolean(value) => match *ty {
                Type::BOOL => value.to_sql(ty, out),
                _ => self.as_text(if *value { "true" } else { "false" }, ty, out),
            },
            Self::Integer(value) => integer(*value, ty, out)
                .unwrap_or_else(|| self.as_text(itoa::Buffer::new().format(*value), ty, out)),
            Self::Float(value) => match *ty {
                Type::FLOAT8 => value.to_sql(ty, out),
                Type::FLOAT4 => (*value as f32).to_sql(ty, out),
                _ if value.fract() == 0.0 && value.abs() < 9e15 => integer(*value as i64, ty, out)
                    .unwrap_or_else(|| self.as_text(&value.to_string(), ty, out)),
                _ => self.as_text(&value.to_string(), ty, out),
            },
            Self::Text(text) => self.as_text(text, ty, out),
            Self::Bytes(bytes) => match *ty {
                Type::BYTEA => bytes.as_slice().to_sql(ty, out),
                _ => Err(mismatch("bytes", ty)),
            },
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

impl Value {
    fn as_text(&self, text: &str, ty: &Type, out: &mut BytesMut) -> Encoded {
        if text.contains('\0') {
            return Err(format!("{MISMATCH}PostgreSQL text cannot hold a NUL character").into());
        }
        match *ty {
            Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME | Type::UNKNOWN | Type::JSON => {
                out.extend_from_slice(text.as_bytes());
            }
            Type::JSONB => {
                // The version of the binary form.
                out.extend_from_slice(&[1]);
                out.extend_from_slice(text.as_bytes());
            }
            Type::BOOL => return parsed::<bool>(text, ty)?.to_sql(ty, out),
            Type::INT2 => return parsed::<i16>(text, ty)?.to_sql(ty, out),
            Type::INT4 => return parsed::<i32>(text, ty)?.to_sql(ty, out),
            Type::INT8 => return parsed::<i64>(text, ty)?.to_sql(ty, out),
            Type::OID => return parsed::<u32>(text, ty)?.to_sql(ty, out),
            Type::FLOAT4 => return parsed::<f32>(text, ty)?.to_sql(ty, out),
            Type::FLOAT8 => return parsed::<f64>(text, ty)?.to_sql(ty, out),
            Type::TIMESTAMPTZ => {
                let time: jiff::Timestamp = parsed(text, ty)?;
                // Microseconds since 2000-01-01, as the binary protocol has it.
                return (time.as_microsecond() - 946_684_800_000_000).to_sql(&Type::INT8, out);
            }
            Type::TEXT_ARRAY => {
                let list: Vec<Option<String>> = serde_json::from_str(text)
                    .map_err(|_| mismatch("text that is not a JSON array of strings", ty))?;
                return list.to_sql(ty, out);
            }
            _ => return Err(mismatch("text", ty)),
        }
        Ok(IsNull::No)
    }
}

fn integer(value: i64, ty: &Type, out: &mut BytesMut) -> Option<Encoded> {
    Some(match *ty {
        Type::INT8 => value.to_sql(ty, out),
        Type::INT4 => match i32::try_from(value) {
            Ok(value) => value.to_sql(ty, out),
            Err(_) => Err(mismatch("an integer out of range", ty)),
        },
        Type::INT2 => match i16::try_from(value) {
            Ok(value) => value.to_sql(ty, out),
            Err(_) => Err(mismatch("an integer out of range", ty)),
        },
        Type::FLOAT8 => (value as f64).to_sql(ty, out),
        Type::FLOAT4 => (value as f32).to_sql(ty, out),
        _ => return None,
    })
}

fn parsed<T: std::str::FromStr>(
    text: &str,
    ty: &Type,
) -> Result<T, Box<dyn StdError + Sync + Send>> {
    text.parse()
        .map_err(|_| mismatch("text of another form", ty))
}

fn mismatch(given: &str, ty: &Type) -> Box<dyn StdError + Sync + Send> {
    format!("{MISMATCH}a parameter of type {ty} was given {given}; cast it in the SQL, such as $1::text::{ty}")
        .into()
}

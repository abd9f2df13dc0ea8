//! Writing JSON straight from PostgreSQL's binary values.

use std::error::Error;
use std::io::Write;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::{BufMut, BytesMut};
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, accepts, to_sql_checked};

type Failure = Box<dyn Error + Sync + Send>;

/// PostgreSQL counts from 2000-01-01, Unix from 1970-01-01.
const EPOCH_DAYS: i64 = 10_957;
const DAY_MILLIS: i64 = 86_400_000;

/// A `timestamptz` in microseconds since 2000-01-01.
#[derive(Clone, Copy, Debug)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The present time, cut to milliseconds.
    pub fn now() -> Self {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Self((since.as_millis() as i64 - EPOCH_DAYS * DAY_MILLIS) * 1000)
    }

    /// `"2026-01-31 12:00:00.000Z"`, with the quotes.
    pub fn write(self, out: &mut Vec<u8>) {
        let millis = self.0.div_euclid(1000);
        let (year, month, day) = civil(millis.div_euclid(DAY_MILLIS) + EPOCH_DAYS);
        let time = millis.rem_euclid(DAY_MILLIS);
        let mut digits = *b"\"0000-00-00 00:00:00.000Z\"";
        let mut put = |at: usize, width: usize, mut value: i64| {
            for place in (at..at + width).rev() {
                digits[place] = b'0' + (value % 10) as u8;
                value /= 10;
            }
        };
        put(1, 4, year);
        put(6, 2, month);
        put(9, 2, day);
        put(12, 2, time / 3_600_000);
        put(15, 2, time / 60_000 % 60);
        put(18, 2, time / 1000 % 60);
        put(21, 3, time % 1000);
        out.extend_from_slice(&digits);
    }
}

/// Year, month and day of a day counted from 1970-01-01, in the Gregorian calendar. Years start in March here, so that
/// the leap day is the last one.
fn civil(day: i64) -> (i64, i64, i64) {
    let day = day + 719_468;
    let era = day.div_euclid(146_097);
    let of_era = day.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year + era * 400 + i64::from(month <= 2), month, day)
}

impl<'a> FromSql<'a> for Timestamp {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Failure> {
        Ok(Self(i64::from_be_bytes(raw.try_into()?)))
    }
    accepts!(TIMESTAMPTZ);
}

impl ToSql for Timestamp {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Failure> {
        out.put_i64(self.0);
        Ok(IsNull::No)
    }
    accepts!(TIMESTAMPTZ);
    to_sql_checked!();
}

/// The text of a `jsonb`; in binary form it follows a version byte.
#[derive(Debug)]
pub struct Jsonb<'a>(pub &'a str);

impl<'a> FromSql<'a> for Jsonb<'a> {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Failure> {
        let [1, text @ ..] = raw else {
            return Err("unknown version of jsonb".into());
        };
        Ok(Self(std::str::from_utf8(text)?))
    }
    accepts!(JSONB);
}

impl ToSql for Jsonb<'_> {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Failure> {
        out.put_u8(1);
        out.put_slice(self.0.as_bytes());
        Ok(IsNull::No)
    }
    accepts!(JSONB);
    to_sql_checked!();
}

/// A quoted and escaped text.
pub fn text(out: &mut Vec<u8>, text: &str) {
    serde_json::to_writer(out, text).expect("memory takes every text");
}

/// A number; whole ones without a fraction.
pub fn number(out: &mut Vec<u8>, value: f64) {
    let whole = value as i64;
    let written = if whole as f64 == value {
        write!(out, "{whole}")
    } else {
        write!(out, "{value}")
    };
    written.expect("memory takes every number");
}

/// `true` or `false`.
pub fn boolean(out: &mut Vec<u8>, value: bool) {
    out.extend_from_slice(if value { b"true" } else { b"false" });
}

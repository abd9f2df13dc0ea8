//! The measured requests.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use crate::database::{COLLECTIONS, Database, USERS};
use crate::json::{self, Jsonb, Timestamp};
use crate::token;

const PER_PAGE: usize = 30;
/// The collection whose titles get an exclamation mark, as the JavaScript hook of the other contenders gives them.
const HOOKED: &str = "bench_hooked";

type Answer = Result<Response, Failure>;
type AppState = State<Arc<Database>>;

/// Why a request has no answer.
pub enum Failure {
    Missing,
    Refused,
    Input(serde_json::Error),
    Postgres(tokio_postgres::Error),
}

impl From<tokio_postgres::Error> for Failure {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Postgres(error)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        match self {
            Self::Missing => (StatusCode::NOT_FOUND, "not found").into_response(),
            Self::Refused => (StatusCode::UNAUTHORIZED, "the token is not valid").into_response(),
            Self::Input(error) => (StatusCode::BAD_REQUEST, error.to_string()).into_response(),
            Self::Postgres(error) => {
                (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response()
            }
        }
    }
}

fn answer(body: Vec<u8>) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}

fn collection(name: &str) -> Result<usize, Failure> {
    COLLECTIONS
        .iter()
        .position(|known| *known == name)
        .ok_or(Failure::Missing)
}

/// A record as the API shows it.
struct Record<'a> {
    body: &'a str,
    created: Timestamp,
    id: &'a str,
    meta: Option<&'a str>,
    n: f64,
    published: bool,
    title: &'a str,
    updated: Timestamp,
}

impl<'a> Record<'a> {
    fn read(row: &'a Row) -> Result<Self, tokio_postgres::Error> {
        Ok(Self {
            body: row.try_get(0)?,
            created: row.try_get(1)?,
            id: row.try_get(2)?,
            meta: row.try_get::<_, Option<Jsonb<'a>>>(3)?.map(|meta| meta.0),
            n: row.try_get(4)?,
            published: row.try_get(5)?,
            title: row.try_get(6)?,
            updated: row.try_get(7)?,
        })
    }

    fn write(&self, out: &mut Vec<u8>, collection: &str) {
        out.extend_from_slice(b"{\"body\":");
        json::text(out, self.body);
        out.extend_from_slice(b",\"collectionId\":\"pbc_floor\",\"collectionName\":");
        json::text(out, collection);
        out.extend_from_slice(b",\"created\":");
        self.created.write(out);
        out.extend_from_slice(b",\"id\":");
        json::text(out, self.id);
        out.extend_from_slice(b",\"meta\":");
        out.extend_from_slice(self.meta.unwrap_or("null").as_bytes());
        out.extend_from_slice(b",\"n\":");
        json::number(out, self.n);
        out.extend_from_slice(b",\"published\":");
        json::boolean(out, self.published);
        out.extend_from_slice(b",\"title\":");
        json::text(out, self.title);
        out.extend_from_slice(b",\"updated\":");
        self.updated.write(out);
        out.push(b'}');
    }
}

/// `GET /api/health`: the server is ready once it answers.
pub async fn health() -> Response {
    answer(br#"{"code":200,"data":{},"message":"API is healthy."}"#.to_vec())
}

/// `GET /bench/hello/{name}`.
pub async fn hello(Path(name): Path<String>) -> Response {
    let mut out = Vec::with_capacity(64);
    out.extend_from_slice(b"{\"hello\":");
    json::text(&mut out, &name);
    out.push(b'}');
    answer(out)
}

/// `GET …/records/{id}`.
pub async fn view(State(database): AppState, Path((name, id)): Path<(String, String)>) -> Answer {
    let of = collection(&name)?;
    let reader = database.reader();
    let row = reader
        .client
        .query_opt(&reader.view[of], &[&id])
        .await?
        .ok_or(Failure::Missing)?;
    let mut out = Vec::with_capacity(512);
    Record::read(&row)?.write(&mut out, &name);
    Ok(answer(out))
}

/// `GET …/records`: always the measured filter and order; the count unless `skipTotal=1`.
pub async fn list(
    State(database): AppState,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
) -> Answer {
    let of = collection(&name)?;
    let reader = database.reader();
    let values: [&(dyn ToSql + Sync); 1] = [&5000f64];
    let rows = reader.client.query(&reader.list[of], &values);
    let (rows, total) = if query.is_some_and(|query| query.contains("skipTotal=1")) {
        (rows.await?, None)
    } else {
        let count = reader.client.query_one(&reader.count[of], &values);
        let (rows, count) = tokio::join!(rows, count);
        (rows?, Some(count?.try_get::<_, i64>(0)?))
    };
    let pages = total.map_or(-1, |total| (total as u64).div_ceil(PER_PAGE as u64) as i64);
    let mut out = Vec::with_capacity(512 * PER_PAGE);
    out.extend_from_slice(b"{\"items\":[");
    for (at, row) in rows.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        Record::read(row)?.write(&mut out, &name);
    }
    let total = total.unwrap_or(-1);
    out.extend_from_slice(
        format!(r#"],"page":1,"perPage":{PER_PAGE},"totalItems":{total},"totalPages":{pages}}}"#)
            .as_bytes(),
    );
    Ok(answer(out))
}

/// The body of a create request.
#[derive(Deserialize)]
struct Input<'a> {
    id: Option<String>,
    title: String,
    body: String,
    n: f64,
    published: bool,
    #[serde(borrow)]
    meta: Option<&'a RawValue>,
}

/// Fifteen letters and digits, as PocketBase makes them.
fn new_id() -> String {
    let mut random: u128 = rand::random();
    let letter = |_| {
        let letter = b"abcdefghijklmnopqrstuvwxyz0123456789"[(random % 36) as usize] as char;
        random /= 36;
        letter
    };
    (0..15).map(letter).collect()
}

/// `POST …/records`.
pub async fn create(State(database): AppState, Path(name): Path<String>, body: Bytes) -> Answer {
    let of = collection(&name)?;
    let mut input: Input = serde_json::from_slice(&body).map_err(Failure::Input)?;
    if name == HOOKED {
        input.title.push('!');
    }
    let id = input.id.unwrap_or_else(new_id);
    let now = Timestamp::now();
    let meta = input.meta.map(|meta| Jsonb(meta.get()));
    let values: [&(dyn ToSql + Sync); 8] = [
        &input.body,
        &now,
        &id,
        &meta,
        &input.n,
        &input.published,
        &input.title,
        &now,
    ];
    let writer = database.writer();
    writer.client.execute(&writer.insert[of], &values).await?;
    let record = Record {
        body: &input.body,
        created: now,
        id: &id,
        meta: meta.as_ref().map(|meta| meta.0),
        n: input.n,
        published: input.published,
        title: &input.title,
        updated: now,
    };
    let mut out = Vec::with_capacity(512);
    record.write(&mut out, &name);
    Ok(answer(out))
}

/// `POST /api/collections/users/auth-refresh`.
pub async fn refresh(State(database): AppState, headers: HeaderMap) -> Answer {
    let token = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    let token = token.ok_or(Failure::Refused)?;
    let claims = token::claims(token).ok_or(Failure::Refused)?;
    let reader = database.reader();
    let row = reader
        .client
        .query_opt(&reader.user, &[&claims.id])
        .await?
        .ok_or(Failure::Refused)?;
    let key: &str = row.try_get(8)?;
    if !token::verify(token, key) {
        return Err(Failure::Refused);
    }
    let id: &str = row.try_get(4)?;
    let mut out = Vec::with_capacity(768);
    out.extend_from_slice(b"{\"record\":{\"avatar\":");
    json::text(&mut out, row.try_get(0)?);
    out.extend_from_slice(b",\"collectionId\":");
    json::text(&mut out, USERS);
    out.extend_from_slice(b",\"collectionName\":\"users\",\"created\":");
    row.try_get::<_, Timestamp>(1)?.write(&mut out);
    out.extend_from_slice(b",\"email\":");
    json::text(&mut out, row.try_get(2)?);
    out.extend_from_slice(b",\"emailVisibility\":");
    json::boolean(&mut out, row.try_get(3)?);
    out.extend_from_slice(b",\"id\":");
    json::text(&mut out, id);
    out.extend_from_slice(b",\"name\":");
    json::text(&mut out, row.try_get(5)?);
    out.extend_from_slice(b",\"updated\":");
    row.try_get::<_, Timestamp>(6)?.write(&mut out);
    out.extend_from_slice(b",\"verified\":");
    json::boolean(&mut out, row.try_get(7)?);
    out.extend_from_slice(b"},\"token\":");
    json::text(&mut out, &token::sign(USERS, id, key));
    out.push(b'}');
    Ok(answer(out))
}

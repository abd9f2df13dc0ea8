//! Running statements: their rows as JSON for a plugin, or a whole plan as the text of a response.

use std::sync::Arc;

use futures_util::future::try_join_all;
use hangar_core::{Error, Limits, Result};
use hangar_wit::Produced;

use crate::connection::{Connection, Query, Running};
use crate::encode;
use crate::pool::Postgres;
use crate::template::Template;
use crate::transaction::Transaction;

/// Templates remembered by their text.
const TEMPLATES: u64 = 4096;

/// Parsed templates, by their text.
pub struct Templates(moka::sync::Cache<String, Arc<Template>>);

impl Templates {
    pub fn new() -> Self {
        Self(moka::sync::Cache::new(TEMPLATES))
    }

    fn get(&self, text: &str) -> Result<Arc<Template>> {
        if let Some(template) = self.0.get(text) {
            return Ok(template);
        }
        let template = Arc::new(Template::parse(text)?);
        self.0.insert(text.to_owned(), template.clone());
        Ok(template)
    }
}

/// A piece of a plan.
pub enum Segment {
    Text(String),
    Rows {
        query: Query,
        template: Arc<Template>,
    },
}

/// Status and text to answer instead.
pub struct Fallback {
    pub status: u16,
    pub text: String,
}

/// A response made of text and rows.
pub struct Plan {
    pub segments: Vec<Segment>,
    pub when_empty: Option<Fallback>,
    pub when_failed: Option<Fallback>,
}

impl Plan {
    /// Its statements.
    pub fn queries(&self) -> impl Iterator<Item = &Query> {
        self.segments.iter().filter_map(|segment| match segment {
            Segment::Text(_) => None,
            Segment::Rows { query, .. } => Some(query),
        })
    }
}

/// Where statements run.
pub enum Place<'a> {
    Shared(Arc<Connection>),
    Transaction(&'a Transaction),
}

impl<'a> Place<'a> {
    /// The ambient transaction if there is one, else a shared connection that suits these statements.
    pub async fn find(
        postgres: &Postgres,
        transaction: Option<&'a Transaction>,
        queries: impl IntoIterator<Item = &Query>,
    ) -> Result<Self> {
        match transaction {
            Some(transaction) => Ok(Self::Transaction(transaction)),
            None => {
                let planned = queries.into_iter().any(Query::is_planned);
                Ok(Self::Shared(postgres.shared(planned).await?))
            }
        }
    }

    /// Starts one statement.
    pub async fn run(&self, query: &Query) -> Result<Running> {
        match self {
            Self::Shared(connection) => connection.run(query, true).await,
            Self::Transaction(transaction) => transaction.connection()?.run(query, false).await,
        }
    }

    /// Marks the transaction as failed: PostgreSQL refuses everything in it from now on.
    fn note<T>(&self, outcome: Result<T>) -> Result<T> {
        if let (Self::Transaction(transaction), Err(error)) = (self, &outcome) {
            transaction.mark_failed(error);
        }
        outcome
    }
}

/// Runs statements, pipelined, and answers the JSON of each (see `query` in the WIT).
pub async fn query(place: &Place<'_>, queries: &[Query], limits: &Limits) -> Result<Vec<String>> {
    let each = queries.iter().map(|query| async move {
        let running = place.run(query).await?;
        rows_json(running, limits).await
    });
    place.note(try_join_all(each).await)
}

async fn rows_json(running: Running, limits: &Limits) -> Result<String> {
    let mut out = String::from("{\"columns\":");
    out.push_str(&serde_json::to_string(&running.columns()).unwrap_or_else(|_| "[]".into()));
    out.push_str(",\"rows\":[");
    let mut bound = Bound::new(limits);
    let affected = running
        .consume(|row| {
            if bound.rows > 0 {
                out.push(',');
            }
            encode::row(&mut out, row)?;
            bound.check(out.len())
        })
        .await?;
    out.push_str("],\"affected\":");
    out.push_str(itoa::Buffer::new().format(affected));
    out.push('}');
    Ok(out)
}

/// What a plan has made.
pub struct Rendered {
    /// `None` if it is empty and has a fallback for that (which is then the answer).
    pub text: Option<String>,
    /// Whether its first rows were none.
    pub empty: bool,
}

/// Runs a plan.
pub async fn render(place: &Place<'_>, plan: &Plan, limits: &Limits) -> Result<Rendered> {
    let parts = plan.segments.iter().map(|segment| async move {
        match segment {
            Segment::Text(_) => Ok((0, String::new())),
            Segment::Rows { query, template } => {
                let running = place.run(query).await?;
                let mut out = String::with_capacity(1024);
                let mut bound = Bound::new(limits);
                running
                    .consume(|row| {
                        if bound.rows > 0 {
                            out.push(',');
                        }
                        template.write(&mut out, row)?;
                        bound.check(out.len())
                    })
                    .await?;
                Ok::<_, Error>((bound.rows, out))
            }
        }
    });
    let mut parts = match plan.segments.as_slice() {
        // The commonest plan is one row and nothing else: no joining.
        [Segment::Rows { .. }] => {
            let mut parts = parts;
            match parts.next() {
                Some(part) => vec![place.note(part.await)?],
                None => Vec::new(),
            }
        }
        _ => place.note(try_join_all(parts).await)?,
    };
    let is_rows = |segment: &Segment| matches!(segment, Segment::Rows { .. });
    let first = plan.segments.iter().position(is_rows);
    let empty = first.is_some_and(|first| parts[first].0 == 0);
    let rendered = |text| Ok(Rendered { text, empty });
    if empty && plan.when_empty.is_some() {
        return rendered(None);
    }
    if parts.len() == 1
        && let Some((_, text)) = parts.pop()
    {
        return rendered(Some(text));
    }
    let mut out = String::with_capacity(parts.iter().map(|(_, text)| text.len() + 128).sum());
    for (segment, (_, rows)) in plan.segments.iter().zip(&parts) {
        match segment {
            Segment::Text(text) => out.push_str(text),
            Segment::Rows { .. } => out.push_str(rows),
        }
    }
    rendered(Some(out))
}

/// Runs a plan as the body of a response.
pub async fn produce(postgres: &Postgres, plan: Plan, limits: &Limits) -> Result<Produced> {
    let place = Place::find(postgres, None, plan.queries()).await?;
    let answer = |fallback: Fallback| Produced::bytes(Some(fallback.status), fallback.text);
    match render(&place, &plan, limits).await {
        Ok(Rendered { text, empty }) => {
            let produced = match (text, plan.when_empty) {
                (Some(text), _) => Produced::bytes(None, text),
                (None, Some(fallback)) => answer(fallback),
                (None, None) => Produced::bytes(None, bytes::Bytes::new()),
            };
            Ok(Produced { empty, ..produced })
        }
        Err(error) => match plan.when_failed {
            // Only what the statement itself is to blame for; a lost database is the host's to report.
            Some(fallback) if error.code.starts_with("sqlstate:") || error.code == "bad_input" => {
                tracing::debug!(%error, "a deferred statement failed");
                Ok(answer(fallback))
            }
            _ => Err(error),
        },
    }
}

/// Counts rows and bytes against the limits.
struct Bound<'a> {
    rows: usize,
    limits: &'a Limits,
}

impl<'a> Bound<'a> {
    fn new(limits: &'a Limits) -> Self {
        Self { rows: 0, limits }
    }

    fn check(&mut self, bytes: usize) -> Result<()> {
        self.rows += 1;
        let refuse = |what: &str, value: usize, setting: &str| {
            Err(Error::new(
                "limit",
                503,
                format!("a statement answered more than {value} {what} (setting {setting})"),
            ))
        };
        if self.rows > self.limits.rows {
            return refuse("rows", self.limits.rows, "limits.rows");
        }
        if bytes > self.limits.rows_bytes {
            return refuse("bytes of rows", self.limits.rows_bytes, "limits.rows-bytes");
        }
        Ok(())
    }
}

/// Reads a template through the cache.
pub fn segment(templates: &Templates, query: Query, template: &str) -> Result<Segment> {
    Ok(Segment::Rows {
        query,
        template: templates.get(template)?,
    })
}

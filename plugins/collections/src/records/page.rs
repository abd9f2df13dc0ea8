//! Which part of a list is asked for, and the statement that reads it.

use hangar_filter::{Built, Value as FilterValue};
use hangar_model::ApiError;
use hangar_model::sql::{ROWID, ident};
use hangar_sdk::postgres::Statement;

use crate::call::Call;
use crate::catalog::Entry;
use crate::records::query;

/// Records of a page, where the client names none.
const PER_PAGE: i64 = 30;
/// Records of a page at most.
const MAX_PER_PAGE: i64 = 1000;
/// Rows before a page from which on it is cheaper to find the page's rows first, by their sort keys alone, and to read
/// only those whole.
const DEEP: i64 = 1000;
/// Rows before a page from which on they are worth counting first: all of them are passed over, so a page in the second
/// half is read from the end.
const FAR: i64 = 10_000;
/// Tells the host to plan a statement for the values of each request (`hangar:postgres/types.statement`).
const PLANNED: &str = "/* planned */ ";

/// Which part of the list is asked for.
#[derive(Debug, PartialEq, Eq)]
pub struct Page {
    /// From 1.
    pub page: i64,
    /// Records of a page.
    pub per_page: i64,
    /// Whether records are not counted.
    pub skip_total: bool,
}

impl Page {
    /// Reads the query.
    ///
    /// # Errors
    /// 400 for what is no number.
    pub fn read(call: &Call) -> Result<Self, ApiError> {
        let number = |name: &str| match call.parameter(name) {
            "" => Ok(0),
            text => text.parse::<i64>().map_err(|_| ApiError::bad_request("")),
        };
        let skip_total = match call.parameter("skipTotal") {
            "" | "0" | "f" | "F" | "false" | "FALSE" | "False" => false,
            "1" | "t" | "T" | "true" | "TRUE" | "True" => true,
            _ => return Err(ApiError::bad_request("")),
        };
        let (page, per_page) = (number("page")?, number("perPage")?);
        Ok(Self {
            page: page.max(1),
            per_page: if per_page <= 0 {
                PER_PAGE
            } else {
                per_page.min(MAX_PER_PAGE)
            },
            skip_total,
        })
    }

    /// Rows before the page; at most half of what the database can count, so that it can calculate with it.
    fn offset(&self) -> i64 {
        (self.page - 1)
            .saturating_mul(self.per_page)
            .min(i64::MAX / 2)
    }

    /// Whether [`Page::counted`] may be the way to read this page.
    pub fn is_far(&self, entry: &Entry) -> bool {
        !self.skip_total && self.offset() >= FAR && !entry.is_view()
    }

    /// The end of a statement. Where a far page begins is a parameter: there are many of them, and a statement for each
    /// would fill what the host keeps prepared. There are few near ones, whose plans are worth keeping.
    fn tail(&self, built: &mut Built) -> String {
        let limit = format!(" LIMIT {}", self.per_page);
        match self.offset() {
            0 => limit,
            offset if offset < DEEP => format!("{limit} OFFSET {offset}"),
            offset => {
                built.params.push(FilterValue::Int(offset));
                format!("{limit} OFFSET ${}::bigint", built.params.len())
            }
        }
    }

    /// The statement that reads the rows of a far page, each after the number of all records, which it counts first in
    /// order to read the page from the nearer end. One statement, so that both see the same records: a page from the end
    /// would else move by what is written in between. A page past the end has no rows and so no number.
    ///
    /// `None` where rows are joined, and for views: their rows cannot be found by number.
    pub fn counted(&self, entry: &Entry, select_list: &str, built: &Built) -> Option<Statement> {
        if !self.is_far(entry) || built.from.contains(" JOIN ") {
            return None;
        }
        let Built {
            from,
            where_sql,
            order_by,
            reverse_order,
            ..
        } = built;
        let rowid = format!("{}.{}", ident(&entry.name), ident(ROWID));
        let (per_page, offset) = (
            self.per_page,
            format!("${}::bigint", built.params.len() + 1),
        );
        let total = |expression: &str| format!("(SELECT {expression} FROM \"hangar_total\")");
        let half = |order: &str, limit: &str, offset: &str| {
            let limit = total(limit);
            format!(
                "(SELECT {rowid} FROM {from} WHERE {where_sql} ORDER BY {order} LIMIT {limit} OFFSET {offset})"
            )
        };
        // A half with LIMIT 0 is not run.
        let first = half(
            order_by,
            &format!("CASE WHEN {offset} <= n / 2 THEN {per_page} ELSE 0 END"),
            &offset,
        );
        let second = half(
            reverse_order,
            &format!(
                "CASE WHEN {offset} <= n / 2 THEN 0 ELSE GREATEST(LEAST({per_page}, n - {offset}), 0) END"
            ),
            &total(&format!("GREATEST(n - {offset} - {per_page}, 0)")),
        );
        let sql = format!(
            "{PLANNED}WITH \"hangar_total\" AS MATERIALIZED (SELECT count(*) AS n FROM {from} WHERE {where_sql}) \
             SELECT {}, {select_list} FROM {from} \
             WHERE {rowid} = ANY (ARRAY({first} UNION ALL {second})) ORDER BY {order_by}",
            total("n")
        );
        let mut params = built.params.clone();
        params.push(FilterValue::Int(self.offset()));
        Some(Statement::new(sql, query::params(params)))
    }

    /// The statement that reads the rows of this page.
    pub fn statement(&self, entry: &Entry, select_list: &str, mut built: Built) -> Statement {
        let joins = built.from.contains(" JOIN ");
        let deep = self.offset() >= DEEP;
        // What such a condition finds differs by orders of magnitude between one value and the next. Of an offset that
        // it does not know PostgreSQL thinks that it is a tenth of all rows.
        let varied = joins
            || deep
            || [" LIKE ", "(SELECT "]
                .iter()
                .any(|word| built.where_sql.contains(word));
        let mut tail = self.tail(&mut built);
        if deep && !joins && !entry.is_view() {
            let rowid = format!("{}.{}", ident(&entry.name), ident(ROWID));
            built.where_sql = format!(
                "{rowid} = ANY (ARRAY(SELECT {rowid} FROM {} WHERE {} ORDER BY {}{tail}))",
                built.from, built.where_sql, built.order_by
            );
            tail.clear();
        }
        let mut statement = query::rows_statement(select_list, built, &tail);
        if varied {
            statement.sql.insert_str(0, PLANNED);
        }
        statement
    }
}

use std::sync::Arc;

use hangar_core::{Error, Result};
use tokio::sync::mpsc;

use crate::encode;
use crate::source::{Source, refused};

/// A chunk is sent once it has this many bytes.
const CHUNK: usize = 256 << 10;
/// Chunks read ahead.
const AHEAD: usize = 2;

/// The rows of a statement, read by a thread of their own that waits while nobody asks for them.
pub struct Rows {
    chunks: mpsc::Receiver<Result<String>>,
    /// An error ends them.
    failed: bool,
}

impl Rows {
    /// Begins a statement. `limit` is the most bytes a row may have.
    ///
    /// # Errors
    /// What SQLite says of the statement.
    pub async fn begin(source: Arc<Source>, sql: String, limit: usize) -> Result<Self> {
        let (sender, mut chunks) = mpsc::channel(AHEAD);
        tokio::task::spawn_blocking(move || {
            if let Err(error) = read(&source, &sql, limit, &sender) {
                let _ = sender.blocking_send(Err(error));
            }
        });
        // The first message tells whether the statement could be prepared.
        match chunks.recv().await {
            Some(Ok(_)) => Ok(Self {
                chunks,
                failed: false,
            }),
            Some(Err(error)) => Err(error),
            None => Err(Error::internal("the reader of the database ended early")),
        }
    }

    /// The next chunk.
    ///
    /// # Errors
    /// What SQLite says, `limit` for a row that is too large.
    pub async fn next(&mut self) -> Result<Option<String>> {
        if self.failed {
            return Ok(None);
        }
        let chunk = self.chunks.recv().await.transpose();
        self.failed = chunk.is_err();
        chunk
    }
}

fn read(
    source: &Source,
    sql: &str,
    limit: usize,
    sender: &mpsc::Sender<Result<String>>,
) -> Result<()> {
    let connection = source.open()?;
    let mut statement = connection.prepare(sql).map_err(|error| refused(&error))?;
    if !statement.readonly() {
        return Err(Error::bad_input("only statements that read are allowed"));
    }
    let columns = statement.column_count();
    if sender.blocking_send(Ok(String::new())).is_err() {
        return Ok(());
    }
    let mut rows = statement.query([]).map_err(|error| refused(&error))?;
    let mut chunk = String::from("[");
    while let Some(row) = rows.next().map_err(|error| refused(&error))? {
        if chunk.len() > 1 {
            chunk.push(',');
        }
        let before = chunk.len();
        encode::row(row, columns, &mut chunk).map_err(|error| refused(&error))?;
        if chunk.len() - before > limit {
            return Err(Error::new(
                "limit",
                413,
                format!("a row has more than {limit} bytes (setting limits.rows-bytes)"),
            ));
        }
        if chunk.len() >= CHUNK {
            chunk.push(']');
            let full = std::mem::replace(&mut chunk, String::from("["));
            if sender.blocking_send(Ok(full)).is_err() {
                return Ok(());
            }
        }
    }
    if chunk.len() > 1 {
        chunk.push(']');
        // Nobody listens any more: then nobody misses it.
        let _ = sender.blocking_send(Ok(chunk));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::Connection;

    async fn all(source: Source, sql: &str) -> Result<String> {
        let mut rows = Rows::begin(Arc::new(source), sql.to_owned(), 1 << 20).await?;
        let mut text = String::new();
        while let Some(chunk) = rows.next().await? {
            text.push_str(&chunk);
        }
        Ok(text)
    }

    fn names(folder: &std::path::Path) -> Vec<String> {
        let mut names: Vec<String> = folder
            .read_dir()
            .expect("the folder")
            .map(|entry| {
                entry
                    .expect("an entry")
                    .file_name()
                    .to_string_lossy()
                    .into_owned()
            })
            .collect();
        names.sort();
        names
    }

    #[tokio::test]
    async fn values_of_every_kind_are_read_and_nothing_is_written() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("a b%.db");
        let connection = Connection::open(&file).expect("a database");
        connection
            .execute_batch(
                "CREATE TABLE t (v); INSERT INTO t VALUES (NULL), (7), (1.5), ('é\"'), (x'4142'), \
                 (9007199254740993), (9e999), (CAST(x'ff' AS TEXT))",
            )
            .expect("rows");
        drop(connection);
        let source = || Source::find(folder.path(), "a b%.db").expect("found");
        let text = all(source(), "SELECT v FROM t ORDER BY rowid").await;
        assert_eq!(
            text.expect("rows"),
            r#"[[null],[7],[1.5],["é\""],["AB"],["9007199254740993"],["inf"],["�"]]"#
        );
        assert_eq!(names(folder.path()), ["a b%.db"]);
        for sql in [
            "DELETE FROM t",
            "ATTACH 'other.db' AS o",
            "PRAGMA journal_mode = WAL",
            "SELEC",
        ] {
            let refused = all(source(), sql).await;
            assert!(refused.is_err(), "{sql}: {refused:?}");
        }
        assert_eq!(names(folder.path()), ["a b%.db"]);
    }

    #[tokio::test]
    async fn what_is_in_the_log_is_read() {
        let folder = tempfile::tempdir().expect("a folder");
        let connection = Connection::open(folder.path().join("w.db")).expect("a database");
        connection
            .execute_batch(
                "PRAGMA journal_mode = WAL; CREATE TABLE t (v); INSERT INTO t VALUES (1)",
            )
            .expect("rows");
        let before = names(folder.path());
        assert_eq!(before, ["w.db", "w.db-shm", "w.db-wal"]);
        let source = Source::find(folder.path(), "w.db").expect("found");
        assert_eq!(all(source, "SELECT v FROM t").await.expect("rows"), "[[1]]");
        assert_eq!(names(folder.path()), before);
        std::fs::remove_file(folder.path().join("w.db-wal")).expect("removed");
        let half = Source::find(folder.path(), "w.db").expect_err("refused");
        assert_eq!(half.code, "damaged");
    }

    #[tokio::test]
    async fn damage_is_told() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("d.db");
        let refused = |name: &str| Source::find(folder.path(), name).expect_err("refused").code;
        assert_eq!(refused("d.db"), "not_found");
        assert_eq!(refused("../d.db"), "bad_input");
        std::fs::write(&file, "no database, but long enough to have a header").expect("a file");
        assert_eq!(refused("d.db"), "damaged");
        std::fs::remove_file(&file).expect("removed");
        Connection::open(&file)
            .and_then(|c| c.execute_batch("CREATE TABLE t (v); CREATE TABLE u (v)"))
            .expect("a database");
        let bytes = std::fs::read(&file).expect("read");
        std::fs::write(&file, &bytes[..5000]).expect("cut");
        assert_eq!(refused("d.db"), "damaged");
    }
}

//! Connections, tables and prepared statements.

use std::error::Error;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio_postgres::{Client, NoTls, Statement};

use crate::token;

/// The collections there are. Each is a table of its own with the same columns.
pub const COLLECTIONS: [&str; 3] = ["bench", "bench_new", "bench_hooked"];
/// The identity of the collection of users.
pub const USERS: &str = "_pb_users_auth_";

const COLUMNS: &str = "body, created, id, meta, n, published, title, updated";
const USER: &str = "floor_user_0001";

/// A connection with the statements of one collection, in the order of [`COLLECTIONS`].
pub struct Reader {
    /// The connection.
    pub client: Client,
    /// One row by id.
    pub view: Vec<Statement>,
    /// Thirty rows.
    pub list: Vec<Statement>,
    /// How many rows the list would have without its limit.
    pub count: Vec<Statement>,
    /// A user by id.
    pub user: Statement,
}

/// A connection for inserts.
pub struct Writer {
    /// The connection.
    pub client: Client,
    /// One new row, by collection.
    pub insert: Vec<Statement>,
}

/// All connections. Requests take them in turn and share them.
pub struct Database {
    readers: Vec<Reader>,
    writers: Vec<Writer>,
    turn: AtomicUsize,
}

impl Database {
    /// Connects, and makes the tables where there are none.
    pub async fn open(url: &str, readers: usize, writers: usize) -> Result<Self, Box<dyn Error>> {
        make_tables(&connect(url).await?).await?;
        let mut database = Self {
            readers: Vec::new(),
            writers: Vec::new(),
            turn: AtomicUsize::new(0),
        };
        for _ in 0..readers.max(1) {
            database.readers.push(reader(connect(url).await?).await?);
        }
        for _ in 0..writers.max(1) {
            database.writers.push(writer(connect(url).await?).await?);
        }
        Ok(database)
    }

    fn next(&self, of: usize) -> usize {
        self.turn.fetch_add(1, Ordering::Relaxed) % of
    }

    /// A connection for reading.
    pub fn reader(&self) -> &Reader {
        &self.readers[self.next(self.readers.len())]
    }

    /// A connection for writing.
    pub fn writer(&self) -> &Writer {
        &self.writers[self.next(self.writers.len())]
    }

    /// Makes the one user if there is none and signs a token for it.
    pub async fn seed_user(&self) -> Result<String, Box<dyn Error>> {
        let key: String = (0..4)
            .map(|_| format!("{:016x}", rand::random::<u64>()))
            .collect();
        let client = &self.reader().client;
        client
            .execute(
                "insert into users (id, email, name, token_key, created, updated)
                 values ($1, 'bench@example.com', 'Bench', $2, now(), now()) on conflict do nothing",
                &[&USER, &key],
            )
            .await?;
        let row = client
            .query_one("select token_key from users where id = $1", &[&USER])
            .await?;
        Ok(token::sign(USERS, USER, row.try_get(0)?))
    }
}

async fn connect(url: &str) -> Result<Client, tokio_postgres::Error> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            eprintln!("a connection to PostgreSQL ended: {error}");
        }
    });
    Ok(client)
}

async fn make_tables(client: &Client) -> Result<(), tokio_postgres::Error> {
    for name in COLLECTIONS {
        // The types are Hangar's, so that PostgreSQL has the same to do.
        client
            .batch_execute(&format!(
                r#"create table if not exists {name} (
                     id text collate "C" primary key,
                     title text collate "C" not null default '',
                     body text collate "C" not null default '',
                     n double precision not null default 0,
                     published boolean not null default false,
                     meta jsonb,
                     created timestamptz(3),
                     updated timestamptz(3));
                   create index if not exists {name}_n on {name} (n);"#
            ))
            .await?;
    }
    client
        .batch_execute(
            r#"create table if not exists users (
                 id text collate "C" primary key,
                 email text collate "C" not null unique,
                 email_visibility boolean not null default false,
                 verified boolean not null default false,
                 name text collate "C" not null default '',
                 avatar text collate "C" not null default '',
                 token_key text collate "C" not null,
                 created timestamptz(3),
                 updated timestamptz(3))"#,
        )
        .await
}

async fn reader(client: Client) -> Result<Reader, tokio_postgres::Error> {
    let (mut view, mut list, mut count) = (Vec::new(), Vec::new(), Vec::new());
    for name in COLLECTIONS {
        let columns = COLUMNS;
        view.push(
            client
                .prepare(&format!("select {columns} from {name} where id = $1"))
                .await?,
        );
        let matching = format!("from {name} where n > $1 and published");
        list.push(
            client
                .prepare(&format!(
                    "select {columns} {matching} order by n desc limit 30"
                ))
                .await?,
        );
        count.push(
            client
                .prepare(&format!("select count(*) {matching}"))
                .await?,
        );
    }
    let user = client
        .prepare(
            "select avatar, created, email, email_visibility, id, name, updated, verified, token_key
             from users where id = $1",
        )
        .await?;
    Ok(Reader {
        client,
        view,
        list,
        count,
        user,
    })
}

async fn writer(client: Client) -> Result<Writer, tokio_postgres::Error> {
    let mut insert = Vec::new();
    for name in COLLECTIONS {
        let statement =
            format!("insert into {name} ({COLUMNS}) values ($1, $2, $3, $4, $5, $6, $7, $8)");
        insert.push(client.prepare(&statement).await?);
    }
    Ok(Writer { client, insert })
}

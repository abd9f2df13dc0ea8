//! What processes on one database tell each other of changes, by LISTEN and NOTIFY: nodes, and commands beside them.
//!
//! A message names what has changed and never how; who hears it drops what it has cached. What was told while a
//! connection was down is lost, so a node that has connected again takes everything for changed.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hangar_kv::Kv;
use hangar_plugins::Host;
use hangar_postgres::ConnectOptions;
use tokio::sync::{Notify, watch};
use tokio_postgres::Client;

use crate::news::{News, read, write};

const LISTEN: &str = "LISTEN hangar_nodes";
const TELL: &str = "SELECT pg_notify('hangar_nodes', $1)";
/// How often a connection that hears nothing is asked whether it still lives.
const PING: Duration = Duration::from_secs(10);
/// How long the database may take for one message or question.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between two tries to connect.
const PAUSE: Duration = Duration::from_secs(1);
/// How long a process that ends waits until its news are told.
const LAST: Duration = Duration::from_secs(5);

/// News on their way.
#[derive(Default)]
struct Mailbox {
    news: Mutex<News>,
    came: Notify,
}

impl Mailbox {
    fn lock(&self) -> MutexGuard<'_, News> {
        self.news.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, news: News) {
        self.lock().merge(news);
        self.came.notify_one();
    }

    fn take(&self) -> News {
        std::mem::take(&mut self.lock())
    }
}

/// This process among those on its database.
pub struct Nodes {
    id: String,
    connect: ConnectOptions,
    outgoing: Mailbox,
    /// How many news have been put into `outgoing`, and how many of them are told.
    put: Mutex<u64>,
    told: watch::Sender<u64>,
    /// What plugins have still to be renewed for.
    incoming: Mailbox,
}

impl Nodes {
    /// Tells others from now on what is put here. Hears nothing before [`Nodes::listen`].
    pub fn new(connect: ConnectOptions) -> Arc<Self> {
        Arc::new(Self {
            id: format!("{:016x}", RandomState::new().build_hasher().finish()),
            connect,
            outgoing: Mailbox::default(),
            put: Mutex::default(),
            told: watch::Sender::new(0),
            incoming: Mailbox::default(),
        })
    }

    /// Tells others.
    pub fn tell(&self, news: News) {
        // Both in one: what is counted is there.
        let mut put = self.put.lock().unwrap_or_else(PoisonError::into_inner);
        *put += 1;
        self.outgoing.put(news);
    }

    /// Waits until all is told, for some seconds.
    pub async fn flush(&self) {
        let put = *self.put.lock().unwrap_or_else(PoisonError::into_inner);
        let mut told = self.told.subscribe();
        let all = told.wait_for(|told| *told >= put);
        if tokio::time::timeout(LAST, all).await.is_err() {
            tracing::warn!(
                "servers on this database could not be told of the change: restart them"
            );
        }
    }

    /// Connects when there is something to tell, for as long as the process runs.
    pub async fn speak(self: Arc<Self>) {
        loop {
            self.outgoing.came.notified().await;
            // The permit is used up: what is there is told after the connection.
            while !self.outgoing.lock().is_empty() {
                match self.connect.connect().await {
                    Ok(client) if self.send(&client).await => {}
                    _ => tokio::time::sleep(PAUSE).await,
                }
            }
        }
    }

    /// Hears others and tells them, for as long as the server runs. `ready` is told when it begins.
    pub async fn listen(self: Arc<Self>, host: Arc<Host>, ready: Arc<Notify>) {
        let mut first = true;
        loop {
            let (nodes, heard) = (self.clone(), host.clone());
            let heard = move |text: &str| nodes.hear(&heard, text);
            if let Ok((client, mut ended)) = self.connect.listen(heard).await
                && patient(client.batch_execute(LISTEN)).await
            {
                if !std::mem::take(&mut first) {
                    tracing::info!("connected to other nodes again");
                    self.apply(&host, News::everything());
                }
                ready.notify_one();
                while self.send(&client).await {
                    tokio::select! {
                        () = self.outgoing.came.notified() => {}
                        _ = &mut ended => break,
                        () = tokio::time::sleep(PING) => {
                            if !patient(client.batch_execute("")).await {
                                break;
                            }
                        }
                    }
                }
                tracing::warn!("the connection to other nodes was lost");
                tokio::time::sleep(PAUSE / 10).await;
                continue;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Renews plugins after news, one after the other, for as long as the server runs.
    pub async fn renew(self: Arc<Self>, host: Arc<Host>) {
        loop {
            self.incoming.came.notified().await;
            let news = self.incoming.take();
            host.renew(news.all, &Vec::from_iter(news.topics)).await;
        }
    }

    /// Tells what is there; false if that failed, and then it is still there.
    async fn send(&self, client: &Client) -> bool {
        let put = *self.put.lock().unwrap_or_else(PoisonError::into_inner);
        let news = self.outgoing.take();
        for message in write(&self.id, &news) {
            if !patient(client.execute(TELL, &[&message])).await {
                self.outgoing.lock().merge(news);
                return false;
            }
        }
        self.told.send_replace(put);
        true
    }

    fn hear(&self, host: &Host, text: &str) {
        match read(text) {
            Some((from, _)) if from == self.id => {}
            Some((_, news)) => self.apply(host, news),
            // Of a later version, say.
            None => self.apply(host, News::everything()),
        }
    }

    /// Drops at once what is old, and leaves plugins to be renewed.
    fn apply(&self, host: &Host, news: News) {
        let revisions = host.services().get::<Kv>().map(Kv::revisions);
        if news.all {
            revisions.iter().for_each(|revisions| revisions.bump_all());
            host.forget_identity_here("");
        }
        // What instances keep by these topics may be about tables that have changed.
        if news.all || !news.topics.is_empty() {
            let database = host.services().get::<hangar_postgres::Service>();
            database
                .iter()
                .for_each(|database| database.postgres().forget_prepared());
        }
        for topic in &news.topics {
            revisions.iter().for_each(|revisions| {
                revisions.bump_here(topic);
            });
        }
        for subject in &news.subjects {
            host.forget_identity_here(subject);
        }
        self.incoming.put(news);
    }
}

/// Whether the database has done it in time.
async fn patient<T>(asked: impl Future<Output = Result<T, tokio_postgres::Error>>) -> bool {
    matches!(tokio::time::timeout(PATIENCE, asked).await, Ok(Ok(_)))
}

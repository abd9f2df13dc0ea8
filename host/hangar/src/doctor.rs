use hangar_cluster::Programs;
use hangar_core::{Error, Result};

use crate::database::Database;
use crate::output::say;
use crate::plugins::{self, Manager};
use crate::settings::Settings;
use crate::wiring;

/// Checks each thing a server needs and prints what it finds; fails if one of them would keep it from starting.
pub async fn run(settings: &Settings) -> Result<()> {
    let mut report = Report::default();
    let file = settings
        .file
        .as_ref()
        .map_or("none; defaults".into(), |file| file.display().to_string());
    report.good("settings", &file);
    report.good("data directory", &settings.dir.display().to_string());
    if settings.database_url.is_some() {
        report.good("database", "given by URL");
    } else {
        match Programs::find(settings.postgres.bin.as_deref()) {
            Ok(programs) => {
                let found = format!(
                    "PostgreSQL {} in {}",
                    programs.version(),
                    programs.folder().display()
                );
                report.good("server programs", &found);
            }
            Err(error) => report.bad("server programs", &error.to_string()),
        }
    }
    match tokio::net::TcpListener::bind(&settings.http).await {
        Ok(_) => report.good("address", &format!("{} is free", settings.http)),
        Err(error) => {
            report.note(
                "address",
                &format!("{}: {error} (fine if a server is running)", settings.http),
            );
        }
    }
    match plugins::wanted(settings) {
        Ok(wanted) => {
            for wanted in &wanted {
                let ungranted: Vec<_> = wanted
                    .component
                    .manifest
                    .grants
                    .iter()
                    .filter(|name| {
                        wanted
                            .settings
                            .grant
                            .get(*name)
                            .is_none_or(|grant| *grant == false)
                    })
                    .cloned()
                    .collect();
                let name = format!("plugin {}", wanted.component.manifest.name);
                if ungranted.is_empty() {
                    report.good(&name, &wanted.component.manifest.version);
                } else {
                    report.note(
                        &name,
                        &format!("asks for what is not granted: {}", ungranted.join(", ")),
                    );
                }
            }
        }
        Err(error) => report.bad("plugins", &error.message),
    }
    if report.failures == 0 {
        match start(settings).await {
            Ok(role) => {
                report.good("start", "the database answers and every plugin starts");
                if let Some(role) = role {
                    report.note(
                        "database role",
                        &format!(
                            "{role:?} is an administrator of the whole server. Hangar needs no such rights: let it connect as a role \
                             that owns its database and nothing else"
                        ),
                    );
                }
            }
            Err(error) => report.bad("start", &error.message),
        }
    }
    match report.failures {
        0 => Ok(()),
        1 => Err(Error::bad_input("one check failed")),
        count => Err(Error::bad_input(format!("{count} checks failed"))),
    }
}

/// Starts everything once. The database role, if it has more rights than it should.
async fn start(settings: &Settings) -> Result<Option<String>> {
    let database = Database::open(settings).await?;
    let started = async {
        let administrator = database.administrator().await?;
        let host = wiring::host(settings, &database, None)?;
        Manager::for_command(host).apply(settings).await?;
        Ok(administrator)
    }
    .await;
    database.close().await;
    started
}

#[derive(Default)]
struct Report {
    failures: usize,
}

impl Report {
    fn good(&self, what: &str, found: &str) {
        say!("ok    {what}: {found}");
    }

    fn note(&self, what: &str, found: &str) {
        say!("note  {what}: {found}");
    }

    fn bad(&mut self, what: &str, found: &str) {
        self.failures += 1;
        say!("FAIL  {what}: {found}");
    }
}

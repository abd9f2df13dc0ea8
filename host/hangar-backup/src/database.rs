use std::ffi::OsString;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use hangar_core::{Error, Result};

/// Bytes of a program's complaints that are kept.
const COMPLAINTS: u64 = 4096;

/// How PostgreSQL's programs reach the database.
#[derive(Clone)]
pub struct Database {
    /// The folder of the programs, or why there is none.
    pub programs: Result<PathBuf, String>,
    /// `PGHOST` and the like. A password stands here and not among arguments, which everybody can see.
    pub environment: Vec<(&'static str, OsString)>,
}

impl Database {
    fn command(&self, name: &str) -> Result<Command> {
        let folder = self.programs.as_ref().map_err(|why| {
            Error::new("unavailable", 503, format!("{name} was not found: {why}"))
        })?;
        let program = folder.join(name);
        if !program.is_file() {
            return Err(Error::new(
                "unavailable",
                503,
                format!(
                    "{name} is not in {}; install PostgreSQL's client programs, or name their folder with --postgres-bin",
                    folder.display()
                ),
            ));
        }
        let mut command = Command::new(program);
        // Settings of the user for other databases stay out of it.
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("PG") {
                command.env_remove(name);
            }
        }
        command
            .envs(self.environment.iter().map(|(name, value)| (*name, value)))
            .env("PGAPPNAME", "hangar-backup")
            .stderr(Stdio::piped());
        Ok(command)
    }

    /// Writes a dump. Blocks.
    ///
    /// # Errors
    /// What `pg_dump` says.
    pub fn dump(&self, out: &mut impl Write) -> Result<()> {
        let mut command = self.command("pg_dump")?;
        // Unlogged tables hold what may be lost: request logs and metrics.
        command.args([
            "--format=custom",
            "--no-owner",
            "--no-privileges",
            "--no-unlogged-table-data",
        ]);
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| Error::internal(format!("pg_dump cannot be started: {error}")))?;
        let copied = match child.stdout.take() {
            Some(mut output) => std::io::copy(&mut output, out),
            None => Ok(0),
        };
        if copied.is_err() {
            let _ = child.kill();
        }
        finish(child, "pg_dump")?;
        copied
            .map(drop)
            .map_err(|error| Error::internal(format!("the dump cannot be written: {error}")))
    }

    /// Replaces the database by a dump, in one transaction. Blocks.
    ///
    /// # Errors
    /// What `pg_restore` and `psql` say; the database is then as it was.
    pub fn load(&self, dump: &std::path::Path) -> Result<()> {
        let mut script = self
            .command("pg_restore")?
            .args(["--no-owner", "--no-privileges", "--file=-"])
            .arg(dump)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| Error::internal(format!("pg_restore cannot be started: {error}")))?;
        let mut psql = self
            .command("psql")?
            .args([
                "--no-psqlrc",
                "--quiet",
                "--single-transaction",
                "--set=ON_ERROR_STOP=1",
                "--output=/dev/null",
            ])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .map_err(|error| Error::internal(format!("psql cannot be started: {error}")))?;
        let written = match (script.stdout.take(), psql.stdin.take()) {
            (Some(mut from), Some(mut to)) => to
                .write_all(EMPTY.as_bytes())
                .and_then(|()| std::io::copy(&mut from, &mut to)),
            _ => Ok(0),
        };
        // A script that ends early must not be committed: what follows makes psql fail.
        let made = finish(script, "pg_restore");
        if made.is_err() || written.is_err() {
            let _ = psql.kill();
        }
        let loaded = finish(psql, "psql");
        made?;
        loaded?;
        written
            .map(drop)
            .map_err(|error| Error::internal(format!("the dump cannot be loaded: {error}")))
    }
}

/// Removes every schema of ours, so that nothing stays beside what the dump has.
const EMPTY: &str = "SET client_min_messages = warning;
DO $$ DECLARE name text; BEGIN
  FOR name IN SELECT nspname FROM pg_namespace
    WHERE nspname NOT LIKE 'pg\\_%' AND nspname <> 'information_schema' AND pg_has_role(nspowner, 'USAGE')
  LOOP EXECUTE format('DROP SCHEMA %I CASCADE', name); END LOOP;
END $$;
CREATE SCHEMA IF NOT EXISTS public;
";

fn finish(mut child: Child, name: &str) -> Result<()> {
    let mut complaints = String::new();
    if let Some(errors) = child.stderr.take() {
        let mut bytes = Vec::new();
        let mut errors = errors;
        let _ = errors.by_ref().take(COMPLAINTS).read_to_end(&mut bytes);
        // Read on, so that the program does not wait for us.
        let _ = std::io::copy(&mut errors, &mut std::io::sink());
        complaints = String::from_utf8_lossy(&bytes).trim().to_owned();
    }
    let status = child
        .wait()
        .map_err(|error| Error::internal(format!("{name}: {error}")))?;
    if status.success() {
        return Ok(());
    }
    Err(Error::internal(format!("{name} failed: {complaints}")))
}

//! Runs the jobs of plugins at their minutes, each on one node.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hangar_core::{Error, Result};
use hangar_cron::Moment;
use hangar_plugins::{Host, Job};
use hangar_telemetry::Connect;
use tokio::sync::Semaphore;
use tokio_postgres::Client;

/// Jobs that run at once on a node.
const AT_ONCE: usize = 8;

/// Which minute a job last ran in, whichever node it was.
const PREPARE: &str = "CREATE SCHEMA IF NOT EXISTS hangar; \
    CREATE TABLE IF NOT EXISTS hangar.job_runs (plugin text, id text, minute bigint NOT NULL, PRIMARY KEY (plugin, id))";

/// Held while the job runs, by a connection of its own: PostgreSQL lets go of it if the node dies.
const LOCK: &str =
    "SELECT pg_try_advisory_lock(hashtextextended($1::text || '/' || $2::text, 7310614326))";

/// Claims a minute, unless another node was faster.
const CLAIM: &str = "INSERT INTO hangar.job_runs AS runs (plugin, id, minute) VALUES ($1, $2, $3) \
    ON CONFLICT (plugin, id) DO UPDATE SET minute = excluded.minute WHERE runs.minute < excluded.minute RETURNING minute";

/// Runs jobs for as long as the server does.
pub async fn run(host: Arc<Host>, connect: Connect) {
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let mut last = minute_now();
    loop {
        tokio::time::sleep(until_next()).await;
        let minute = minute_now();
        // The clock may have been put back, or a sleep may have ended a little early.
        if minute <= last {
            continue;
        }
        last = minute;
        let moment = moment(minute);
        let due = host
            .jobs()
            .into_iter()
            .filter(|job| job.schedule.matches(moment));
        for job in due {
            let (host, connect, places) = (host.clone(), connect.clone(), places.clone());
            tokio::spawn(async move {
                let Ok(_place) = places.acquire().await else {
                    return;
                };
                if let Err(error) = run_here(&host, &connect, &job, minute).await {
                    tracing::error!(plugin = job.plugin, job = job.id, %error, "a job failed");
                }
            });
        }
    }
}

/// Runs a job unless another node does.
async fn run_here(host: &Host, connect: &Connect, job: &Job, minute: i64) -> Result<()> {
    let failed = |error: tokio_postgres::Error| {
        Error::new(
            "unavailable",
            503,
            format!("the job could not be claimed: {error}"),
        )
    };
    let client = connect().await.map_err(failed)?;
    if !claim(&client, job, minute).await.map_err(failed)? {
        tracing::debug!(plugin = job.plugin, job = job.id, "runs on another node");
        return Ok(());
    }
    let done = host.run_job(&job.plugin, &job.id).await;
    // The lock ends with its connection.
    drop(client);
    done
}

async fn claim(
    client: &Client,
    job: &Job,
    minute: i64,
) -> std::result::Result<bool, tokio_postgres::Error> {
    let locked = client.query_one(LOCK, &[&job.plugin, &job.id]).await?;
    if !locked.get::<_, bool>(0) {
        return Ok(false);
    }
    // Made by whoever comes first; two at once may collide in the catalogue, and the second finds it there.
    let table = "SELECT to_regclass('hangar.job_runs') IS NOT NULL";
    if !client.query_one(table, &[]).await?.get::<_, bool>(0)
        && let Err(error) = client.batch_execute(PREPARE).await
        && !client.query_one(table, &[]).await?.get::<_, bool>(0)
    {
        return Err(error);
    }
    let claimed = client
        .query_opt(CLAIM, &[&job.plugin, &job.id, &minute])
        .await?;
    Ok(claimed.is_some())
}

fn since_epoch() -> Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
}

/// Minutes since 1970.
fn minute_now() -> i64 {
    (since_epoch().as_secs() / 60) as i64
}

fn until_next() -> Duration {
    let into = since_epoch().as_millis() as u64 % 60_000;
    Duration::from_millis(60_000 - into)
}

/// The calendar's view of a minute since 1970, UTC.
fn moment(minute: i64) -> Moment {
    let days = minute.div_euclid(24 * 60);
    let of_day = minute.rem_euclid(24 * 60);
    // Days since 0000-03-01, in eras of 400 years: the leap day is the last of its year.
    let shifted = days + 719_468;
    let of_era = shifted.rem_euclid(146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    Moment {
        minute: (of_day % 60) as u8,
        hour: (of_day / 60) as u8,
        day: (of_year - (153 * month + 2) / 5 + 1) as u8,
        month: if month < 10 { month + 3 } else { month - 9 } as u8,
        // 1970-01-01 was a Thursday.
        weekday: (days + 4).rem_euclid(7) as u8,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minutes_become_moments() {
        let at = |minute, hour, day, month, weekday| Moment {
            minute,
            hour,
            day,
            month,
            weekday,
        };
        for (seconds, expected) in [
            (0, at(0, 0, 1, 1, 4)),
            // 2024-02-29 12:34, a Thursday.
            (1_709_210_040, at(34, 12, 29, 2, 4)),
            // 2026-11-25 17:59, a Wednesday.
            (1_795_629_540, at(59, 17, 25, 11, 3)),
            // 2000-12-31 23:59, a Sunday.
            (978_307_140, at(59, 23, 31, 12, 0)),
        ] {
            assert_eq!(moment(seconds / 60), expected, "{seconds}");
        }
    }
}

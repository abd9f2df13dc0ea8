//! `GET /api/crons`, `POST /api/crons/{id}`, and the jobs of the system.

use hangar_failure::Answer;
use hangar_model::ApiError;
use hangar_sdk::http::{Request, Response};
use hangar_sdk::{Error, Result, collections, crons, log, postgres};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::answer;
use crate::identity;
use crate::settings::{self, Settings};

/// How the ids of the system's jobs begin.
const SYSTEM: &str = "__pb";
const LIMITERS: &str = "__pbRateLimitersCleanup__";
const BACKUPS: &str = "__pbAutoBackup__";

#[derive(Deserialize, Serialize)]
struct Job {
    id: String,
    expression: String,
}

/// All jobs, those of the system last.
pub fn list(request: &Request) -> Answer {
    identity::require_superuser(request)?;
    let mut jobs: Vec<Job> = serde_json::from_str(&crons::jobs()?).map_err(Error::from)?;
    jobs.sort_by(|a, b| {
        let system = |job: &Job| job.id.starts_with(SYSTEM);
        system(a).cmp(&system(b)).then_with(|| {
            if system(a) {
                std::cmp::Ordering::Equal
            } else {
                a.id.cmp(&b.id)
            }
        })
    });
    let text = serde_json::to_string(&jobs).map_err(Error::from)?;
    Ok(answer::json(request, text)?)
}

/// Starts a job.
pub fn start(request: &Request) -> Answer {
    identity::require_superuser(request)?;
    let id = request.params.first().map_or("", String::as_str);
    if crons::run_now(id)? {
        Ok(Response::empty(204))
    } else {
        Err(ApiError::not_found("Missing or invalid cron job.").into())
    }
}

/// Jobs that depend on the settings.
pub fn apply(settings: &Settings) -> Result<()> {
    let limiters = settings.rate_limits.enabled.then_some("2 * * * *");
    crons::set(LIMITERS, limiters)?;
    // Whichever plugin keeps backups runs it; when is a setting.
    let backups = settings.backups.cron.as_str();
    crons::set(BACKUPS, (!backups.is_empty()).then_some(backups))
}

/// `hangar:plugin/crons.run`.
pub fn run(id: &str) -> Result<()> {
    match id {
        "__pbDBOptimize__" => postgres::batch("ANALYZE"),
        "__pbMFACleanup__" => expire("_mfas", "mfa"),
        "__pbOTPCleanup__" => expire("_otps", "otp"),
        // Old days are dropped whenever the log store hears of its settings.
        "__pbLogsCleanup__" => settings::apply(&settings::load()?),
        // The host bounds its counters by itself.
        LIMITERS => Ok(()),
        _ => Err(Error::internal(format!("there is no job {id}"))),
    }
}

/// Deletes the rows whose time is over: each auth collection says how long they live.
fn expire(table: &str, option: &str) -> Result<()> {
    let all: Vec<Value> = serde_json::from_str(&collections::collections()?)?;
    for collection in &all {
        let (Some(id), Some(seconds)) = (
            collection["id"].as_str(),
            collection[option]["duration"].as_f64(),
        ) else {
            continue;
        };
        let sql = format!(
            "DELETE FROM \"public\".\"{table}\" WHERE \"collectionRef\" = $1::text \
             AND \"created\" < now() - make_interval(secs => $2::float8)"
        );
        let rows = postgres::query(sql, vec![id.into(), postgres::Value::Float(seconds)])?;
        if rows.affected > 0 {
            log::log(
                log::Level::Info,
                &format!("{} expired rows of {table} were deleted", rows.affected),
                "",
            );
        }
    }
    Ok(())
}

//! Jobs: which there are, and running one.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use hangar_core::{Error, Result};
use hangar_cron::Schedule;
use hangar_wit::errors::Error as WitError;
use serde::Serialize;

use crate::generation::Generation;
use crate::host::Host;
use crate::links::ServiceGrant;
use crate::links::generated::hangar::plugin::schedule;
use crate::manifest::Cron;
use crate::state::{CallContext, State};

/// Jobs one plugin may add while it runs.
const ADDED: usize = 1_000;

/// A job of a plugin.
#[derive(Clone, Debug, Serialize)]
pub struct Job {
    /// Who runs it.
    pub plugin: String,
    /// Unique in the plugin.
    pub id: String,
    /// The five segments.
    pub expression: String,
    /// When it is due.
    #[serde(skip)]
    pub schedule: Schedule,
}

/// Jobs that plugins have added while they run, by the plugin that did and id.
#[derive(Default)]
pub(crate) struct Added(Mutex<BTreeMap<(String, String), Set>>);

struct Set {
    schedule: Schedule,
    /// Whether the plugin may say so for a job of another one that waits for it.
    for_all: bool,
}

/// Reads the jobs of a manifest or of `start`; the error names the one that is wrong.
pub(crate) fn check(plugin: &str, crons: &[Cron]) -> Result<()> {
    for cron in crons {
        let Some(expression) = &cron.expression else {
            continue;
        };
        Schedule::parse(expression).map_err(|why| {
            Error::bad_input(format!(
                "plugin \"{plugin}\" declares the job {:?} with the schedule {expression:?}: {why}",
                cron.id
            ))
        })?;
    }
    Ok(())
}

impl Host {
    /// All jobs, in the order of plugins.
    pub fn jobs(&self) -> Vec<Job> {
        let graph = self.graph();
        let declared = graph.plugins().iter().flat_map(|generation| {
            generation.crons().filter_map(|cron| {
                let schedule = Schedule::parse(cron.expression.as_deref()?).ok()?;
                Some(job(generation.name(), &cron.id, schedule))
            })
        });
        let added = self.added.0.lock().unwrap_or_else(PoisonError::into_inner);
        let added = added
            .iter()
            .filter(|((plugin, _), _)| graph.plugin(plugin).is_some())
            .map(|((plugin, id), set)| {
                let waits = |generation: &&Arc<Generation>| {
                    let mut crons = generation.crons();
                    crons.any(|cron| cron.id == *id && cron.expression.is_none())
                };
                let waiting = graph.plugins().iter().find(waits);
                let owner = match waiting.filter(|_| set.for_all) {
                    Some(generation) => generation.name(),
                    None => plugin,
                };
                job(owner, id, set.schedule.clone())
            });
        declared.chain(added.collect::<Vec<_>>()).collect()
    }

    /// Runs a job of a plugin to its end.
    pub async fn run_job(&self, plugin: &str, id: &str) -> Result<()> {
        let graph = self.graph();
        let missing = || {
            Error::new(
                "not_found",
                404,
                format!("there is no job {id:?} of plugin {plugin:?}"),
            )
        };
        let generation = graph.plugin(plugin).ok_or_else(missing)?;
        let limits = &generation.plugin.limits;
        let wall_ms = match generation.crons().any(|cron| cron.id == id && cron.long) {
            true => limits.command_ms,
            false => limits.wall_ms,
        };
        let call = CallContext::new(format!("job {id}").into(), wall_ms, limits.cpu_ms);
        let done = generation
            .call(
                &self.this(),
                call,
                |functions| &functions.cron,
                (id.to_owned(),),
            )
            .await?;
        done.ok_or_else(missing)
    }
}

impl Generation {
    fn crons(&self) -> impl Iterator<Item = &Cron> {
        let declared = self.manifest.crons.iter();
        declared.chain(&self.registrations.crons)
    }
}

fn job(plugin: &str, id: &str, schedule: Schedule) -> Job {
    Job {
        plugin: plugin.to_owned(),
        id: id.to_owned(),
        expression: schedule.text().to_owned(),
        schedule,
    }
}

impl State {
    fn may_see_jobs(&self) -> Result<()> {
        match self.grant::<ServiceGrant>() {
            Some(grant) if grant.crons => Ok(()),
            _ => Err(Error::denied(
                &self.plugin.name,
                "hangar:plugin/schedule",
                "grant.crons = true",
            )),
        }
    }
}

impl schedule::Host for State {
    async fn jobs(&mut self) -> Result<String, WitError> {
        self.may_see_jobs()?;
        serde_json::to_string(&self.host.jobs())
            .map_err(|error| Error::internal(error.to_string()).into())
    }

    async fn run_now(&mut self, id: String) -> Result<bool, WitError> {
        self.may_see_jobs()?;
        let Some(job) = self.host.jobs().into_iter().find(|job| job.id == id) else {
            return Ok(false);
        };
        let host: Arc<Host> = self.host.clone();
        tokio::spawn(async move {
            if let Err(error) = host.run_job(&job.plugin, &job.id).await {
                tracing::error!(plugin = job.plugin, job = job.id, %error, "a job failed");
            }
        });
        Ok(true)
    }

    async fn set(&mut self, id: String, expression: Option<String>) -> Result<(), WitError> {
        let key = (self.plugin.name.to_string(), id);
        let for_all = self.may_see_jobs().is_ok();
        let mut added = self
            .host
            .added
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let Some(expression) = expression else {
            added.remove(&key);
            return Ok(());
        };
        let schedule = Schedule::parse(&expression).map_err(Error::bad_input)?;
        let own = added.keys().filter(|(plugin, _)| *plugin == key.0).count();
        if own >= ADDED && !added.contains_key(&key) {
            return Err(Error::bad_input(format!(
                "plugin \"{}\" has added {ADDED} jobs already",
                key.0
            ))
            .into());
        }
        added.insert(key, Set { schedule, for_all });
        Ok(())
    }
}

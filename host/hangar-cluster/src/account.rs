//! Under which user the server runs. PostgreSQL refuses to run as root, so root drops to another user.

use std::path::Path;
use std::process::Stdio;

use nix::unistd::{Uid, User};
use tokio::process::Command;

use crate::error::{Error, Result};

/// Variables that PostgreSQL's programs may need. Nothing else of our environment reaches them: it may hold secrets,
/// and `PG*` variables would change what they do.
const KEPT_VARIABLES: [&str; 5] = [
    "PATH",
    "LD_LIBRARY_PATH",
    "LOCALE_ARCHIVE",
    "LOCPATH",
    "TZDIR",
];

/// The user the server runs as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) name: String,
    /// Whether this process is root and has to change to the account.
    drops: bool,
}

impl Account {
    /// The account for a cluster whose folder belongs to `owner` (a user id), if it exists already.
    ///
    /// As root: that owner, or the owner of the data directory `dir`, or `postgres`, or `nobody`; never root.
    /// Otherwise the present user, who must then be the owner.
    pub(crate) fn choose(dir: &Path, owner: Option<u32>) -> Result<Self> {
        let me = Uid::effective();
        if !me.is_root() {
            return Self::present_user(me.as_raw(), dir, owner);
        }
        let dir_owner = crate::files::owner(dir)?;
        let by_id = |uid: u32| User::from_uid(Uid::from_raw(uid)).ok().flatten();
        let by_name = |name: &str| {
            User::from_name(name)
                .ok()
                .flatten()
                .filter(|user| !user.uid.is_root())
        };
        let user = [owner, Some(dir_owner)]
            .into_iter()
            .flatten()
            .filter(|uid| *uid != 0)
            .find_map(by_id)
            .or_else(|| by_name("postgres"))
            .or_else(|| by_name("nobody"))
            .ok_or_else(|| {
                Error::Place(
                    "PostgreSQL refuses to run as root, and there is no user `postgres` or `nobody` to run it as; \
                     create one (for example: useradd --system postgres) or start Hangar as an ordinary user"
                        .into(),
                )
            })?;
        Ok(Self {
            uid: user.uid.as_raw(),
            gid: user.gid.as_raw(),
            name: user.name,
            drops: true,
        })
    }

    fn present_user(uid: u32, dir: &Path, owner: Option<u32>) -> Result<Self> {
        if let Some(owner) = owner.filter(|owner| *owner != uid) {
            return Err(Error::Place(format!(
                "the PostgreSQL cluster of {} belongs to {}, and Hangar runs as {}; start Hangar as root or as that \
                 user, or choose another --dir",
                dir.display(),
                describe(owner),
                describe(uid)
            )));
        }
        let gid = nix::unistd::Gid::effective().as_raw();
        Ok(Self {
            uid,
            gid,
            name: describe(uid),
            drops: false,
        })
    }

    /// Whether files have to be handed over to the account.
    pub(crate) fn drops(&self) -> bool {
        self.drops
    }

    /// A command run as this account, in `folder`, with a clean environment, English messages and no input.
    pub(crate) fn command(&self, program: &Path, folder: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("LC_ALL", "C")
            .stdin(Stdio::null())
            .current_dir(folder);
        for name in KEPT_VARIABLES {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        if self.drops {
            // The standard library also drops the supplementary groups when root sets a user id.
            command.gid(self.gid).uid(self.uid);
        }
        command
    }

    /// Whether the account can run `program` with `folder` as its working directory: the real thing is tried, as
    /// access lists and security modules count too.
    pub(crate) async fn can_enter(&self, program: &Path, folder: &Path) -> bool {
        let mut command = self.command(program, folder);
        command
            .arg("--version")
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command.status().await.is_ok_and(|status| status.success())
    }
}

fn describe(uid: u32) -> String {
    match User::from_uid(Uid::from_raw(uid)) {
        Ok(Some(user)) => format!("user {} ({uid})", user.name),
        _ => format!("user {uid}"),
    }
}

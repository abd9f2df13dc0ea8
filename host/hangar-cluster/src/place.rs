//! Where a cluster lies and whom it belongs to.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use nix::unistd::Uid;

use crate::account::Account;
use crate::error::{Error, Result};
use crate::files;
use crate::programs::Programs;

/// The port, which only names the socket file.
pub(crate) const PORT: u16 = 5432;

/// The longest path of a socket that every system accepts (Linux 107 bytes, macOS 103).
const LONGEST_SOCKET_PATH: usize = 100;

/// In a cluster outside its data directory: the directory it belongs to.
const BACK_REFERENCE: &str = "belongs-to";

/// In a data directory whose cluster lies elsewhere: where that is.
const REFERENCE: &str = "postgres.path";

/// A cluster's folders and the account that owns them.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    root: PathBuf,
    account: Account,
}

impl Place {
    /// Makes the data directory if needed; returns its absolute path without links.
    pub(crate) fn data_directory(dir: &Path) -> Result<PathBuf> {
        fs::create_dir_all(dir).map_err(Error::io("create", dir))?;
        let dir = fs::canonicalize(dir).map_err(Error::io("look at", dir))?;
        match dir.to_str() {
            Some(text) if !text.chars().any(char::is_control) => Ok(dir),
            _ => Err(Error::Place(format!(
                "the data directory {dir:?} has characters in its path that PostgreSQL's settings cannot hold; choose \
                 another --dir"
            ))),
        }
    }

    /// The cluster that `dir` already has, if any.
    pub(crate) fn find(dir: &Path) -> Result<Option<Self>> {
        let reference = dir.join(REFERENCE);
        let root = match files::read_tail(&reference, 4096)? {
            Some(path) => elsewhere(dir, &reference, Path::new(path.trim()))?,
            None => dir.join("postgres"),
        };
        // Root may have been stopped just after it made the outer folder, before it knew whether it can be used.
        let begun = if Uid::effective().is_root() {
            root.join("data")
        } else {
            root.clone()
        };
        let elsewhere = root.parent() != Some(dir);
        if !elsewhere && fs::symlink_metadata(begun).is_err() {
            return Ok(None);
        }
        let account = Account::choose(dir, Some(files::owner(&root)?))?;
        Ok(Some(Self { root, account }))
    }

    /// Picks the folder for a new cluster: below `dir`, or below `fallback_root` when the server's account cannot
    /// enter `dir`.
    pub(crate) async fn make(
        dir: &Path,
        fallback_root: &Path,
        programs: &Programs,
    ) -> Result<Self> {
        let account = Account::choose(dir, None)?;
        if !account
            .can_enter(&programs.postgres(), Path::new("/"))
            .await
        {
            return Err(Error::Place(format!(
                "{} cannot run {}; check the permissions of its folders",
                account.name,
                programs.postgres().display()
            )));
        }
        let root = dir.join("postgres");
        files::private_folder(&root, &account)?;
        if account.can_enter(&programs.postgres(), &root).await {
            return Ok(Self { root, account });
        }
        // Only ever empty: it was made just now, or by a start that got no further.
        let _ = fs::remove_dir(&root);
        let place = Self {
            root: fallback(dir, fallback_root, &account)?,
            account,
        };
        place.check_reach(programs).await?;
        files::replace(
            &place.root.join(BACK_REFERENCE),
            &dir.to_string_lossy(),
            &place.account,
        )?;
        let reference = dir.join(REFERENCE);
        fs::write(&reference, place.root.to_string_lossy().as_bytes())
            .map_err(Error::io("write", &reference))?;
        tracing::info!(
            "{} cannot enter {}, so the PostgreSQL cluster is placed in {} (noted in {REFERENCE})",
            place.account.name,
            dir.display(),
            place.root.display()
        );
        Ok(place)
    }

    /// Puts the folders' owners and modes right before the server starts.
    pub(crate) async fn prepare(&self, programs: &Programs) -> Result<()> {
        files::private_folder(&self.root, &self.account)?;
        self.check_reach(programs).await?;
        let data = self.data();
        if self.account.drops() && data.exists() && files::owner(&data)? != self.account.uid {
            tracing::info!(
                "handing {} over to {}",
                self.root.display(),
                self.account.name
            );
            files::hand_over(&self.root, &self.account)?;
        }
        if data.exists() {
            files::private_folder(&data, &self.account)?;
        }
        files::private_folder(&self.log(), &self.account)?;
        files::private_folder(&self.socket_dir(), &self.account)
    }

    async fn check_reach(&self, programs: &Programs) -> Result<()> {
        if self
            .account
            .can_enter(&programs.postgres(), &self.root)
            .await
        {
            return Ok(());
        }
        Err(Error::Place(format!(
            "{}, under which the PostgreSQL server runs, cannot enter {} or run {}; give it the right to enter each \
             folder on these paths (chmod o+x), or choose another --dir",
            self.account.name,
            self.root.display(),
            programs.postgres().display()
        )))
    }

    /// The major version that made the cluster, `None` before `initdb`.
    pub(crate) fn major(&self) -> Result<Option<u32>> {
        let text = files::read_tail(&self.data().join("PG_VERSION"), 64)?;
        Ok(text.and_then(|text| text.trim().parse().ok()))
    }

    /// The folder that holds all the others.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// PGDATA.
    pub(crate) fn data(&self) -> PathBuf {
        self.root.join("data")
    }

    /// The folder of the server's logs.
    pub(crate) fn log(&self) -> PathBuf {
        self.root.join("log")
    }

    /// The account that owns the cluster and runs the server.
    pub(crate) fn account(&self) -> &Account {
        &self.account
    }

    /// The folder of the socket: beside the data, or in /tmp when that path is too long or has characters that
    /// PostgreSQL's list of socket folders treats in its own way. It depends on nothing else, so that every process
    /// looks in the same folder.
    pub(crate) fn socket_dir(&self) -> PathBuf {
        let beside = self.root.join("run");
        let text = beside.to_string_lossy();
        let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+@~=".contains(c);
        let length = text.len() + format!("/.s.PGSQL.{PORT}").len();
        if length <= LONGEST_SOCKET_PATH && text.chars().all(plain) {
            return beside;
        }
        Path::new("/tmp").join(format!("hangar-{}", files::path_hash(&self.root)))
    }
}

/// Checks the cluster that a data directory refers to.
fn elsewhere(dir: &Path, reference: &Path, root: &Path) -> Result<PathBuf> {
    if !root.is_absolute() || !root.is_dir() {
        return Err(Error::Place(format!(
            "{} says that the PostgreSQL cluster is in {}, which is not there; bring that folder back, or remove {} to \
             start with an empty database",
            reference.display(),
            root.display(),
            reference.display()
        )));
    }
    let back = root.join(BACK_REFERENCE);
    let owner = files::read_tail(&back, 4096)?.unwrap_or_default();
    let owner = Path::new(owner.trim());
    if owner == dir {
        return Ok(root.to_owned());
    }
    // A directory that was moved takes its cluster along; a copy must not share the original's.
    if owner.join(REFERENCE).exists() {
        return Err(Error::Place(format!(
            "{} is a copy of {}, and both refer to the PostgreSQL cluster in {}; remove {} to start the copy with an \
             empty database, and restore a dump into it",
            dir.display(),
            owner.display(),
            root.display(),
            reference.display()
        )));
    }
    fs::write(&back, dir.to_string_lossy().as_bytes()).map_err(Error::io("write", &back))?;
    Ok(root.to_owned())
}

/// Makes the folder for a cluster that cannot lie in its data directory.
fn fallback(dir: &Path, fallback_root: &Path, account: &Account) -> Result<PathBuf> {
    if !fallback_root.exists() {
        fs::create_dir_all(fallback_root).map_err(Error::io("create", fallback_root))?;
        // Whatever the umask: the account has to pass through.
        fs::set_permissions(fallback_root, fs::Permissions::from_mode(0o755))
            .map_err(Error::io("change the mode of", fallback_root))?;
    }
    let root = fallback_root.join(files::path_hash(dir));
    if root.join("data").exists() {
        return Err(Error::Place(format!(
            "{} holds a PostgreSQL cluster that was made for {}, but {REFERENCE} is missing from that directory; write \
             the path into that file to use the cluster, or move the folder away",
            root.display(),
            dir.display()
        )));
    }
    files::private_folder(&root, account)?;
    Ok(root)
}

//! Where compiled components are kept.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

const OTHERS_WRITE: u32 = 0o022;
const STICKY: u32 = 0o1000;

/// One folder for all data directories of a user, so that a new one is ready at once: `hangar/compiled` where the user
/// keeps caches (`XDG_CACHE_HOME`, by default `~/.cache`). `cache` in the data directory if the user has no such place
/// that is theirs alone, for what lies there is run as machine code.
pub fn folder(data: &Path) -> PathBuf {
    let base = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .filter(|base| base.is_absolute())
        .or_else(|| Some(std::env::home_dir()?.join(".cache")));
    let Some(base) = base.filter(|base| base.is_absolute()) else {
        return data.join("cache");
    };
    shared(&base).unwrap_or_else(|why| {
        tracing::debug!(%why, "compiled code is kept in the data directory");
        data.join("cache")
    })
}

fn shared(base: &Path) -> Result<PathBuf, String> {
    let folder = base.join("hangar/compiled");
    let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
    // Before anything is made: with `sudo`, the home may be another user's.
    let there = folder.ancestors().find(|path| path.exists());
    ours(there.unwrap_or(base))?;
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&folder)
        .map_err(failed)?;
    ours(&folder)?;
    let mode = fs::metadata(&folder).map_err(failed)?.permissions().mode();
    if mode & OTHERS_WRITE != 0 {
        return Err(format!("others may write to {}", folder.display()));
    }
    Ok(folder)
}

/// Refuses a path that others than this user and root could put something else in the place of.
fn ours(path: &Path) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("{}: {error}", path.display());
    let real = fs::canonicalize(path).map_err(failed)?;
    let me = nix::unistd::geteuid().as_raw();
    for folder in real.ancestors() {
        let found = fs::metadata(folder).map_err(failed)?;
        let mode = found.permissions().mode();
        if found.uid() != me && found.uid() != 0 {
            return Err(format!("{} belongs to another user", folder.display()));
        }
        if mode & OTHERS_WRITE != 0 && mode & STICKY == 0 {
            return Err(format!("others may write to {}", folder.display()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allow(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn a_folder_of_this_user_is_made_and_private() {
        let base = tempfile::tempdir().unwrap();
        let folder = shared(&base.path().join("caches")).unwrap();
        let mode = fs::metadata(&folder).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        assert_eq!(shared(&base.path().join("caches")), Ok(folder));
    }

    #[test]
    fn what_others_may_change_is_not_used() {
        let base = tempfile::tempdir().unwrap();
        let folder = shared(base.path()).unwrap();
        for open in [folder.as_path(), folder.parent().unwrap(), base.path()] {
            allow(open, 0o770);
            let why = shared(base.path()).unwrap_err();
            assert!(why.contains("others may write"), "{why}");
            allow(open, 0o700);
        }
        shared(base.path()).unwrap();
    }

    #[test]
    fn a_link_to_a_place_of_others_is_not_used() {
        let (base, open) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        allow(open.path(), 0o777);
        std::os::unix::fs::symlink(open.path(), base.path().join("hangar")).unwrap();
        shared(base.path()).unwrap_err();
        assert!(!open.path().join("compiled").exists());
    }
}

//! Small file operations that also work for root on folders that belong to another user.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, lchown};
use std::path::Path;

use crate::account::Account;
use crate::error::{Error, Result};

/// The user id that owns a file or folder.
pub(crate) fn owner(path: &Path) -> Result<u32> {
    Ok(fs::symlink_metadata(path)
        .map_err(Error::io("look at", path))?
        .uid())
}

/// A folder only `account` can enter. An existing one is put right if it belongs to the account or to us, and refused
/// otherwise: someone else may have made it to read what we put in it.
pub(crate) fn private_folder(path: &Path, account: &Account) -> Result<()> {
    match DirBuilder::new().mode(0o700).create(path) {
        Err(e) if e.kind() != ErrorKind::AlreadyExists => return Err(Error::io("create", path)(e)),
        _ => {}
    }
    let found = fs::symlink_metadata(path).map_err(Error::io("look at", path))?;
    let ours = found.uid() == account.uid || (account.drops() && found.uid() == 0);
    if !found.is_dir() || !ours {
        return Err(Error::Place(format!(
            "{} exists but is not a folder of {}; remove it, or choose another --dir",
            path.display(),
            account.name
        )));
    }
    if found.uid() != account.uid {
        lchown(path, Some(account.uid), Some(account.gid))
            .map_err(Error::io("change the owner of", path))?;
    }
    if found.mode() & 0o777 != 0o700 {
        fs::set_permissions(path, fs::Permissions::from_mode(0o700))
            .map_err(Error::io("change the mode of", path))?;
    }
    Ok(())
}

/// Hands a folder and all in it to the account, as needed after root copied or restored one.
pub(crate) fn hand_over(path: &Path, account: &Account) -> Result<()> {
    let found = fs::symlink_metadata(path).map_err(Error::io("look at", path))?;
    lchown(path, Some(account.uid), Some(account.gid))
        .map_err(Error::io("change the owner of", path))?;
    if found.is_dir() {
        for entry in fs::read_dir(path).map_err(Error::io("read", path))? {
            hand_over(&entry.map_err(Error::io("read", path))?.path(), account)?;
        }
    }
    Ok(())
}

/// A new, empty file of the account. An old one is removed first rather than opened, since root must not follow a link
/// in a folder that another user can write to.
pub(crate) fn create(path: &Path, account: &Account) -> Result<File> {
    remove(path)?;
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    let file = file.map_err(Error::io("create", path))?;
    if account.drops() {
        std::os::unix::fs::fchown(&file, Some(account.uid), Some(account.gid))
            .map_err(Error::io("change the owner of", path))?;
    }
    Ok(file)
}

/// Replaces a file's content in one step.
pub(crate) fn replace(path: &Path, content: &str, account: &Account) -> Result<()> {
    let new = path.with_extension("new");
    let mut file = create(&new, account)?;
    file.write_all(content.as_bytes())
        .and_then(|()| file.sync_all())
        .map_err(Error::io("write", &new))?;
    fs::rename(&new, path).map_err(Error::io("replace", path))
}

/// Removes a file if it is there.
pub(crate) fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(e) if e.kind() != ErrorKind::NotFound => Err(Error::io("remove", path)(e)),
        _ => Ok(()),
    }
}

/// The content of a small text file, `None` if there is no such file. At most the last `limit` bytes.
pub(crate) fn read_tail(path: &Path, limit: u64) -> Result<Option<String>> {
    let mut file = match File::open(path) {
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
        other => other.map_err(Error::io("read", path))?,
    };
    let read = |file: &mut File| {
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(limit)))?;
        let mut bytes = Vec::new();
        file.take(limit).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let bytes = read(&mut file).map_err(Error::io("read", path))?;
    Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
}

/// A short name for a path, the same in every version of Hangar (FNV-1a).
pub(crate) fn path_hash(path: &Path) -> String {
    let bytes = path.as_os_str().as_encoded_bytes();
    let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{hash:016x}")
}

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use sha2::{Digest, Sha256};
use wasmtime::Engine;
use wasmtime::component::Component;

/// Files kept; beyond these, what was not used for longest is removed. A server has about six.
const KEPT: usize = 64;

/// How exactly it is known when a file was last used.
const USED_WITHIN: Duration = Duration::from_secs(24 * 3600);

/// Lower-case hexadecimal SHA-256, by which components are known.
pub fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Compiled code by the digest of the component and of the engine that compiled it.
#[derive(Clone)]
pub struct Cache {
    dir: PathBuf,
}

impl Cache {
    pub fn new(dir: PathBuf) -> Self {
        Self { dir }
    }

    pub fn compile(&self, engine: &Engine, bytes: &[u8]) -> wasmtime::Result<Component> {
        let mut hasher = DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut hasher);
        let name = format!("{}-{:016x}.cwasm", digest(bytes), hasher.finish());
        let path = self.dir.join(name);
        if path.exists() {
            // SAFETY: the file was written by `store` below into a directory that only this user may write to, and its
            // name holds the digest of the source and of the engine's configuration and version.
            match unsafe { Component::deserialize_file(engine, &path) } {
                Ok(component) => {
                    used(&path);
                    return Ok(component);
                }
                Err(error) => {
                    tracing::warn!(%error, file = %path.display(), "cached code unusable; compiling again");
                }
            }
        }
        let component = Component::new(engine, bytes)?;
        if let Err(error) = self.store(&path, &component) {
            tracing::warn!(%error, dir = %self.dir.display(), "cannot cache compiled code; the next start compiles again");
        }
        Ok(component)
    }

    /// Writes beside and renames, so that a crash or a full disk never leaves half a file under the final name.
    fn store(&self, path: &Path, component: &Component) -> wasmtime::Result<()> {
        create_private(&self.dir)?;
        let temporary = path.with_extension(format!("{:016x}.tmp", rand::random::<u64>()));
        let written = (|| {
            let mut file = fs::File::create(&temporary)?;
            file.write_all(&component.serialize()?)?;
            file.sync_all()?;
            fs::rename(&temporary, path)?;
            Ok(())
        })();
        if written.is_err() {
            let _ = fs::remove_file(&temporary);
        }
        self.prune();
        written
    }

    /// Removes what was not used for longest. Servers that have it open keep it: it is mapped into their memory.
    fn prune(&self) {
        let Ok(files) = fs::read_dir(&self.dir) else {
            return;
        };
        let mut files: Vec<(SystemTime, PathBuf)> = files
            .flatten()
            .filter_map(|file| Some((file.metadata().ok()?.modified().ok()?, file.path())))
            .collect();
        files.sort();
        let many = files.len().saturating_sub(KEPT);
        for (_, file) in files.drain(..many) {
            let _ = fs::remove_file(file);
        }
    }
}

/// Notes that a file is in use, by its time of modification: times of access are not kept everywhere.
fn used(path: &Path) {
    let Ok(file) = fs::File::open(path) else {
        return;
    };
    let known = file.metadata().and_then(|found| found.modified());
    if known.is_ok_and(|at| at.elapsed().is_ok_and(|since| since > USED_WITHIN)) {
        let _ = file.set_modified(SystemTime::now());
    }
}

fn create_private(dir: &Path) -> std::io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt;
        builder.mode(0o700);
    }
    builder.create(dir)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An empty component, and another one: it has an empty section named `x`.
    const EMPTY: &[u8] = b"\0asm\x0d\0\x01\0";
    const OTHER: &[u8] = b"\0asm\x0d\0\x01\0\0\x02\x01x";

    #[test]
    fn what_was_not_used_for_longest_goes_first() {
        let dir = tempfile::tempdir().unwrap();
        let now = SystemTime::now();
        let engine = Engine::default();
        let cache = Cache::new(dir.path().to_path_buf());
        cache.compile(&engine, EMPTY).unwrap();
        let compiled = fs::read_dir(dir.path()).unwrap().next().unwrap().unwrap();
        let aged = |path: &Path, days: u64| {
            let file = fs::File::options().append(true).create(true).open(path);
            file.unwrap()
                .set_modified(now - USED_WITHIN * days as u32)
                .unwrap();
        };
        aged(&compiled.path(), 200);
        for days in 100..100 + KEPT as u64 {
            aged(&dir.path().join(format!("{days}.cwasm")), days);
        }
        // Used again: no longer the oldest.
        cache.compile(&engine, EMPTY).unwrap();
        cache.compile(&engine, OTHER).unwrap();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), KEPT);
        assert!(compiled.path().exists());
        assert!(dir.path().join("161.cwasm").exists());
        assert!(!dir.path().join("162.cwasm").exists());
    }
}

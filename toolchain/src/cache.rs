// SPDX-License-Identifier: MIT OR Apache-2.0
//! A folder of results that are found again by their content.

use super::{Error, Progress, lock};
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// What was not used for so long is deleted.
const KEEP: Duration = Duration::from_secs(30 * 24 * 3600);

/// `cache/name/file`, made by `make` in a folder that gets its name only when all is done: an interrupted or failed build
/// leaves nothing that could be taken for a result.
pub fn cached<E: From<Error>>(
    cache: &Path,
    name: &str,
    file: &str,
    progress: &mut Progress,
    make: impl FnOnce(&Path, &mut Progress) -> Result<(), E>,
) -> Result<PathBuf, E> {
    let entry = cache.join(name);
    let wanted = entry.join(file);
    if found(&wanted) {
        return Ok(wanted);
    }
    fs::create_dir_all(cache).map_err(Error::io("cannot create", cache))?;
    let _lock = lock(&cache.join(format!("{name}.lock")), progress)?;
    if found(&wanted) {
        return Ok(wanted);
    }
    let work = tempfile::Builder::new()
        .prefix("build-")
        .tempdir_in(cache)
        .map_err(Error::io("cannot create a folder in", cache))?;
    let folder = work.path().join("entry");
    fs::create_dir(&folder).map_err(Error::io("cannot create", &folder))?;
    make(&folder, progress)?;
    if entry.exists() {
        fs::remove_dir_all(&entry).map_err(Error::io("cannot remove", &entry))?;
    }
    fs::rename(&folder, &entry).map_err(Error::io("cannot create", &entry))?;
    touch(&entry);
    Ok(wanted)
}

fn found(wanted: &Path) -> bool {
    let is = wanted.is_file();
    if let (true, Some(entry)) = (is, wanted.parent()) {
        touch(entry);
    }
    is
}

/// Notes that an entry is in use. A cache that cannot be written to is used all the same.
fn touch(entry: &Path) {
    let _ = File::open(entry).and_then(|entry| entry.set_modified(SystemTime::now()));
}

/// Deletes what has not been used for long, also the rests of builds that were killed. Failing to is no fault.
pub fn prune(cache: &Path) {
    for entry in fs::read_dir(cache).into_iter().flatten().flatten() {
        let modified = entry.metadata().and_then(|data| data.modified());
        let age = modified.ok().and_then(|time| time.elapsed().ok());
        if age.is_none_or(|age| age < KEEP) {
            continue;
        }
        let path = entry.path();
        // A lock file stays: deleting it while someone waits for it would let two in.
        if path.is_dir() {
            let _ = fs::remove_dir_all(path);
        }
    }
}

/// A short name for a list of texts; no two lists run together.
pub fn key(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    }
    let digest = hash.finalize();
    digest
        .iter()
        .take(12)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_depends_on_every_part_and_its_borders() {
        assert_eq!(key(&["a", "b"]), key(&["a", "b"]));
        assert_ne!(key(&["a", "b"]), key(&["ab", ""]));
        assert_ne!(key(&["a", "b"]), key(&["b", "a"]));
    }

    #[test]
    fn a_failed_build_is_not_kept() {
        let dir = tempfile::tempdir().unwrap();
        let fail = cached(dir.path(), "x", "f", &mut |_| {}, |folder, _| {
            fs::write(folder.join("f"), "half").unwrap();
            File::open(folder.join("none"))
                .map(drop)
                .map_err(Error::io("cannot read", folder))
        });
        assert!(fail.is_err());
        let make = |folder: &Path, _: &mut Progress| {
            fs::write(folder.join("f"), "whole").unwrap();
            Ok::<_, Error>(())
        };
        let path = cached(dir.path(), "x", "f", &mut |_| {}, make).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "whole");
        cached(
            dir.path(),
            "x",
            "f",
            &mut |_| {},
            |_, _| -> Result<(), Error> { panic!("built twice") },
        )
        .unwrap();
        let entries = fs::read_dir(dir.path()).unwrap().count();
        assert_eq!(entries, 2, "one entry and its lock file");
    }

    #[test]
    fn prune_takes_the_old_and_leaves_the_used() {
        let dir = tempfile::tempdir().unwrap();
        let old = SystemTime::now() - 2 * KEEP;
        for name in ["used", "forgotten"] {
            fs::create_dir(dir.path().join(name)).unwrap();
            fs::write(dir.path().join(name).join("f"), "").unwrap();
            File::open(dir.path().join(name))
                .unwrap()
                .set_modified(old)
                .unwrap();
        }
        cached(
            dir.path(),
            "used",
            "f",
            &mut |_| {},
            |_, _| -> Result<(), Error> { panic!("it is there") },
        )
        .unwrap();
        prune(dir.path());
        assert!(dir.path().join("used/f").is_file());
        assert!(!dir.path().join("forgotten").exists());
    }
}

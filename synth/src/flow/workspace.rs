// SPDX-License-Identifier: MIT OR Apache-2.0
//! The folder that a run works in, inside the output folder. It goes with the run; those of runs that were killed go with the next.

use std::fs::{self, File};
use std::path::Path;

use tempfile::TempDir;

use crate::Error;

const PREFIX: &str = ".synth-";
/// A file that a run holds locked.
const LOCK: &str = "lock";

/// A new folder, and the lock that shows it to be in use.
pub(super) fn open(folder: &Path) -> Result<(TempDir, File), Error> {
    for entry in fs::read_dir(folder).map_err(Error::io(folder))? {
        let path = entry.map_err(Error::io(folder))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with(PREFIX) && is_left(&path) {
            fs::remove_dir_all(&path).map_err(Error::io(&path))?;
        }
    }
    let work = tempfile::Builder::new()
        .prefix(PREFIX)
        .tempdir_in(folder)
        .map_err(Error::io(folder))?;
    let path = work.path().join(LOCK);
    let lock = File::create(&path).map_err(Error::io(&path))?;
    lock.lock().map_err(Error::io(&path))?;
    Ok((work, lock))
}

/// Whether nobody works in a folder: its lock is free.
fn is_left(folder: &Path) -> bool {
    let lock = File::open(folder.join(LOCK));
    lock.is_ok_and(|lock| lock.try_lock().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_of_killed_runs_go_and_those_in_use_stay() {
        let folder = tempfile::tempdir().unwrap();
        let (first, lock) = open(folder.path()).unwrap();
        let (second, _lock) = open(folder.path()).unwrap();
        assert!(first.path().is_dir() && second.path().is_dir());
        // a killed run: its folder stays, its lock ends
        let first = first.keep();
        drop(lock);
        let other = folder.path().join(".synth-of-somebody");
        fs::create_dir(&other).unwrap();
        let (third, _lock) = open(folder.path()).unwrap();
        assert!(!first.exists() && second.path().is_dir() && third.path().is_dir());
        assert!(other.is_dir());
    }
}

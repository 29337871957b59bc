// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where tools and built models are kept.

use super::Error;
use std::env;
use std::path::{Path, PathBuf};

/// The two folders that this program writes besides what the user names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    /// Installed tools, one folder per tool and version.
    pub tools: PathBuf,
    /// Built simulations and netlists, by content; may be deleted at any time.
    pub cache: PathBuf,
}

impl Places {
    /// `.tools` and `target/sepstream-cache` of the cargo workspace that the program runs in or was built in, else the user's
    /// cache folder. `SEPSTREAM_TOOLS` and `SEPSTREAM_CACHE` override each.
    pub fn locate() -> Result<Self, Error> {
        let default = workspace()
            .map(|root| (root.join(".tools"), root.join("target/sepstream-cache")))
            .or_else(|| {
                dirs::cache_dir()
                    .map(|dir| (dir.join("sepstream/tools"), dir.join("sepstream/models")))
            });
        let (tools, cache) = default.unzip();
        let missing = || Error::Missing {
            name: "a folder for tools and built models",
            looked_for: "a cargo workspace, the user's cache folder".into(),
            way_out: "set SEPSTREAM_TOOLS and SEPSTREAM_CACHE to folders that may be written",
        };
        Ok(Self {
            tools: variable("SEPSTREAM_TOOLS").or(tools).ok_or_else(missing)?,
            cache: variable("SEPSTREAM_CACHE").or(cache).ok_or_else(missing)?,
        })
    }
}

fn variable(name: &str) -> Option<PathBuf> {
    env::var_os(name)
        .filter(|value| !value.is_empty())
        .map(PathBuf::from)
}

/// The workspace of `cargo run` or `cargo test`, or the one whose target folder holds the running program.
fn workspace() -> Option<PathBuf> {
    let manifest = variable("CARGO_MANIFEST_DIR");
    let program = env::current_exe().ok();
    [manifest, program]
        .into_iter()
        .flatten()
        .find_map(|start| workspace_above(&start))
}

/// Cargo keeps the lock file in the root of a workspace, and only there.
fn workspace_above(start: &Path) -> Option<PathBuf> {
    let root = |dir: &&Path| dir.join("Cargo.lock").is_file() && dir.join("Cargo.toml").is_file();
    start.ancestors().find(root).map(Path::to_path_buf)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workspace_is_the_folder_with_the_lock_file() {
        let dir = tempfile::tempdir().unwrap();
        let member = dir.path().join("member/src");
        std::fs::create_dir_all(&member).unwrap();
        std::fs::write(dir.path().join("member/Cargo.toml"), "").unwrap();
        assert_eq!(workspace_above(&member), None);
        std::fs::write(dir.path().join("Cargo.toml"), "").unwrap();
        std::fs::write(dir.path().join("Cargo.lock"), "").unwrap();
        assert_eq!(workspace_above(&member), Some(dir.path().to_path_buf()));
    }
}

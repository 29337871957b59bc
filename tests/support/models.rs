// SPDX-License-Identifier: MIT OR Apache-2.0
//! Models that are not part of this repository.

use std::path::PathBuf;

/// The folder of shared models, unless it is absent and need not be there.
pub fn models() -> Option<PathBuf> {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/models");
    let folder = std::env::var_os("SEPSTREAM_MODELS").map_or(default.into(), PathBuf::from);
    if folder.is_dir() {
        return Some(folder);
    }
    let required = std::env::var_os("REQUIRE_TOOLS").is_some_and(|value| value == "1");
    assert!(!required, "no shared models at {}", folder.display());
    println!("SKIPPED: shared models");
    None
}

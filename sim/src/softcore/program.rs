// SPDX-License-Identifier: MIT OR Apache-2.0
//! The program that soft cores run: `firmware/softcore`, built for RV32IM.

use super::rust::{Rust, TARGET};
use sepstream_toolchain::{self as tools, Error, Places};
use std::env;
use std::fs;
use std::path::Path;
use std::process::Command;

/// Builds the program; its bytes as they lie in the RAM from address 0 on.
///
/// # Errors
/// When the source is not there, or the build fails.
pub fn program(rust: &Rust) -> Result<Vec<u8>, Error> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../firmware/softcore");
    if !source.join("Cargo.toml").is_file() {
        return Err(Error::Missing {
            name: "the source of the soft core's program",
            looked_for: source.display().to_string(),
            way_out: "run this command from a build in the project's own folder",
        });
    }
    let target = Places::locate()?.cache.join("softcore");
    fs::create_dir_all(&target).map_err(Error::io("cannot create", &target))?;
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command
        .current_dir(&source)
        .args([
            "build",
            "--release",
            "--quiet",
            "--locked",
            "--target",
            TARGET,
        ])
        .arg("--target-dir")
        .arg(&target)
        .env("RUSTC", &rust.rustc)
        .env(
            "CARGO_TARGET_RISCV32IM_UNKNOWN_NONE_ELF_LINKER",
            &rust.linker,
        )
        // those are for the host's programs
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env_remove("RUSTC_WRAPPER");
    if rust.builds_core {
        // building core is an unstable option, which this variable allows
        command.arg("-Zbuild-std=core").env("RUSTC_BOOTSTRAP", "1");
    }
    let output = command.output().map_err(Error::io("cannot run", "cargo"))?;
    if !output.status.success() {
        return Err(tools::Error::Failed {
            name: "cargo".into(),
            command: format!("{command:?}"),
            log: String::from_utf8_lossy(&output.stderr).into_owned(),
        });
    }
    let path = target.join(TARGET).join("release/sepstream-softcore");
    fs::read(&path).map_err(Error::io("cannot read", path))
}

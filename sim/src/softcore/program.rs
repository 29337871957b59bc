// SPDX-License-Identifier: MIT OR Apache-2.0
//! The program that soft cores run: `firmware/softcore`, built for RV32IM.

use crate::tools::{self, Error, Places};
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const TARGET: &str = "riscv32im-unknown-none-elf";
const OVERRIDE: &str = "SEPSTREAM_RISCV_RUSTC";
const WAY_OUT: &str = "run `rustup target add riscv32im-unknown-none-elf`, or install Debian's packages rustc-web and rust-web-src, or \
                       name a rustc that has the target in SEPSTREAM_RISCV_RUSTC";

/// A Rust compiler that can build for RV32IM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rust {
    rustc: PathBuf,
    /// It has no `core` for the target, but its source.
    builds_core: bool,
    linker: PathBuf,
}

impl Rust {
    /// The one of `SEPSTREAM_RISCV_RUSTC`, else the `rustc` of the `PATH`, else that of the system: the first that has `core` for
    /// the target, or its source.
    ///
    /// # Errors
    /// When there is none, with the ways to get one.
    pub fn find() -> Result<Self, Error> {
        let named = env::var_os(OVERRIDE).filter(|value| !value.is_empty());
        let candidates = match &named {
            Some(path) => vec![PathBuf::from(path)],
            None => vec!["rustc".into(), "/usr/bin/rustc".into()],
        };
        // with `core` itself before those that must build it first
        let found = [false, true].into_iter().find_map(|builds_core| {
            let fits = |rustc: &&PathBuf| has_core(rustc, builds_core);
            let rustc = candidates.iter().find(fits)?;
            Some((rustc.clone(), builds_core))
        });
        let missing = |name| Error::Missing {
            name,
            looked_for: format!("{candidates:?}"),
            way_out: WAY_OUT,
        };
        let (rustc, builds_core) = found.ok_or_else(|| missing("a Rust compiler for RV32IM"))?;
        let linker =
            linker(&rustc).ok_or_else(|| missing("a linker for RV32IM (rust-lld, ld.lld)"))?;
        Ok(Rust {
            rustc,
            builds_core,
            linker,
        })
    }
}

impl Rust {
    /// The compiler.
    pub fn program(&self) -> &Path {
        &self.rustc
    }
}

fn sysroot(rustc: &Path) -> Option<PathBuf> {
    let output = Command::new(rustc)
        .args(["--print", "sysroot"])
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    (output.status.success()).then(|| PathBuf::from(text.trim()))
}

fn has_core(rustc: &Path, from_source: bool) -> bool {
    let Some(root) = sysroot(rustc) else {
        return false;
    };
    let rustlib = root.join("lib/rustlib");
    match from_source {
        false => rustlib.join(TARGET).is_dir(),
        true => rustlib.join("src/rust/library/core/src/lib.rs").is_file(),
    }
}

/// The linker of a Rust toolchain, or LLVM's.
fn linker(rustc: &Path) -> Option<PathBuf> {
    let of = |rustc: &Path| {
        let host = format!("{}-unknown-linux-gnu", env::consts::ARCH);
        let path = sysroot(rustc)?
            .join("lib/rustlib")
            .join(host)
            .join("bin/rust-lld");
        path.is_file().then_some(path)
    };
    of(rustc)
        .or_else(|| of(Path::new("rustc")))
        .or_else(|| which::which("rust-lld").ok())
        .or_else(|| which::which("ld.lld").ok())
}

/// Builds the program; its bytes as they lie in the RAM from address 0 on.
///
/// # Errors
/// When there is no compiler for RV32IM, the source is not there, or the build fails.
pub fn program() -> Result<Vec<u8>, Error> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../firmware/softcore");
    if !source.join("Cargo.toml").is_file() {
        return Err(Error::Missing {
            name: "the source of the soft core's program",
            looked_for: source.display().to_string(),
            way_out: "run this command from a build in the project's own folder",
        });
    }
    let rust = Rust::find()?;
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

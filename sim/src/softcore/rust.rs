// SPDX-License-Identifier: MIT OR Apache-2.0
//! A Rust compiler for soft cores: the machine's, or one that is fetched.

use sepstream_toolchain::{self as tools, Error, Packages, Places, Progress};
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

pub(super) const TARGET: &str = "riscv32im-unknown-none-elf";
const OVERRIDE: &str = "SEPSTREAM_RISCV_RUSTC";
const WAY_OUT: &str = "run `sepstream setup --softcores`, which gets one; or run `rustup target add riscv32im-unknown-none-elf`, or install Debian's packages rustc-web and rust-web-src, or \
                       name a rustc that has the target in SEPSTREAM_RISCV_RUSTC";

/// Debian's Rust for its browsers, and the source of its `core`. Its `rustc` finds its libraries by the script [`WRAPPER`].
const RUST_WEB: Packages = Packages {
    name: "rust-web",
    packages: &["rustc-web", "rust-web-src"],
    program: "usr/bin/rustc",
};
const WRAPPER: &str = "rustc";

/// A Rust compiler that can build for RV32IM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rust {
    pub(super) rustc: PathBuf,
    /// It has no `core` for the target, but its source.
    pub(super) builds_core: bool,
    pub(super) linker: PathBuf,
}

impl Rust {
    /// The one of `SEPSTREAM_RISCV_RUSTC`, else the `rustc` of the `PATH`, that of the system, or the one that [`Rust::setup`] has
    /// unpacked: the first that has `core` for the target, or its source.
    ///
    /// # Errors
    /// When there is none, with the ways to get one.
    pub fn find() -> Result<Self, Error> {
        let named = env::var_os(OVERRIDE).filter(|value| !value.is_empty());
        let candidates = match &named {
            Some(path) => vec![PathBuf::from(path)],
            None => {
                let unpacked = Places::locate()?.tools.join(RUST_WEB.name).join(WRAPPER);
                vec!["rustc".into(), "/usr/bin/rustc".into(), unpacked]
            }
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

    /// As [`Rust::find`]; where there is none, rustup adds the target, or Debian's packages are unpacked into the project's own
    /// folder.
    ///
    /// # Errors
    /// When neither works, with both reasons.
    pub fn setup(progress: &mut Progress) -> Result<Self, Error> {
        let named = env::var_os(OVERRIDE).is_some_and(|value| !value.is_empty());
        let places = Places::locate()?;
        fs::create_dir_all(&places.tools).map_err(Error::io("cannot create", &places.tools))?;
        // rustup does not wait for another rustup
        let _lock = tools::lock(&places.tools.join("riscv.lock"), progress)?;
        let found = Self::find();
        if found.is_ok() || named {
            return found;
        }
        let rustup = add_target();
        if rustup.is_ok()
            && let Ok(found) = Self::find()
        {
            return Ok(found);
        }
        let debian = unpack(&places, progress).and_then(|()| Self::find());
        debian.map_err(|debian| Error::Missing {
            name: "a Rust compiler for RV32IM",
            looked_for: format!(
                "rustc; rustup: {}; Debian: {debian}",
                rustup.err().unwrap_or_else(|| "no use".into())
            ),
            way_out: WAY_OUT,
        })
    }

    /// The compiler.
    pub fn program(&self) -> &Path {
        &self.rustc
    }

    /// Its name and version in its own words, without what it was built from: kernels of another compiler take other cycles.
    pub fn banner(&self) -> Option<String> {
        let output = Command::new(&self.rustc).arg("--version").output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        Some(text.split('(').next()?.trim().to_owned())
    }
}

/// Lets rustup add the target to the toolchain in use.
fn add_target() -> Result<(), String> {
    let output = Command::new("rustup")
        .args(["target", "add", TARGET])
        .output();
    let output = output.map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(());
    }
    Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
}

/// Unpacks Debian's compiler, with a script that lets it find its libraries where they now are.
fn unpack(places: &Places, progress: &mut Progress) -> Result<(), Error> {
    let folder = tools::install_packages(&RUST_WEB, places, progress)?;
    let script = folder.join(WRAPPER);
    let text = format!(
        "#!/bin/sh\nhere=$(dirname \"$0\")\n\
         LD_LIBRARY_PATH=\"$here/usr/lib/{}-linux-gnu${{LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}}\" \
         exec \"$here/usr/bin/rustc\" \"$@\"\n",
        env::consts::ARCH
    );
    fs::write(&script, text).map_err(Error::io("cannot write", &script))?;
    // it may be run by whom the compiler may be run by
    let compiler = folder.join(RUST_WEB.program);
    fs::metadata(&compiler)
        .and_then(|metadata| fs::set_permissions(&script, metadata.permissions()))
        .map_err(Error::io("cannot make a program of", script))
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

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Memory layout, and the files that the example carries.

use std::env;
use std::path::Path;

/// Where the program image and a frame of input come from; relative to the project's root unless absolute.
const FILES: [(&str, &str); 2] = [
    ("SEPSTREAM_PROGRAM", "out/digits.prog"),
    ("SEPSTREAM_INPUT", "out/digit.bin"),
];

fn main() {
    let folder = env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
    println!("cargo::rustc-link-search={folder}");
    println!("cargo::rustc-link-arg=--nmagic");
    println!("cargo::rustc-link-arg=-Tlink.x");
    println!("cargo::rerun-if-changed=memory.x");
    for (variable, default) in FILES {
        println!("cargo::rerun-if-env-changed={variable}");
        let path = env::var(variable).unwrap_or_else(|_| default.into());
        // an absolute path replaces what it is joined to
        let path = Path::new(&folder).join("../..").join(path);
        println!("cargo::rustc-env={variable}={}", path.display());
    }
}

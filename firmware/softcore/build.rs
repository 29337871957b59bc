// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where everything goes in the RAM.

fn main() {
    let folder = std::env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
    println!("cargo::rustc-link-arg=-T{folder}/link.ld");
    // what is loaded into the RAM as it is
    println!("cargo::rustc-link-arg=--oformat=binary");
    println!("cargo::rerun-if-changed=link.ld");
}

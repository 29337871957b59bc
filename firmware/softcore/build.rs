// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where everything goes in the RAM.

fn main() {
    // Cargo runs the compiler in this folder. With the folder in front, a target folder that serves several checkouts would keep
    // the one of the first.
    println!("cargo::rustc-link-arg=-Tlink.ld");
    // what is loaded into the RAM as it is
    println!("cargo::rustc-link-arg=--oformat=binary");
    println!("cargo::rerun-if-changed=link.ld");
}

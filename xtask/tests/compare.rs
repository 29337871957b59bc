// SPDX-License-Identifier: MIT OR Apache-2.0
//! The published comparison with soft cores is of the accelerator of today.

use std::path::Path;

#[test]
fn the_published_comparison_holds() {
    let member = Path::new(env!("CARGO_MANIFEST_DIR"));
    let faults = sepstream_xtask::compare::check(member.parent().unwrap()).unwrap();
    assert!(
        faults.is_empty(),
        "run cargo xtask compare (after sepstream bench --write):\n{}",
        faults.join("\n")
    );
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! The published table of boards is that of the committed figures.

use std::path::Path;

#[test]
fn the_table_is_that_of_the_figures() {
    let member = Path::new(env!("CARGO_MANIFEST_DIR"));
    let faults = sepstream_xtask::boards::check(member.parent().unwrap()).unwrap();
    assert!(
        faults.is_empty(),
        "run cargo xtask boards:\n{}",
        faults.join("\n")
    );
}

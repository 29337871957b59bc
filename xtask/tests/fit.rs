// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is published of the estimate before synthesis is so.

use std::path::Path;

#[test]
fn the_published_errors_are_those_of_the_points() {
    let member = Path::new(env!("CARGO_MANIFEST_DIR"));
    let faults = sepstream_xtask::fit::check(member.parent().unwrap()).unwrap();
    assert!(
        faults.is_empty(),
        "run cargo xtask fit:\n{}",
        faults.join("\n")
    );
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! The published budgets are those of the Verilog of today, and the designs fit.

use std::path::Path;

#[test]
fn published_budgets_hold() {
    let member = Path::new(env!("CARGO_MANIFEST_DIR"));
    let faults = sepstream_xtask::area::check(member.parent().unwrap()).unwrap();
    assert!(
        faults.is_empty(),
        "run cargo xtask area:\n{}",
        faults.join("\n")
    );
}

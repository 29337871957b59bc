// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is published of commands that take long is so today.

use std::path::Path;

use sepstream_publish::{Error, area, boards, compare, fit};

/// Nothing is wrong in the project's files; `way_out` is what to do if something is.
fn holds(check: impl FnOnce(&Path) -> Result<Vec<String>, Error>, way_out: &str) {
    let member = Path::new(env!("CARGO_MANIFEST_DIR"));
    let faults = check(member.parent().expect("a member of the workspace")).unwrap();
    assert!(faults.is_empty(), "{way_out}\n{}", faults.join("\n"));
}

#[test]
fn budgets_are_those_of_the_design_of_today_and_fit() {
    holds(area::check, "run cargo xtask area:");
}

#[test]
fn bitstreams_are_of_the_design_of_today() {
    holds(boards::check, "run");
}

#[test]
fn soft_cores_are_compared_with_the_accelerator_of_today() {
    let way_out = "run cargo xtask compare (after sepstream bench --write):";
    holds(compare::check, way_out);
}

#[test]
fn errors_of_the_estimate_are_those_of_its_points() {
    holds(fit::check, "run cargo xtask fit:");
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! `docs/SUPPORTED.md` says what the rules say.

use std::fs;
use std::path::Path;

use sepstream_compiler::tflite::supported_markdown;

#[test]
fn supported_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/SUPPORTED.md");
    let wanted = supported_markdown();
    if std::env::var_os("UPDATE_DOCS").is_some_and(|v| v == "1") {
        fs::write(&path, &wanted).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(
        committed, wanted,
        "run UPDATE_DOCS=1 cargo test -p sepstream-compiler --test tflite_docs"
    );
}

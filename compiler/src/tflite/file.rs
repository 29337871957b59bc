// SPDX-License-Identifier: MIT OR Apache-2.0
//! Bytes to a verified flatbuffer.

use flatbuffers::VerifierOptions;
use tract_tflite::tflite::{Model, model_buffer_has_identifier, root_as_model_with_opts};

use crate::error::BadModel;

/// Shortest file with a root offset and an identifier.
const HEADER_BYTES: usize = 8;

/// Checks every offset of the file before anything is read through it.
///
/// The limits keep a small hostile file from taking long: offsets may make one table appear in many places, and the verifier
/// visits it each time.
pub fn open(bytes: &[u8]) -> Result<Model<'_>, BadModel> {
    if bytes.len() < HEADER_BYTES || !model_buffer_has_identifier(bytes) {
        return Err(BadModel::NotTflite);
    }
    let limits = VerifierOptions {
        max_depth: 16,
        max_tables: bytes.len() / 4,
        max_apparent_size: bytes.len().saturating_mul(8).saturating_add(1 << 16),
        ignore_missing_null_terminator: true,
    };
    // The first line tells what is wrong; the rest is a trace through the schema.
    let reason = |e: flatbuffers::InvalidFlatbuffer| {
        e.to_string()
            .lines()
            .next()
            .unwrap_or("")
            .trim_end_matches('.')
            .to_owned()
    };
    let model =
        root_as_model_with_opts(&limits, bytes).map_err(|e| BadModel::Flatbuffer(reason(e)))?;
    match model.version() {
        3 => Ok(model),
        other => Err(BadModel::Version(other)),
    }
}

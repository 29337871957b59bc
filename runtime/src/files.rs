// SPDX-License-Identifier: MIT OR Apache-2.0
//! Models and configurations from their files.

use std::path::Path;

use sepstream_spec::config::Config;
use sepstream_spec::graph::Graph;
use sepstream_spec::quant::Semantics;

use crate::Error;

/// Reads a model; its name is the stem of the file name. What runs it checks that it can.
///
/// # Errors
/// When the file cannot be read, or is no model.
pub fn read_model(path: &Path, semantics: Semantics) -> Result<Graph, Error> {
    let bytes = std::fs::read(path).map_err(|cause| Error::file(path, cause))?;
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    Ok(Graph {
        semantics,
        ..sepstream_compiler::tflite::load(&bytes, &name)?
    })
}

/// Reads a model as an accelerator and its host run it: without what converters write around
/// layers.
///
/// # Errors
/// As [`read_model`].
pub fn read_network(path: &Path, semantics: Semantics) -> Result<Graph, Error> {
    Ok(sepstream_compiler::simplify(&read_model(path, semantics)?))
}

/// Reads and checks a configuration.
///
/// # Errors
/// When the file cannot be read, and with every rule that it breaks.
pub fn read_config(path: &Path) -> Result<Config, Error> {
    let text = std::fs::read_to_string(path).map_err(|cause| Error::file(path, cause))?;
    Config::from_yaml(&text, &path.display().to_string()).map_err(Error::Config)
}

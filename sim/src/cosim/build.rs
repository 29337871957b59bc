// SPDX-License-Identifier: MIT OR Apache-2.0
//! From Verilog to a shared object.

use super::{Error, compile};
use sepstream_toolchain::cache::{cached, key, prune};
use sepstream_toolchain::{self as tools, Compiler, Event, Places, Progress, Verilator};
use std::fs;
use std::path::{Path, PathBuf};

/// Kind of waveform file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TraceFormat {
    /// Value change dump: text, always possible.
    Vcd,
    /// GTKWave's compressed format: needs zlib, and lz4 with newer Verilators.
    Fst,
}

impl TraceFormat {
    /// FST for a file name that ends in `.fst`, else VCD.
    pub fn of(path: &Path) -> Self {
        match path.extension() {
            Some(end) if end.eq_ignore_ascii_case("fst") => Self::Fst,
            _ => Self::Vcd,
        }
    }
}

/// What the C++ compiler should save: its own time or that of the simulation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Optimise {
    /// Quick to build (-O1): for tests that run a few thousand cycles.
    Build,
    /// Quick to run (-O2).
    #[default]
    Run,
}

/// How to build a design.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BuildOptions {
    /// Be able to write waveforms; makes the design about half as fast.
    pub trace: Option<TraceFormat>,
    /// What to save.
    pub optimise: Optimise,
}

/// All that decides what a built design does.
pub(super) struct Source<'a> {
    /// The top module.
    pub top: &'a str,
    /// The Verilog text.
    pub verilog: &'a str,
    /// File name and text of the shim.
    pub shim: (&'static str, &'static str),
    /// Values that the shim is compiled with.
    pub defines: Vec<(&'static str, String)>,
    /// How to build.
    pub options: BuildOptions,
}

/// The tools of a build.
pub(super) struct Tools {
    pub verilator: Verilator,
    pub compiler: Compiler,
}

impl Tools {
    /// One line per tool, for cache keys.
    fn identity(&self) -> String {
        let Self {
            verilator,
            compiler,
        } = self;
        format!(
            "{} {} {}\n{:?} {}",
            verilator.banner(),
            verilator.version(),
            verilator.include().display(),
            compiler.command(),
            compiler.banner()
        )
    }
}

const MODEL_HEADER: &str = include_str!("shim/model.h");
const LIBRARY: &str = "model.so";

/// The path of the shared object of a design, built if the cache has none.
pub(super) fn build(source: &Source, progress: &mut Progress) -> Result<PathBuf, Error> {
    let verilator = tools::verilator(progress)?;
    let tools = Tools {
        verilator,
        compiler: Compiler::find()?,
    };
    let cache = Places::locate()?.cache;
    let flags = compile::Flags::new(source.options);
    let key = key(&[
        &tools.identity(),
        compile::RECIPE,
        &format!("{:?}", source.options),
        MODEL_HEADER,
        source.shim.1,
        &format!("{:?}", source.defines),
        source.top,
        source.verilog,
    ]);
    let name = format!("{}-{key}", source.top);
    let mut fresh = false;
    let library = cached(&cache, &name, LIBRARY, progress, |folder, progress| {
        fresh = true;
        let common = compile::Common {
            objects: runtime_objects(&cache, &tools, &flags, progress)?,
            prelude: prelude(&cache, &tools, &flags, progress)?,
        };
        let work = folder.join("work");
        fs::create_dir(&work).map_err(tools::Error::io("cannot create", &work))?;
        for (name, text) in [
            ("design.v", source.verilog),
            ("model.h", MODEL_HEADER),
            source.shim,
        ] {
            let path = work.join(name);
            fs::write(&path, text).map_err(tools::Error::io("cannot write", &path))?;
        }
        progress(Event::Verilate);
        compile::verilate(&tools, source, &work)?;
        compile::model(
            &tools,
            source,
            &flags,
            &work,
            &common,
            &folder.join(LIBRARY),
            progress,
        )?;
        fs::remove_dir_all(&work).map_err(tools::Error::io("cannot remove", &work))?;
        Ok::<_, Error>(())
    })?;
    if fresh {
        prune(&cache);
    } else {
        progress(Event::Cached);
    }
    Ok(library)
}

/// Verilator's runtime does not depend on the design: it is compiled once for each version and set of flags.
fn runtime_objects(
    cache: &Path,
    tools: &Tools,
    flags: &compile::Flags,
    progress: &mut Progress,
) -> Result<Vec<PathBuf>, Error> {
    let name = format!(
        "runtime-{}",
        key(&[&tools.identity(), compile::RECIPE, &flags.identity()])
    );
    let marker = cached(cache, &name, "complete", progress, |folder, progress| {
        compile::runtime(tools, flags, folder, progress)?;
        let path = folder.join("complete");
        fs::write(&path, "").map_err(tools::Error::io("cannot write", &path))?;
        Ok::<_, Error>(())
    })?;
    let folder = marker.parent().unwrap_or(cache);
    Ok(flags
        .runtime_sources()
        .iter()
        .map(|source| folder.join(source).with_extension("o"))
        .collect())
}

/// Verilator's headers, for each version and set of flags.
fn prelude(
    cache: &Path,
    tools: &Tools,
    flags: &compile::Flags,
    progress: &mut Progress,
) -> Result<PathBuf, Error> {
    let identity = flags.identity_with_level();
    let key = key(&[&tools.identity(), compile::RECIPE, &identity]);
    let name = format!("prelude-{key}");
    cached(
        cache,
        &name,
        compile::PRELUDE,
        progress,
        |folder, progress| compile::prelude(tools, flags, folder, progress),
    )
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! The command lines of Verilator and of the C++ compiler.

use super::Error;
use super::build::{BuildOptions, Optimise, Source, Tools, TraceFormat};
use sepstream_toolchain::{self as tools, Event, Progress};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, mpsc};
use std::thread;

/// This file, for cache keys: it holds every argument that the tools are called with.
pub(super) const RECIPE: &str = include_str!("compile.rs");

/// Generated code goes into translation units of about this size, so that several can be compiled at once.
const UNIT_BYTES: u64 = 400_000;

/// How units are compiled that run only at start.
const SLOW_LEVEL: &str = "-O0";

/// What model and runtime must agree on.
pub(super) struct Flags {
    trace: Option<TraceFormat>,
    optimise: Optimise,
    arguments: Vec<&'static str>,
}

impl Flags {
    pub fn new(options: BuildOptions) -> Self {
        let mut arguments = vec![
            "-std=gnu++17",
            "-fPIC",
            // Nothing but the shim's functions is visible: several designs live in one process.
            "-fvisibility=hidden",
            "-DVL_TIME_CONTEXT",
            "-DVL_USER_STOP",
            "-DVL_USER_FINISH",
            "-DVL_USER_FATAL",
        ];
        match options.trace {
            Some(TraceFormat::Vcd) => {
                arguments.extend(["-DVM_TRACE=1", "-DVM_TRACE_VCD=1", "-DTRACE_VCD"])
            }
            Some(TraceFormat::Fst) => {
                arguments.extend(["-DVM_TRACE=1", "-DVM_TRACE_FST=1", "-DTRACE_FST"])
            }
            None => {}
        }
        Self {
            trace: options.trace,
            optimise: options.optimise,
            arguments,
        }
    }

    /// For cache keys.
    pub fn identity(&self) -> String {
        self.arguments.join(" ")
    }

    /// For cache keys of what the level of optimisation decides.
    pub fn identity_with_level(&self) -> String {
        format!("{} {}", self.identity(), self.level())
    }

    /// Sources of Verilator's runtime that a design needs.
    pub fn runtime_sources(&self) -> Vec<&'static str> {
        let trace = match self.trace {
            Some(TraceFormat::Vcd) => Some("verilated_vcd_c.cpp"),
            Some(TraceFormat::Fst) => Some("verilated_fst_c.cpp"),
            None => None,
        };
        ["verilated.cpp", "verilated_threads.cpp"]
            .into_iter()
            .chain(trace)
            .collect()
    }

    fn level(&self) -> &'static str {
        match self.optimise {
            Optimise::Build => "-O1",
            Optimise::Run => "-O2",
        }
    }
}

/// Verilog to C++, in `folder/cpp`.
pub(super) fn verilate(tools: &Tools, source: &Source, folder: &Path) -> Result<(), Error> {
    let mut command = tools.verilator.command();
    command.current_dir(folder).args([
        "--cc",
        "-O3",
        "--prefix",
        "Vdut",
        "--top-module",
        source.top,
        "-Mdir",
        "cpp",
    ]);
    // Initial values are chosen when the model starts, so that one build serves plain runs and random ones.
    command.args([
        "--x-assign",
        "fast",
        "--x-initial",
        "unique",
        "--noassert",
        "-Wno-fatal",
        "--timescale",
        "1ns/1ns",
    ]);
    // Huge functions take the compiler more than proportional time.
    command.args(["--output-split", "20000", "--output-split-cfuncs", "2000"]);
    match source.options.trace {
        Some(TraceFormat::Vcd) => drop(command.arg("--trace")),
        Some(TraceFormat::Fst) => drop(command.arg("--trace-fst")),
        None => {}
    }
    command.arg("design.v");
    run(
        command,
        "Verilator",
        tools.verilator.version().to_string(),
        source.top,
    )
}

/// The runtime's objects, in `folder`.
pub(super) fn runtime(
    tools: &Tools,
    flags: &Flags,
    folder: &Path,
    progress: &mut Progress,
) -> Result<(), Error> {
    if flags.trace == Some(TraceFormat::Fst) {
        fst_headers(tools, folder)?;
    }
    let include = tools.verilator.include();
    let jobs = flags.runtime_sources().into_iter().map(|source| {
        let mut command = compiler(tools, flags);
        command
            .arg("-O2")
            .arg("-c")
            .arg(include.join(source))
            .arg("-o");
        command.arg(folder.join(source).with_extension("o"));
        command
    });
    run_parallel(jobs.collect(), tools, "Verilator's runtime", progress)
}

/// Verilator's headers, in the one file that every unit includes first.
pub(super) const PRELUDE: &str = "prelude.h";

/// [`PRELUDE`] in `folder`. GCC finds it precompiled, for units that run often and for those that run once: reading the headers
/// takes it four times as long as compiling a block. (Clang would refuse a precompiled header that was moved.)
pub(super) fn prelude(
    tools: &Tools,
    flags: &Flags,
    folder: &Path,
    progress: &mut Progress,
) -> Result<(), Error> {
    let header = folder.join(PRELUDE);
    let trace = match flags.trace {
        Some(TraceFormat::Vcd) => "#include \"verilated_vcd_c.h\"\n",
        Some(TraceFormat::Fst) => "#include \"verilated_fst_c.h\"\n",
        None => "",
    };
    let text = format!("#include \"verilated.h\"\n{trace}");
    fs::write(&header, text).map_err(tools::Error::io("cannot write", &header))?;
    if tools.compiler.banner().contains("clang") {
        return Ok(());
    }
    // one of the files in a folder of this name is taken: that of the same options
    let precompiled = folder.join(format!("{PRELUDE}.gch"));
    fs::create_dir(&precompiled).map_err(tools::Error::io("cannot create", &precompiled))?;
    let jobs = [SLOW_LEVEL, flags.level()].map(|level| {
        let mut command = compiler(tools, flags);
        command.args(["-x", "c++-header", level]).arg(&header);
        command.arg("-o").arg(precompiled.join(&level[1..]));
        command
    });
    run_parallel(jobs.into(), tools, "Verilator's headers", progress)
}

/// What is compiled once for all designs.
pub(super) struct Common {
    /// Objects of Verilator's runtime.
    pub objects: Vec<PathBuf>,
    /// The path of [`PRELUDE`].
    pub prelude: PathBuf,
}

/// The shared object of a verilated design.
pub(super) fn model(
    tools: &Tools,
    source: &Source,
    flags: &Flags,
    folder: &Path,
    common: &Common,
    library: &Path,
    progress: &mut Progress,
) -> Result<(), Error> {
    let mut objects = Vec::new();
    let mut jobs = Vec::new();
    for unit in units(folder, source.shim.0)? {
        let object = unit.path.with_extension("o");
        let mut command = compiler(tools, flags);
        command.arg(if unit.slow { SLOW_LEVEL } else { flags.level() });
        command.arg("-include").arg(&common.prelude);
        command
            .arg("-I")
            .arg(folder)
            .arg("-I")
            .arg(folder.join("cpp"));
        command.args(
            source
                .defines
                .iter()
                .map(|(name, value)| format!("-D{name}={value}")),
        );
        command.arg("-c").arg(&unit.path).arg("-o").arg(&object);
        objects.push(object);
        jobs.push(command);
    }
    run_parallel(jobs, tools, source.top, progress)?;

    let mut link = compiler(tools, flags);
    link.arg("-shared")
        .args(&objects)
        .args(&common.objects)
        .arg("-pthread")
        .arg("-o")
        .arg(library);
    if cfg!(target_os = "linux") {
        link.arg("-Wl,-Bsymbolic");
    }
    if flags.trace == Some(TraceFormat::Fst) {
        link.arg("-lz");
        if needs_lz4(tools) {
            link.arg("-llz4");
        }
    }
    run(
        link,
        "the C++ compiler",
        tools.compiler.banner().into(),
        source.top,
    )
}

/// A file that includes some of the generated ones.
struct Unit {
    path: PathBuf,
    /// It runs only at start: optimising it would be time lost.
    slow: bool,
}

/// Gathers the generated files and the shim into a few units, since each unit reads the same long headers: one for a small
/// design, several of [`UNIT_BYTES`] for a large one.
fn units(folder: &Path, shim: &str) -> Result<Vec<Unit>, Error> {
    let cpp = folder.join("cpp");
    let files = generated(&cpp).map_err(tools::Error::io("cannot read", &cpp))?;
    let small = files.iter().map(|(_, size)| size).sum::<u64>() < UNIT_BYTES;
    let (slow, mut fast): (Vec<_>, Vec<_>) = files
        .into_iter()
        .partition(|(name, _)| !small && (name.contains("Slow") || name.contains("__Syms")));
    fast.push((shim.to_owned(), 0));
    let mut units = Vec::new();
    for (files, slow) in [(fast, false), (slow, true)] {
        let mut rest = files.as_slice();
        while !rest.is_empty() {
            let mut bytes = 0;
            let full = rest.iter().position(|(_, size)| {
                bytes += size;
                bytes >= UNIT_BYTES
            });
            let (unit, after) = rest.split_at(full.map_or(rest.len(), |index| index + 1));
            let text: String = unit
                .iter()
                .map(|(name, _)| format!("#include \"{name}\"\n"))
                .collect();
            let path = folder.join(format!("unit{}.cpp", units.len()));
            fs::write(&path, text).map_err(tools::Error::io("cannot write", &path))?;
            units.push(Unit { path, slow });
            rest = after;
        }
    }
    Ok(units)
}

/// Names and sizes of the C++ files, in an order that does not depend on the file system.
fn generated(folder: &Path) -> std::io::Result<Vec<(String, u64)>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.ends_with(".cpp") {
            files.push((name, entry.metadata()?.len()));
        }
    }
    files.sort();
    Ok(files)
}

fn compiler(tools: &Tools, flags: &Flags) -> Command {
    let include = tools.verilator.include();
    let mut command = tools.compiler.command();
    command
        .args(&flags.arguments)
        .arg("-I")
        .arg(&include)
        .arg("-I")
        .arg(include.join("vltstd"));
    command
}

/// Newer Verilators take lz4 from the system; the older ones carry it.
fn needs_lz4(tools: &Tools) -> bool {
    tools.verilator.include().join("fstcpp").is_dir()
}

fn fst_headers(tools: &Tools, folder: &Path) -> Result<(), Error> {
    let zlib = ("zlib.h", "on Debian: apt install zlib1g-dev");
    let lz4 = ("lz4.h", "on Debian: apt install liblz4-dev");
    for (header, way_out) in [Some(zlib), needs_lz4(tools).then_some(lz4)]
        .into_iter()
        .flatten()
    {
        let probe = folder.join("probe.cpp");
        fs::write(&probe, format!("#include <{header}>\n"))
            .map_err(tools::Error::io("cannot write", &probe))?;
        let mut command = tools.compiler.command();
        command.arg("-fsyntax-only").arg(&probe);
        if run(command, "the C++ compiler", String::new(), header).is_err() {
            return Err(Error::Fst { header, way_out });
        }
    }
    Ok(())
}

fn run(mut command: Command, name: &'static str, version: String, top: &str) -> Result<(), Error> {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let line = words
        .map(|word| word.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ");
    let failed = |log: String| Error::Build {
        name,
        version,
        top: top.into(),
        command: line,
        log,
    };
    match command.output() {
        Err(error) => Err(failed(error.to_string())),
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => {
            let log =
                String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
            Err(failed(log.into_owned()))
        }
    }
}

/// Runs all commands, as many at a time as the machine has cores, and returns the first error.
fn run_parallel(
    jobs: Vec<Command>,
    tools: &Tools,
    top: &str,
    progress: &mut Progress,
) -> Result<(), Error> {
    let total = jobs.len();
    let cores = thread::available_parallelism()
        .map_or(1, usize::from)
        .min(total);
    let queue = Mutex::new(jobs.into_iter());
    let next = || queue.lock().ok().and_then(|mut jobs| jobs.next());
    let (sender, results) = mpsc::channel();
    progress(Event::Compile { done: 0, total });
    thread::scope(|scope| {
        for _ in 0..cores {
            let (sender, next) = (sender.clone(), &next);
            scope.spawn(move || {
                while let Some(job) = next() {
                    let result = run(job, "the C++ compiler", tools.compiler.banner().into(), top);
                    if sender.send(result).is_err() {
                        return; // another job failed
                    }
                }
            });
        }
        drop(sender);
        for (done, result) in results.into_iter().enumerate() {
            result?;
            progress(Event::Compile {
                done: done + 1,
                total,
            });
        }
        Ok(())
    })
}

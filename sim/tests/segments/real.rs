// SPDX-License-Identifier: MIT OR Apache-2.0
//! The real networks beside the repository, with memories as large as they need.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Instant;

use sepstream_compiler::accelerate::Side;
use sepstream_compiler::{Error, Options, compile_with, simplify};
use sepstream_runtime::compare::compare;
use sepstream_runtime::engine::{Accelerator, Engine, Model};
use sepstream_runtime::{files, input};
use sepstream_spec::config::Config;
use sepstream_spec::graph::Graph;
use sepstream_spec::quant::Semantics;
use sepstream_testkit::files::{names, shared_models};
use sepstream_testkit::for_all;

/// Shares of multiply-accumulates that the accelerator must have, in per cent.
const SHARES: &str = "tests/segments/shares.txt";

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The least share of each network; of one that is refused none.
fn least_shares() -> BTreeMap<String, Option<f64>> {
    let text = fs::read_to_string(here(SHARES)).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let (name, share) = line.split_once(' ').unwrap();
            (name.to_owned(), share.parse().ok())
        })
        .collect()
}

/// A configuration with the parallelism of one, and memories as large as the network needs.
fn grown(config: &Config, graph: &Graph) -> Result<Config, Error> {
    match compile_with(graph, config, &Options::default()) {
        Ok(_) => Ok(config.clone()),
        Err(Error::DoesNotFit(missing)) => {
            let settings = missing.misfits.iter().filter_map(|m| m.setting.as_ref());
            let grown = settings.fold(config.clone(), |config, s| s.apply(&config));
            compile_with(graph, &grown, &Options::default())?;
            Ok(grown)
        }
        Err(error) => Err(error),
    }
}

/// A network's line of the table, and its share in per cent.
fn check(folder: &Path, name: &str, config: &Config) -> Result<(String, f64), String> {
    let start = Instant::now();
    let text = |error: &dyn std::fmt::Display| error.to_string();
    let path = folder.join(format!("{name}.tflite"));
    let file = files::read_model(&path, Semantics::default()).map_err(|e| text(&e))?;
    let graph = simplify(&file);
    let config = grown(config, &graph).map_err(|e| text(&e))?;
    let accelerator =
        Accelerator::new(&graph, config, &Options::default()).map_err(|e| text(&e))?;
    let cut = &accelerator.compiled.cut;
    let (runs, across) = (cut.runs().count(), cut.bytes_across(&graph));
    let host = cut.segments.iter().filter(|s| s.side == Side::Host);
    let host: usize = host.map(|segment| segment.layers.len()).sum();
    let macs = graph.total_macs();
    let share = 100.0 * cut.macs_on_accelerator(&graph) as f64 / macs as f64;
    let cycles = accelerator.model_cycles().total;

    let golden = match name {
        "ad01_fc_autoencoder" => "ad01_fc_autoencoder_litert23",
        _ => name,
    };
    let golden = folder.join(format!("{golden}.npz"));
    let mut frames = input::read_inputs(&golden, &file).map_err(|e| text(&e))?;
    let mut wanted = input::read_wanted(&golden, &file).map_err(|e| text(&e))?;
    frames.truncate(1);
    wanted.truncate(1);
    let mut model = Model::new(accelerator, NonZeroUsize::MIN).map_err(|e| text(&e))?;
    let got = model.run(&frames, &mut || ()).map_err(|e| text(&e))?;
    if let Some(first) = compare(&graph, &wanted, &got.outputs).first_difference {
        return Err(text(&first));
    }
    let seconds = start.elapsed().as_secs_f64();
    let line = format!(
        "{name:<28} {runs:>4} runs {host:>4} layers of {:>3} on the host {across:>9} bytes across {share:>6.2} % of {macs:>11} MACs \
         {cycles:>9} cycles {seconds:>5.1} s",
        graph.layers.len()
    );
    Ok((line, share))
}

#[test]
fn every_real_network_compiles_and_keeps_its_bytes() {
    let Some(folder) = shared_models() else {
        return;
    };
    let config = files::read_config(&here("../configs/model_large.yaml")).unwrap();
    let least = least_shares();
    let names = names(&folder);
    let lines = Mutex::new(BTreeMap::new());
    for_all(
        &names,
        |name| name.clone(),
        |name| {
            let wanted = least.get(name).copied().flatten();
            match (check(&folder, name, &config), wanted) {
                (Ok((line, share)), Some(least)) if (share * 100.0).floor() >= least * 100.0 => {
                    lines.lock().unwrap().insert(name.clone(), line);
                    Vec::new()
                }
                (Ok((_, share)), _) => vec![format!(
                    ": {share:.2} % of the MACs are on the accelerator, {SHARES} has {wanted:?}"
                )],
                // refused as the file says, for the sake of its layers
                (Err(found), None) if least.contains_key(name) && found.contains("unsupported") => {
                    lines
                        .lock()
                        .unwrap()
                        .insert(name.clone(), format!("{name:<28} refused"));
                    Vec::new()
                }
                (Err(found), _) => vec![format!(": {found}")],
            }
        },
    );
    let mut text = String::new();
    for line in lines.into_inner().unwrap().values() {
        writeln!(text, "{line}").unwrap();
    }
    println!("{text}");
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Milliseconds per frame of the reference engine: `reference_speed MODEL.tflite [SECONDS]`.

use std::error::Error;
use std::path::Path;
use std::time::{Duration, Instant};
use std::{env, fs};

use sepstream_compiler::tflite;
use sepstream_sim::reference::{Runner, Value};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let path = arguments
        .next()
        .ok_or("usage: reference_speed MODEL.tflite [SECONDS]")?;
    let limit = Duration::from_secs_f64(arguments.next().map_or(Ok(1.0), |s| s.parse())?);
    let graph = tflite::load(
        &fs::read(&path)?,
        &Path::new(&path)
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy(),
    )?;
    let runner = Runner::new(&graph)?;
    let noise = |id| {
        let tensor = &graph[id];
        // Bytes of a float input stay below 0x40, so that no NaN comes up.
        let bytes = (0..tensor.bytes()).map(|n| (n * 97 % 61) as u8).collect();
        Value::new(tensor.dtype, tensor.shape.clone(), bytes)
    };
    let inputs = graph
        .inputs
        .iter()
        .map(|&id| noise(id))
        .collect::<Result<Vec<_>, _>>()?;
    runner.run(&inputs)?;
    let start = Instant::now();
    let mut times = Vec::new();
    while times.len() < 5 || start.elapsed() < limit {
        let frame = Instant::now();
        runner.run(&inputs)?;
        times.push(frame.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    println!(
        "{:.3} ms/frame (median of {}), {:.3} best",
        times[times.len() / 2],
        times.len(),
        times[0]
    );
    Ok(())
}

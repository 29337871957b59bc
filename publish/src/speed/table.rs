// SPDX-License-Identifier: MIT OR Apache-2.0
//! The table of speeds in `docs/results.md`.

use serde_json::Value;

use super::{Error, ROWS};

/// The table, and a line about the processor.
pub fn table(figures: &Value) -> Result<String, Error> {
    let field = |pointer: &str| {
        let found = figures.pointer(pointer);
        found.ok_or_else(|| Error::Field(format!("speed: {pointer}")))
    };
    let text_of = |pointer| Ok(field(pointer)?.as_str().unwrap_or_default().to_owned());
    let (cores, rounds) = (field("/processor/cores")?, field("/rounds")?);
    let mut text = String::from(
        "| network, ms per frame | TFLite reference, 1 thread | XNNPACK, 1 thread | XNNPACK, all cores | \
         sepstream, 1 thread | sepstream, all cores | faster than reference, 1 thread / all cores | \
         XNNPACK's share of our time, 1 thread / all cores |\n|---|--:|--:|--:|--:|--:|--:|--:|\n",
    );
    for network in field("/networks")?.as_array().into_iter().flatten() {
        let name = network["network"].as_str().unwrap_or_default();
        let mut times = Vec::new();
        for row in &ROWS {
            let time = network["ms_per_frame"][row.id].as_f64();
            times.push(time.ok_or_else(|| Error::Field(format!("speed: {name}: {}", row.id)))?);
        }
        let [reference, xnnpack, xnnpack_all, ours, ours_all] = times[..] else {
            return Err(Error::Field(format!("speed: {name}")));
        };
        let cells = times.iter().map(|ms| milliseconds(*ms));
        text += &format!(
            "| {name} | {} | {:.1} x / {:.1} x | {:.2} / {:.2} |\n",
            cells.collect::<Vec<_>>().join(" | "),
            reference / ours,
            reference / ours_all,
            xnnpack / ours,
            xnnpack_all / ours_all,
        );
    }
    let load = match figures["load_before"].as_f64() {
        Some(load) => format!("; other work on the machine: load average {load:.1} before the run"),
        None => String::new(),
    };
    text += &format!(
        "\n{} with {cores} cores, kernels in {}; ai-edge-litert {}; medians of {rounds} interleaved rounds{load}.\n",
        text_of("/processor/architecture")?,
        text_of("/processor/kernels")?,
        text_of("/litert")?,
    );
    Ok(text)
}

/// Three digits.
fn milliseconds(ms: f64) -> String {
    let decimals = match ms {
        100.0.. => 0,
        10.0.. => 1,
        1.0.. => 2,
        _ => 3,
    };
    format!("{ms:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn ratios_are_of_the_same_row() {
        let times = json!({
            "tflite_reference": 100.0, "tflite_xnnpack": 2.0, "tflite_xnnpack_all": 1.5,
            "sepstream": 4.0, "sepstream_all": 2.0,
        });
        let figures = json!({
            "processor": { "architecture": "x", "cores": 2, "kernels": "y" }, "litert": "1", "rounds": 5,
            "networks": [{ "network": "net", "ms_per_frame": times }],
        });
        let text = table(&figures).unwrap();
        assert!(
            text.contains(
                "| net | 100 | 2.00 | 1.50 | 4.00 | 2.00 | 25.0 x / 50.0 x | 0.50 / 0.75 |"
            ),
            "{text}"
        );
        assert!(table(&json!({})).is_err());
    }
}

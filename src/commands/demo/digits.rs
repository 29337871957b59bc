// SPDX-License-Identifier: MIT OR Apache-2.0
//! The embedded network, its held-out test images, and pictures of them in text.

use std::io::Cursor;

use sepstream_runtime::input::{Archive, Array, Frames};
use sepstream_spec::config::Config;
use sepstream_spec::graph::Graph;

use crate::error::Error;

const MODEL: &[u8] = include_bytes!("../../../models/digits.tflite");
const TEST_SET: &[u8] = include_bytes!("../../../models/digits_test.npz");
const CONFIG: &str = include_str!("../../../configs/small_4x4.yaml");
/// File of the configuration that the demo takes.
pub const CONFIG_NAME: &str = "configs/small_4x4.yaml";

/// Images side by side.
const PER_LINE: usize = 5;

/// The network with the first images of its test set.
pub struct Digits {
    /// The network.
    pub graph: Graph,
    /// The configuration.
    pub config: Config,
    /// Images.
    pub frames: Frames,
    /// Their digits.
    pub labels: Vec<usize>,
}

impl Digits {
    /// Reads what is embedded, up to `limit` images.
    pub fn load(limit: usize) -> Result<Self, Error> {
        let graph = sepstream_compiler::tflite::load(MODEL, "digits")?;
        let config =
            Config::from_yaml(CONFIG, CONFIG_NAME).map_err(sepstream_runtime::Error::Config)?;
        let mut archive = Archive::new(Cursor::new(TEST_SET), "models/digits_test.npz")?;
        let mut array = |name: &str| -> Result<Array, Error> {
            let missing = || Error::Input(format!("models/digits_test.npz has no array {name}"));
            archive.array(name)?.ok_or_else(missing)
        };
        let images = match graph.inputs[..] {
            [input] => array("in0")?.frames_of(&graph[input], "in0")?,
            _ => {
                return Err(Error::Input(
                    "the embedded network has not one input".into(),
                ));
            }
        };
        let labels = array("labels")?;
        let size = labels.dtype.bytes();
        let labels = labels
            .bytes
            .chunks_exact(size)
            .map(|label| usize::from(label[0]));
        Ok(Digits {
            frames: images
                .into_iter()
                .take(limit)
                .map(|image| vec![image])
                .collect(),
            labels: labels.take(limit).collect(),
            graph,
            config,
        })
    }

    /// The digit with the greatest output, the first of equal ones.
    pub fn predictions(&self, outputs: &Frames) -> Vec<usize> {
        let best = |frame: &Vec<Vec<u8>>| {
            let scores = frame.first().into_iter().flatten().map(|&byte| byte as i8);
            scores
                .enumerate()
                .max_by_key(|&(digit, score)| (score, std::cmp::Reverse(digit)))
                .map_or(0, |(digit, _)| digit)
        };
        outputs.iter().map(best).collect()
    }

    /// The images in text, each with its label and what was recognised.
    pub fn draw(&self, predictions: &[usize]) -> String {
        let [_, _, columns, _] = self.graph[self.graph.inputs[0]]
            .nhwc()
            .unwrap_or([1, 1, 1, 1]);
        let mut text = String::new();
        let images: Vec<_> = self
            .frames
            .iter()
            .zip(&self.labels)
            .zip(predictions)
            .collect();
        for line in images.chunks(PER_LINE) {
            let pictures: Vec<_> = line
                .iter()
                .map(|((frame, _), _)| picture(&frame[0], columns))
                .collect();
            for row in 0..pictures.iter().map(Vec::len).max().unwrap_or(0) {
                let rows: Vec<_> = pictures
                    .iter()
                    .map(|picture| picture[row].as_str())
                    .collect();
                text += rows.join("  ").trim_end();
                text.push('\n');
            }
            for ((_, label), got) in line {
                let verdict = if label == got {
                    "is".into()
                } else {
                    format!("a {label}, not")
                };
                let caption = format!("{verdict} {got}");
                text += &format!("{caption:<width$}", width = 2 * columns + 2);
            }
            text = text.trim_end().to_string() + "\n\n";
        }
        text
    }
}

/// An int8 image as rows of text, two characters per pixel.
fn picture(image: &[u8], columns: usize) -> Vec<String> {
    const SHADES: [char; 5] = [' ', '░', '▒', '▓', '█'];
    let shade = |byte: u8| SHADES[usize::from(byte ^ 0x80) * SHADES.len() / 256];
    let row = |row: &[u8]| row.iter().flat_map(|&byte| [shade(byte); 2]).collect();
    image.chunks(columns.max(1)).map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn embedded_files_are_sound_and_draw() {
        let digits = Digits::load(7).unwrap();
        assert_eq!((digits.frames.len(), digits.labels.len()), (7, 7));
        insta::assert_snapshot!(digits.draw(&[0; 7]));
    }

    #[test]
    fn greatest_score_wins_and_the_first_of_equals() {
        let digits = Digits::load(1).unwrap();
        let scores = |bytes: [i8; 3]| vec![bytes.map(|b| b as u8).to_vec()];
        assert_eq!(
            digits.predictions(&vec![scores([-128, 5, -1]), scores([3, 3, -128])]),
            [1, 0]
        );
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Published figures: `docs/results/*.json` from the Verilator run, and what `README.md` says of them.

mod error;
mod readme;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Map, Value};

pub use error::Error;
pub(crate) use readme::replace;

/// Figures of one run, the fields of docs/json.md.
type Figures = Map<String, Value>;

/// A network on a configuration.
struct Case {
    /// Stem of the file in docs/results.
    id: &'static str,
    /// Name in the table.
    title: &'static str,
    /// Where the model is; the golden results lie beside it.
    model: Model,
    /// Stem of the file in configs.
    config: &'static str,
    /// Cycles of Arm's Ethos-U55-128 for the same file.
    ethos_u55_128: Option<u64>,
}

/// A model file and its golden results.
enum Model {
    /// In `models/`, part of this repository.
    Own(&'static str, &'static str),
    /// In the folder of shared models.
    Shared(&'static str),
}

/// The rows of the table. Cycles of the Ethos-U55-128: `vela --accelerator-config ethos-u55-128 --memory-mode Sram_Only
/// --system-config Ethos_U55_High_End_Embedded --optimise Performance`, ethos-u-vela 5.2.0.
const CASES: [Case; 10] = [
    Case {
        id: "vww_16x4",
        title: "VWW, MobileNetV1 0.25 at 96x96",
        model: Model::Shared("vww_mbv1_025_96"),
        config: "vww_16x4",
        ethos_u55_128: Some(210_256),
    },
    Case {
        id: "vww_16x8",
        title: "VWW",
        model: Model::Shared("vww_mbv1_025_96"),
        config: "vww_16x8",
        ethos_u55_128: Some(210_256),
    },
    Case {
        id: "vww_16x16",
        title: "VWW",
        model: Model::Shared("vww_mbv1_025_96"),
        config: "vww_16x16",
        ethos_u55_128: Some(210_256),
    },
    Case {
        id: "kws_16x8",
        title: "KWS, DS-CNN",
        model: Model::Shared("kws_dscnn_mlperf"),
        config: "vww_16x8",
        ethos_u55_128: Some(87_678),
    },
    Case {
        id: "person_detect_16x8",
        title: "person_detect, MobileNetV1 0.25",
        model: Model::Shared("person_detect"),
        config: "vww_16x8",
        ethos_u55_128: Some(203_959),
    },
    Case {
        id: "resnet8_16x8",
        title: "ResNet-8",
        model: Model::Shared("ic_resnet8_mlperf"),
        config: "residual_16x8",
        ethos_u55_128: Some(184_083),
    },
    Case {
        id: "ad01_16x8",
        title: "ad01, dense autoencoder",
        model: Model::Shared("ad01_fc_autoencoder"),
        config: "residual_16x8",
        ethos_u55_128: Some(40_929),
    },
    Case {
        id: "mobilenetv2_9x12",
        title: "MobileNetV2 0.35 at 160x160",
        model: Model::Shared("mbv2_035_160_cfu"),
        config: "mobilenetv2_9x12",
        ethos_u55_128: Some(1_294_135),
    },
    Case {
        id: "micro_speech_16x8",
        title: "micro_speech, one convolution",
        model: Model::Shared("micro_speech"),
        config: "vww_16x8",
        ethos_u55_128: None,
    },
    Case {
        id: "digits_4x4",
        title: "digits, the embedded default",
        model: Model::Own("digits.tflite", "digits_test.npz"),
        config: "small_4x4",
        ethos_u55_128: None,
    },
];

/// Other on every run.
const WALL_CLOCK: &str = "seconds_per_frame";
/// Other on every processor.
const KERNELS: &str = "kernels";
/// What `cargo xtask speed` writes.
pub(crate) const SPEED: &str = "docs/results/speed.json";
/// Known to the Verilator run only; that everything else is equal is what the tests of the engines are for.
const VERILATOR_ONLY: [&str; 3] = ["engine", "io_cycles", "interval"];

/// The project, and how its binary is called.
pub struct Project<'a> {
    /// Root of the workspace.
    pub root: &'a Path,
    /// Gives a command that runs `sepstream`; arguments are added to it.
    pub sepstream: &'a dyn Fn() -> Command,
}

impl Project<'_> {
    /// Runs all cases in Verilator and writes the figures and the generated parts of `README.md`.
    ///
    /// # Errors
    /// When a model is missing, a run fails or finds a difference, or a file cannot be written.
    pub fn write_results(&self) -> Result<(), Error> {
        let mut figures = Vec::new();
        for case in &CASES {
            let (model, golden) = self.files(case).ok_or_else(|| self.missing(case))?;
            figures.push(self.simulate(case, "verilator", &model, &golden)?);
        }
        for (case, figures) in CASES.iter().zip(&figures) {
            write(&self.file_of(case), &to_text(figures))?;
        }
        let readme = self.root.join("README.md");
        write(&readme, &self.readme(&read(&readme)?, &figures)?)
    }

    /// Compares the committed figures with those of the cycle-exact model, and `README.md` with both.
    /// Models that are not there are left out and reported to `skipped`.
    ///
    /// # Errors
    /// When something differs, a run fails, or a committed file cannot be read.
    pub fn check_results(&self, skipped: &mut dyn FnMut(&str)) -> Result<(), Error> {
        let mut differences = Vec::new();
        let mut committed = Vec::new();
        for case in &CASES {
            let path = self.file_of(case);
            let figures: Figures =
                serde_json::from_str(&read(&path)?).map_err(|e| Error::json(&path, e))?;
            match self.files(case) {
                None => skipped(case.id),
                Some((model, golden)) => {
                    let now = self.simulate(case, "model", &model, &golden)?;
                    let keys: BTreeSet<_> = now.keys().chain(figures.keys()).collect();
                    for key in keys {
                        let (committed, now) = (figures.get(key), now.get(key));
                        if committed != now && !VERILATOR_ONLY.contains(&key.as_str()) {
                            differences.push(format!("docs/results/{}.json: {key}", case.id));
                        }
                    }
                }
            }
            committed.push(figures);
        }
        let readme = read(&self.root.join("README.md"))?;
        if self.readme(&readme, &committed)? != readme {
            differences.push("README.md".into());
        }
        let mut known: BTreeSet<PathBuf> = CASES.iter().map(|case| self.file_of(case)).collect();
        known.insert(self.root.join(SPEED));
        let folder = self.root.join("docs/results");
        for entry in fs::read_dir(&folder).map_err(|e| Error::io(&folder, e))? {
            let entry = entry.map_err(|e| Error::io(&folder, e))?;
            let path = entry.path();
            if path.extension().is_some_and(|end| end == "json") && !known.contains(&path) {
                let name = entry.file_name().display().to_string();
                differences.push(format!("docs/results/{name}: no case gives it"));
            }
        }
        if differences.is_empty() {
            Ok(())
        } else {
            Err(Error::Outdated(differences))
        }
    }

    /// `text` with its generated parts as they must be.
    fn readme(&self, text: &str, figures: &[Figures]) -> Result<String, Error> {
        let path = self.root.join("models/digits.json");
        let digits = serde_json::from_str(&read(&path)?).map_err(|e| Error::json(&path, e))?;
        let text = readme::replace(text, "accuracy", &readme::accuracy(&digits)?)?;
        readme::replace(&text, "results", &readme::table(self.root, figures)?)
    }

    fn simulate(
        &self,
        case: &Case,
        engine: &str,
        model: &Path,
        golden: &Path,
    ) -> Result<Figures, Error> {
        let mut command = (self.sepstream)();
        // figures name the configuration by this path
        command.current_dir(self.root).arg("simulate").arg(model);
        command.args(["--config", &format!("configs/{}.yaml", case.config)]);
        command
            .args(["--engine", engine, "--json", "--check"])
            .arg(golden);
        let output = command.output().map_err(|e| Error::io(case.id, e))?;
        if !output.status.success() {
            let log = [output.stdout, output.stderr].concat();
            return Err(Error::Run {
                command: format!("{command:?}"),
                log: String::from_utf8_lossy(&log).into_owned(),
            });
        }
        let mut figures: Figures =
            serde_json::from_slice(&output.stdout).map_err(|e| Error::json(case.id, e))?;
        figures.remove(WALL_CLOCK);
        figures.remove(KERNELS);
        Ok(figures)
    }

    /// Model and golden results, where they are.
    fn files(&self, case: &Case) -> Option<(PathBuf, PathBuf)> {
        let (model, golden) = match case.model {
            Model::Own(model, golden) => {
                let folder = self.root.join("models");
                (folder.join(model), folder.join(golden))
            }
            Model::Shared(name) => {
                let model = self.shared().join(name).with_extension("tflite");
                (model.clone(), model.with_extension("npz"))
            }
        };
        (model.is_file() && golden.is_file()).then_some((model, golden))
    }

    fn missing(&self, case: &Case) -> Error {
        Error::NoModel {
            case: case.id,
            folder: self.shared(),
        }
    }

    /// Folder of the shared models.
    pub(crate) fn shared(&self) -> PathBuf {
        let default = || self.root.join("../shared/models");
        std::env::var_os("SEPSTREAM_MODELS").map_or_else(default, PathBuf::from)
    }

    fn file_of(&self, case: &Case) -> PathBuf {
        let name = format!("{}.json", case.id);
        self.root.join("docs/results").join(name)
    }
}

fn to_text(figures: &Figures) -> String {
    format!("{:#}\n", Value::Object(figures.clone()))
}

pub(crate) fn read(path: &Path) -> Result<String, Error> {
    fs::read_to_string(path).map_err(|e| Error::io(path, e))
}

pub(crate) fn write(path: &Path, text: &str) -> Result<(), Error> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(|e| Error::io(folder, e))?;
    }
    fs::write(path, text).map_err(|e| Error::io(path, e))
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Runs of Yosys, which a cache finds again by their content: it takes a minute for what a board holds, and says the same each time.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use sepstream_toolchain::cache::{cached, key, prune};
use sepstream_toolchain::{Places, Yosys};

use crate::Error;
use crate::process;

/// What Yosys prints.
pub(crate) const LOG: &str = "yosys.log";

/// A script for Yosys in a folder.
pub(crate) struct Run<'a> {
    /// The commands.
    pub script: &'a str,
    /// Files that it reads.
    pub inputs: &'a [&'a str],
    /// Files that it writes, besides [`LOG`].
    pub outputs: &'a [&'a str],
}

impl Run<'_> {
    /// Makes the outputs in the folder: by Yosys, or from the cache where the same Yosys has run the same script on the same files.
    pub(crate) fn run(&self, yosys: &Yosys, folder: &Path) -> Result<(), Error> {
        const SCRIPT: &str = "yosys.ys";
        let path = folder.join(SCRIPT);
        fs::write(&path, self.script).map_err(Error::io(&path))?;
        let mut made = false;
        let marker = cached(
            &Places::locate()?.cache,
            &self.name(yosys, folder)?,
            "complete",
            &mut |_| {},
            |entry, _| {
                let mut command = yosys.command();
                command.current_dir(folder).args(["-s", SCRIPT]);
                process::run(command, "yosys", &folder.join(LOG))?;
                made = true;
                self.each(|file| pack(&folder.join(file), &entry.join(file)))?;
                let complete = entry.join("complete");
                fs::write(&complete, "").map_err(Error::io(&complete))
            },
        )?;
        if made {
            marker.ancestors().nth(2).into_iter().for_each(prune);
            return Ok(());
        }
        let entry = marker.parent().unwrap_or(folder);
        self.each(|file| unpack(&entry.join(file), &folder.join(file)))
    }

    fn each(&self, file: impl FnMut(&&str) -> Result<(), Error>) -> Result<(), Error> {
        self.outputs.iter().chain([&LOG]).try_for_each(file)
    }

    /// The name of the entry: of the tool, the script and the files that go in.
    fn name(&self, yosys: &Yosys, folder: &Path) -> Result<String, Error> {
        let program = yosys.program().display().to_string();
        let mut parts = vec![yosys.banner().to_owned(), program, self.script.to_owned()];
        for input in self.inputs {
            let path = folder.join(input);
            parts.push(fs::read_to_string(&path).map_err(Error::io(&path))?);
        }
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        Ok(format!("yosys-{}", key(&parts)))
    }
}

/// Netlists are large, and shrink to a twentieth.
fn pack(from: &Path, to: &Path) -> Result<(), Error> {
    let mut source = File::open(from).map_err(Error::io(from))?;
    let target = File::create(to).map_err(Error::io(to))?;
    let mut target = GzEncoder::new(target, Compression::fast());
    io::copy(&mut source, &mut target).map_err(Error::io(to))?;
    target.finish().map(drop).map_err(Error::io(to))
}

fn unpack(from: &Path, to: &Path) -> Result<(), Error> {
    let mut source = GzDecoder::new(File::open(from).map_err(Error::io(from))?);
    let mut target = File::create(to).map_err(Error::io(to))?;
    io::copy(&mut source, &mut target)
        .map(drop)
        .map_err(Error::io(from))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_files_come_out_as_they_were() {
        let folder = tempfile::tempdir().unwrap();
        let [a, b, c] = ["a", "b", "c"].map(|name| folder.path().join(name));
        let text = "module x; endmodule\n".repeat(5000);
        fs::write(&a, &text).unwrap();
        pack(&a, &b).unwrap();
        assert!(fs::metadata(&b).unwrap().len() < text.len() as u64 / 20);
        unpack(&b, &c).unwrap();
        assert_eq!(fs::read_to_string(&c).unwrap(), text);
    }
}

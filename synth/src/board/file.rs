// SPDX-License-Identifier: MIT OR Apache-2.0
//! Board files: YAML, every field checked, every broken rule with its line.

use std::iter;

use sepstream_spec::config::{Violation, closest};

use super::yaml::Entries;
use super::{Board, Constraints, pins, stem};
use crate::device::Part;
use crate::top::{CLOCK_PORT, LED_PORTS};
use crate::{Family, HostPins};

/// Longest accepted file: a board has some twenty lines.
const MAX_BYTES: usize = 64 * 1024;

/// A field: its name, whether every file has it, what it may be.
struct Field {
    name: &'static str,
    required: bool,
    allowed: &'static str,
    example: &'static str,
}

const fn field(
    name: &'static str,
    required: bool,
    allowed: &'static str,
    example: &'static str,
) -> Field {
    Field {
        name,
        required,
        allowed,
        example,
    }
}

#[rustfmt::skip]
const FIELDS: [Field; 15] = [
    field("title", true, "a name", "My board"),
    field("part", true, "LFE5U-12F, LFE5U-25F, LFE5U-45F, LFE5U-85F, LFE5UM5G-85F, iCE40HX8K or iCE40UP5K", "LFE5U-25F"),
    field("package", true, "a package of the part", "CABGA381"),
    field("speed", false, "the speed grade of an ECP5: 6, 7 or 8", "6"),
    field("clock_mhz", true, "a frequency from 1 to 400 in MHz", "25"),
    field("freq_mhz", true, "a frequency from 1 to 400 in MHz", "50"),
    field("pll", false, "pad, where the clock comes in at the PLL's own pin, or core", "core"),
    field("baud", false, "a whole number from 9600 to 12000000", "1000000"),
    field("missing", false, "what the host link lacks, in place of baud", "no UART"),
    field("leds", false, "active-high or active-low", "active-low"),
    field("high", false, "ports that are always high", "flash_cs_n"),
    field("constraints", true, "a .lpf or .pcf file beside the board file or in ../constraints", "ulx3s.lpf"),
    field("config", true, "a file of configs", "small_4x4.yaml"),
    field("flash", true, "options of openFPGALoader", "--board ulx3s"),
    field("memory", false, "memories of the board, in words", "32 MB SDRAM"),
];
const NOTE: Field = field(
    "note",
    false,
    "what the user has to know",
    "close jumper J1",
);

/// What is read of a file, and what is wrong with it.
struct Reader<'a> {
    file: &'a str,
    values: Vec<(&'static Field, String, u64)>,
    violations: Vec<Violation>,
}

impl Board {
    /// Reads and checks a board file; `file` is its name in messages, `constraints` gives the text of a constraint file.
    ///
    /// # Errors
    /// With every broken rule.
    pub fn from_yaml(
        text: &str,
        file: &str,
        constraints: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Board, Vec<Violation>> {
        let mut reader = Reader::new(text, file)?;
        let board = reader.board(constraints);
        match board {
            Some(board) if reader.violations.is_empty() => Ok(board),
            _ => {
                let line = |v: &Violation| v.place.clone();
                reader.violations.sort_by_key(line);
                Err(reader.violations)
            }
        }
    }
}

impl<'a> Reader<'a> {
    fn new(text: &str, file: &'a str) -> Result<Self, Vec<Violation>> {
        let whole = |line: u64, found: String| {
            vec![Violation {
                rule: "board-yaml",
                place: Some((file.into(), line)),
                found,
                allowed: "a YAML mapping of names to values".into(),
                instead: "a file as those in boards/".into(),
            }]
        };
        if text.len() > MAX_BYTES {
            return Err(whole(1, format!("the file has {} bytes", text.len())));
        }
        let entries: Entries = serde_yaml::from_str(text).map_err(|error| {
            let line = error.location().map_or(1, |location| location.line());
            let message = error.without_snippet().to_string();
            whole(line, message.lines().next().unwrap_or_default().into())
        })?;
        let mut reader = Reader {
            file,
            values: Vec::new(),
            violations: Vec::new(),
        };
        let known: Vec<&str> = reader.fields().map(|field| field.name).collect();
        for (key, value) in entries.0 {
            let line = key.referenced.line();
            let Some(field) = reader.fields().find(|field| field.name == key.value) else {
                let near = closest(&key.value, &known);
                reader.violations.push(Violation {
                    rule: "board-unknown-field",
                    place: Some((file.into(), line)),
                    found: format!("unknown field: {}", key.value.escape_debug()),
                    allowed: known.join(", "),
                    instead: near.map_or("without it".into(), |name| format!("{name}:")),
                });
                continue;
            };
            match value.value.0 {
                Some(text) => reader.values.push((field, text, line)),
                None => reader.refuse(field, line, "no plain value", field.allowed),
            }
        }
        for field in reader.fields().filter(|field| field.required) {
            let is_there = reader
                .values
                .iter()
                .any(|(known, ..)| known.name == field.name);
            let refused = format!("{} = ", field.name);
            if !is_there
                && !reader
                    .violations
                    .iter()
                    .any(|v| v.found.starts_with(&refused))
            {
                reader.violations.push(Violation {
                    rule: "board-missing-field",
                    place: Some((file.into(), 1)),
                    found: format!("{} is missing", field.name),
                    allowed: field.allowed.into(),
                    instead: format!("{}: {}", field.name, field.example),
                });
            }
        }
        Ok(reader)
    }

    fn fields(&self) -> impl Iterator<Item = &'static Field> + use<> {
        FIELDS.iter().chain([&NOTE])
    }

    fn refuse(&mut self, field: &Field, line: u64, found: &str, allowed: &str) {
        self.violations.push(Violation {
            rule: "board-value",
            place: Some((self.file.into(), line)),
            found: format!("{} = {}", field.name, found.escape_debug()),
            allowed: allowed.into(),
            instead: format!("{}: {}", field.name, field.example),
        });
    }

    fn text(&self, name: &str) -> Option<(&'static Field, String, u64)> {
        self.values
            .iter()
            .find(|(field, ..)| field.name == name)
            .cloned()
    }

    /// The value of a field, if it is there and `parse` takes it.
    fn value<T>(&mut self, name: &str, parse: impl Fn(&str) -> Option<T>) -> Option<T> {
        let (field, text, line) = self.text(name)?;
        let value = parse(&text);
        if value.is_none() {
            self.refuse(field, line, &text, field.allowed);
        }
        value
    }

    fn words(&mut self, name: &str) -> String {
        self.text(name).map_or(String::new(), |(_, text, _)| text)
    }

    fn board(&mut self, constraints: &dyn Fn(&str) -> Option<String>) -> Option<Board> {
        let part = self.value("part", Part::named);
        let package = self.part_choice(part, "package", |part| part.packages.to_vec());
        let speeds = |part: &Part| -> Vec<&'static str> {
            part.speeds
                .iter()
                .map(|speed| ["6", "7", "8"][*speed as usize - 6])
                .collect()
        };
        let speed = self.part_choice(part, "speed", speeds);
        if speed.is_none() && part.is_some_and(|part| part.device().family == Family::Ecp5) {
            self.lacks("speed");
        }
        let clock_hz = self.value("clock_mhz", hertz);
        let freq_hz = self.value("freq_mhz", hertz);
        let pll_pad = self.value("pll", |text| match text {
            "pad" => Some(true),
            "core" => Some(false),
            _ => None,
        });
        let leds_active_low = self.value("leds", |text| match text {
            "active-low" => Some(true),
            "active-high" => Some(false),
            _ => None,
        });
        let baud = self.value("baud", |text| {
            let baud = text.parse().ok()?;
            (9600..=12_000_000).contains(&baud).then_some(baud)
        });
        let baud = match (self.text("baud"), self.text("missing")) {
            (Some(_), None) => baud.map(Ok),
            (None, Some((_, text, _))) => Some(Err(text)),
            (Some(_), Some((field, text, line))) => {
                self.refuse(field, line, &text, "only where there is no baud");
                None
            }
            (None, None) => {
                self.lacks("baud");
                None
            }
        };
        let high: Vec<String> = self
            .words("high")
            .split_whitespace()
            .map(String::from)
            .collect();
        let linked = baud.as_ref().is_some_and(Result::is_ok);
        let constraints = self.constraints(constraints, &high, linked);
        Some(Board {
            id: stem(self.file).into(),
            title: self.words("title"),
            part: part?,
            package: package?,
            speed: speed.and_then(|speed| speed.parse().ok()),
            clock_hz: clock_hz?,
            freq_hz: freq_hz?,
            pll_pad: pll_pad.unwrap_or(false),
            baud: baud?,
            leds_active_low: leds_active_low.unwrap_or(false),
            high,
            config: self.words("config"),
            loader: self.words("flash"),
            memory: self.words("memory"),
            note: self.words("note"),
            constraints: constraints?,
        })
    }

    /// A value that the part must have.
    fn part_choice(
        &mut self,
        part: Option<&Part>,
        name: &str,
        choices: impl Fn(&Part) -> Vec<&'static str>,
    ) -> Option<String> {
        let (field, text, line) = self.text(name)?;
        let choices = choices(part?);
        if choices.contains(&text.as_str()) {
            return Some(text);
        }
        let part = part.map_or("", |part| part.name);
        let allowed = match choices.len() {
            0 => format!("nothing: {part} has its speed in its name"),
            _ => format!("{} for {part}", choices.join(", ")),
        };
        self.refuse(field, line, &text, &allowed);
        None
    }

    fn lacks(&mut self, name: &str) {
        let Some(field) = self.fields().find(|field| field.name == name) else {
            return;
        };
        if self.violations.iter().any(|v| v.found.starts_with(name)) {
            return;
        }
        self.violations.push(Violation {
            rule: "board-missing-field",
            place: Some((self.file.into(), 1)),
            found: format!("{name} is missing"),
            allowed: field.allowed.into(),
            instead: format!("{name}: {}", field.example),
        });
    }

    /// The constraint file: every port of the top module has a pin, and nothing else has.
    fn constraints(
        &mut self,
        read: &dyn Fn(&str) -> Option<String>,
        high: &[String],
        linked: bool,
    ) -> Option<Constraints> {
        let (field, file, line) = self.text("constraints")?;
        let plain = !file.contains(['/', '\\']);
        let Some(text) = plain.then(|| read(&file)).flatten() else {
            self.refuse(
                field,
                line,
                &file,
                "a file that can be read, named without its folder",
            );
            return None;
        };
        let located = pins::ports(&text);
        let always: Vec<&str> = iter::once(CLOCK_PORT)
            .chain(high.iter().map(String::as_str))
            .collect();
        let mut known = always.clone();
        for pins in HostPins::ALL {
            known.extend(pins.ports());
        }
        known.extend(LED_PORTS);
        for (port, line) in &located {
            if !known.contains(&port.as_str()) {
                let near = closest(port, &known);
                self.violations.push(Violation {
                    rule: "board-unknown-port",
                    place: Some((file.clone(), *line)),
                    found: format!("a pin for `{}`", port.escape_debug()),
                    allowed: known.join(", "),
                    instead: near.unwrap_or("without it").into(),
                });
            }
        }
        // a board with a baud rate has a UART; one with a pin of an SPI has all of them
        let is_there = |port: &str| located.iter().any(|(known, _)| known == port);
        let mut required = always;
        if linked {
            required.extend(HostPins::Uart.ports());
        }
        if HostPins::Spi.ports().into_iter().any(is_there) {
            required.extend(HostPins::Spi.ports());
        }
        for port in required.into_iter().filter(|port| !is_there(port)) {
            self.violations.push(Violation {
                rule: "board-missing-pin",
                place: Some((file.clone(), 1)),
                found: format!("no pin for `{port}`"),
                allowed: "a pin for every port".into(),
                instead: format!("a LOCATE COMP or set_io line with {port}"),
            });
        }
        Some(Constraints {
            file,
            text,
            ports: located.into_iter().map(|(port, _)| port).collect(),
        })
    }
}

/// A frequency in MHz, from 1 to 400, in hertz.
pub fn hertz(text: &str) -> Option<u32> {
    let mhz: f64 = text.parse().ok()?;
    (1.0..=400.0)
        .contains(&mhz)
        .then(|| (mhz * 1e6).round() as u32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::PARTS;

    #[test]
    fn the_parts_are_those_of_the_table() {
        let field = FIELDS.iter().find(|field| field.name == "part").unwrap();
        for part in &PARTS {
            assert!(field.allowed.contains(part.name), "{}", part.name);
        }
    }
}

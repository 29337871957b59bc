// SPDX-License-Identifier: MIT OR Apache-2.0
//! Configuration files: what is accepted, every message, and the documentation that is generated from the rules.

use proptest::collection::vec;
use proptest::prelude::*;
use sepstream_spec::config::{Config, FIELDS, Fallback, Field, Limit, Values, Violation};

const SMALLEST: &str = "\
pointwise: { tn: 16, tm: 8 }
depthwise: { lanes: 8, taps: 3 }
memory: { activation_kib: 96, weight_kib: 256 }
";

fn parse(text: &str) -> Result<Config, Vec<Violation>> {
    Config::from_yaml(text, "file.yaml")
}

/// The messages for a file that must be refused.
fn refusal(text: &str) -> String {
    let violations = parse(text).expect_err("this file must be refused");
    let messages: Vec<_> = violations.iter().map(Violation::to_string).collect();
    messages.join("\n")
}

/// The smallest file with one field of one section replaced or added.
fn with(section: &str, name: &str, value: &str) -> String {
    let mut text = String::new();
    for line in SMALLEST.lines() {
        let (head, fields) = line.split_once(": {").expect("a flow mapping");
        let mut fields: Vec<String> = fields
            .trim_end_matches('}')
            .split(',')
            .map(|f| f.trim().to_string())
            .collect();
        if head == section {
            fields.retain(|f| !f.starts_with(&format!("{name}:")));
            fields.push(format!("{name}: {value}"));
        }
        text += &format!("{head}: {{ {} }}\n", fields.join(", "));
    }
    text
}

#[test]
fn smallest_file_takes_the_documented_defaults() {
    let config = parse(SMALLEST).unwrap();
    let want = Values {
        tn: 16,
        tm: 8,
        tp: 1,
        pw_multiplier: 0,
        pw_lut_channels: 0,
        pw_requant: 8,
        pw_sum_bits: 32,
        pw_requant_cycles: 1,
        pw_rounding: 1,
        pw_tables: 0,
        residual: 8,
        lanes: 8,
        taps: 3,
        pairs: 0,
        gather_rows: 1,
        dw_multiplier: 0,
        dw_lut_lanes: 0,
        dw_requant: 3,
        dw_sum_bits: 32,
        dw_requant_cycles: 1,
        dw_max: 0,
        dw_tables: 0,
        activation_kib: 96,
        weight_kib: 256,
        depthwise_kib: 16,
        pointwise_channels: 4096,
        depthwise_channels: 2048,
        line_words: 512,
        pixel_words: 512,
        expand_words: 64,
        commands: 64,
        map_size: 65535,
        commands_ahead: 0,
    };
    assert_eq!(config.values(), &want);
    assert_eq!(want.check().unwrap(), config);
}

#[test]
fn default_of_depthwise_requant_never_breaks_its_own_rule() {
    for (tn, lanes, taps) in [(1, 32, 1), (2, 8, 3), (3, 5, 3), (64, 32, 9), (1, 1, 9)] {
        let text = SMALLEST.replace("tn: 16", &format!("tn: {tn}")).replace(
            "lanes: 8, taps: 3",
            &format!("lanes: {lanes}, taps: {taps}"),
        );
        let config = parse(&text).unwrap();
        let want = u32::min(tn, (lanes as u32).div_ceil(taps));
        assert_eq!(config.values().dw_requant, want, "{text}");
    }
}

#[test]
fn written_file_reads_back_equal() {
    let config = parse(&with("pointwise", "requant", "5")).unwrap();
    insta::assert_snapshot!("full_file", config);
    assert_eq!(parse(&config.to_string()).unwrap(), config);
}

/// A file of the time before a field that is off is the same, and so is its accelerator.
#[test]
fn what_is_off_is_not_said() {
    let config = parse(SMALLEST).unwrap();
    let zeros = with("pointwise", "lut_channels", "0").replace("taps: 3", "taps: 3, lut_lanes: 0");
    let same = parse(&zeros).unwrap();
    assert_eq!((&same, same.fingerprint()), (&config, config.fingerprint()));
    assert!(!same.to_string().contains("lut_"));
    let twice = zeros.replace("lut_channels: 0", "rounding: twice");
    let some = parse(&twice.replace("lut_lanes: 0", "lut_lanes: 2")).unwrap();
    assert!(some.to_string().contains("  lut_lanes: 2  #"));
    assert_eq!(parse(&some.to_string()).unwrap(), some);
    assert_eq!(some.fingerprint(), 1149058592);
}

#[test]
fn fingerprint_is_stable_and_sees_every_field() {
    let config = parse(SMALLEST).unwrap();
    assert_eq!(config.fingerprint(), 3234723069);
    let old = parse(&with("pointwise", "rounding", "twice")).unwrap();
    assert_eq!(
        old.fingerprint(),
        2820027996,
        "as before there was the field"
    );
    assert!(old.to_string().contains("  rounding: twice  #"));
    let mut seen = vec![config.fingerprint()];
    let narrow = parse(&with("depthwise", "sum_bits", "18, requant_cycles: 8")).unwrap();
    seen.push(narrow.fingerprint());
    let narrow = parse(&with("pointwise", "sum_bits", "18, requant_cycles: 8")).unwrap();
    seen.push(narrow.fingerprint());
    for (section, name, value) in [
        ("pointwise", "tn", "17"),
        ("pointwise", "tm", "9"),
        ("pointwise", "multiplier", "packed"),
        ("pointwise", "multiplier", "lut"),
        ("pointwise", "lut_channels", "1"),
        ("pointwise", "lut_channels", "8"),
        ("pointwise", "requant", "7"),
        ("pointwise", "sum_bits", "18"),
        ("pointwise", "sum_bits", "20"),
        ("pointwise", "rounding", "twice"),
        ("pointwise", "residual", "0"),
        ("depthwise", "lanes", "9"),
        ("depthwise", "taps", "1"),
        ("depthwise", "gather_rows", "3"),
        ("depthwise", "multiplier", "lut"),
        ("depthwise", "lut_lanes", "1"),
        ("depthwise", "lut_lanes", "8"),
        ("depthwise", "requant", "4"),
        ("depthwise", "sum_bits", "18"),
        ("depthwise", "sum_bits", "20"),
        ("memory", "activation_kib", "97"),
        ("memory", "weight_kib", "257"),
        ("memory", "depthwise_kib", "17"),
        ("memory", "pointwise_channels", "4097"),
        ("memory", "depthwise_channels", "2049"),
        ("memory", "line_words", "513"),
        ("memory", "pixel_words", "513"),
        ("memory", "expand_words", "0"),
        ("memory", "commands", "65"),
    ] {
        seen.push(parse(&with(section, name, value)).unwrap().fingerprint());
    }
    let count = seen.len();
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), count);
}

/// One number below and one above what each rule allows, with all other fields right.
#[test]
fn message_of_every_rule() {
    let wrong = |name: &str| match name {
        "taps" => ["0", "5"],
        "tp" => ["0", "9"],
        "residual" => ["5", "70000"],
        "expand_words" => ["8193", "70000"],
        "lut_channels" | "lut_lanes" => ["9", "70000"],
        "multiplier" => ["0", "fast"],
        "sum_bits" => ["17", "25"],
        "requant_cycles" => ["0", "4"],
        "tables" => ["1", "70000"],
        "pairs" | "commands_ahead" | "max" => ["2", "70000"],
        _ => ["0", "70000"],
    };
    for field in &FIELDS {
        let messages = wrong(field.name).map(|v| refusal(&with(field.section, field.name, v)));
        for message in &messages {
            assert!(
                message.starts_with(&format!("error[{}]", field.rule)),
                "{message}"
            );
            assert_eq!(message.matches("error[").count(), 1, "{message}");
        }
        insta::assert_snapshot!(field.rule, messages.join("\n"));
    }
}

#[test]
fn both_ends_of_every_range_are_accepted() {
    for (name, low, high) in [
        ("tn", "3", "64"),
        ("tm", "1", "64"),
        ("tp", "1", "8"),
        ("lanes", "1", "32"),
        ("lut_channels", "0", "8"),
        ("lut_lanes", "0", "8"),
        ("taps", "1", "9"),
        ("activation_kib", "1", "4096"),
        ("weight_kib", "1", "16384"),
        ("depthwise_kib", "1", "1024"),
        ("pointwise_channels", "16", "65536"),
        ("depthwise_channels", "16", "65536"),
        ("line_words", "16", "8192"),
        ("pixel_words", "4", "8192"),
        ("expand_words", "0", "8192"),
        ("commands", "1", "4096"),
    ] {
        let field = FIELDS.iter().find(|f| f.name == name).unwrap();
        for value in [low, high] {
            let text = with(field.section, name, value);
            assert!(parse(&text).is_ok(), "{}", refusal(&text));
        }
    }
}

#[test]
fn every_violation_is_reported_at_once() {
    let text = "\
# a file with nearly everything wrong
pointwise:
  tn: 100
  tm: four
  requant: 0
depthwise: { lines: 8, taps: 5, requant: -1 }
memory:
  activation_kib: 1.5
  weight_kib: 99999999999999999999999999
  commands: [1, 2]
  pixel_words:
extra: true
";
    insta::assert_snapshot!("all_at_once", refusal(text));
}

#[test]
fn values_of_the_wrong_kind() {
    let values = [
        "-3",
        "1e3",
        "16.0",
        "true",
        "'8'",
        ".inf",
        ".nan",
        "",
        "~",
        "[8]",
        "{ a: 1 }",
        "0x10000000000000000000",
        "-99999999999999999999999999999999999999999999",
        "\"a\\nb\"",
        "0b2",
    ];
    let messages: Vec<_> = values
        .iter()
        .map(|value| format!("tn: {value}\n{}", refusal(&with("pointwise", "tn", value))))
        .collect();
    insta::assert_snapshot!("wrong_kind", messages.join("\n"));
}

#[test]
fn files_of_the_wrong_form() {
    let deep = "[".repeat(5000);
    let bomb = {
        let mut text = String::from("a: &a0 [1,1,1,1,1,1,1,1,1]\n");
        for i in 1..12 {
            let alias = format!("*a{}", i - 1);
            text += &format!("b{i}: &a{i} [{}]\n", [alias.as_str(); 9].join(","));
        }
        text
    };
    let long = "#".repeat(70_000);
    let cases = [
        ("empty", ""),
        ("number", "3"),
        ("list", "- pointwise\n- depthwise\n"),
        (
            "scalar section",
            "pointwise: 16x8\ndepthwise: { lanes: 8, taps: 3 }\n",
        ),
        ("duplicate", "pointwise: { tn: 16, tn: 8, tm: 8 }\n"),
        ("two documents", "pointwise: { tn: 16, tm: 8 }\n---\na: 1\n"),
        ("unclosed", "pointwise: { tn: 16, tm: 8\n"),
        ("tab", "pointwise:\n\ttn: 8\n"),
        ("complex key", "? [1, 2]\n: 3\n"),
        ("deep", &deep),
        ("alias bomb", &bomb),
        ("long", &long),
        ("control", "pointwise\u{1}: 3\n"),
    ];
    let messages: Vec<_> = cases
        .iter()
        .map(|(name, text)| format!("{name}\n{}", refusal(text)))
        .collect();
    insta::assert_snapshot!("wrong_form", messages.join("\n"));
}

#[test]
fn aliases_and_other_spellings_of_numbers_are_fine() {
    let text = SMALLEST.replace("tn: 16, tm: 8", "tn: &n 0x10, tm: *n");
    let config = parse(&text).unwrap();
    assert_eq!((config.values().tn, config.values().tm), (16, 16));
}

#[test]
fn committed_files_give_every_field() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../configs");
    let mut files = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let config = Config::from_yaml(&text, &path.display().to_string()).unwrap();
        let plain = |text: &str| -> Vec<String> {
            text.lines()
                .map(|line| line.split('#').next().unwrap().trim_end().to_string())
                .filter(|line| !line.is_empty())
                .collect()
        };
        assert_eq!(
            plain(&text),
            plain(&config.to_string()),
            "{}",
            path.display()
        );
        files += 1;
    }
    assert!(files >= 2);
}

/// `docs/configuration.md` holds the table of rules; run with `UPDATE_DOCS=1` to write it anew.
#[test]
fn documentation_holds_the_rules() {
    const MARKS: [&str; 2] = [
        "<!-- rules: generated by spec/tests/config.rs -->\n",
        "<!-- end of rules -->\n",
    ];
    let mut table =
        String::from("| field | meaning | allowed | default | rule |\n|---|---|---|---|---|\n");
    for f in &FIELDS {
        let allowed = f.sentence();
        let default = if matches!(f.default, Fallback::Required) {
            "**required**".into()
        } else {
            f.default_text()
        };
        table += &format!(
            "| `{}.{}` | {} | {allowed} | {default} | `{}` |\n",
            f.section, f.name, f.meaning, f.rule
        );
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/configuration.md");
    let text = std::fs::read_to_string(path).unwrap();
    let (head, rest) = text.split_once(MARKS[0]).expect("start mark");
    let (_, tail) = rest.split_once(MARKS[1]).expect("end mark");
    let want = format!("{head}{}{table}{}{tail}", MARKS[0], MARKS[1]);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(path, &want).unwrap();
    }
    assert_eq!(
        std::fs::read_to_string(path).unwrap(),
        want,
        "docs/configuration.md is stale: UPDATE_DOCS=1 writes it"
    );
    assert!(
        text.contains(SMALLEST),
        "docs/configuration.md shows the smallest file"
    );
}

/// The configuration that these numbers make, taken in turn.
fn drawn(numbers: &[u32]) -> Config {
    let mut numbers = numbers.iter().cycle();
    Config::drawn(|low, high| low + numbers.next().expect("there are some") % (high - low + 1))
}

proptest! {
    #[test]
    fn drawn_configurations_pass_every_rule(numbers in vec(any::<u32>(), 1..200)) {
        let config = drawn(&numbers);
        prop_assert_eq!(config.values().clone().check(), Ok(config));
    }

    #[test]
    fn a_changed_field_takes_those_that_depend_on_it_along(
        numbers in vec(any::<u32>(), 1..200),
        field in 0..FIELDS.len(),
        value in 0..100_000_u32,
    ) {
        let field = &FIELDS[field];
        let config = drawn(&numbers).with(field, value);
        prop_assert_eq!(config.values().clone().check(), Ok(config));
    }
}

#[test]
fn one_changed_field_leaves_the_others() {
    let config = parse(SMALLEST).unwrap();
    let field = |path| Field::find(path).expect("there is such a field");
    let mut want = config.values().clone();
    want.map_size = 77;
    assert_eq!(config.with(field("memory.map_size"), 77).values(), &want);
    // as many residual lanes as requantise, lanes of several cycles only for sums of few bits
    want.map_size = config.values().map_size;
    (want.pw_requant, want.residual) = (5, 5);
    assert_eq!(config.with(field("pointwise.requant"), 5).values(), &want);
    assert!(Field::find("memory.nothing").is_none());
}

/// Both ends of every range come out, and what only several fields together make.
#[test]
fn any_configuration_can_be_drawn() {
    let mut state = 1_u64;
    let mut next = move |low: u32, high: u32| {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1);
        low + (state >> 33) as u32 % (high - low + 1)
    };
    let all: Vec<Config> = (0..2000).map(|_| Config::drawn(&mut next)).collect();
    for field in &FIELDS {
        if let Limit::Range(least, most) = field.limit {
            for end in [least, most] {
                let drawn = |c: &Config| c.with(field, end) == *c;
                assert!(all.iter().any(drawn), "{} = {end}", field.name);
            }
        }
    }
    assert!(all.iter().any(Config::shares_requant));
}

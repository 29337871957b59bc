// SPDX-License-Identifier: MIT OR Apache-2.0
//! `deframe` and `enframe` with the units that they share.

use sepstream_hdl::link::{crc::crc, deframe::deframe, enframe::enframe};
use sepstream_hdl::memory::memory;
use sepstream_hdl::rtl::{Module, cat, lit};
use std::rc::Rc;

/// `deframe` with the units that it needs, and a port to read what it has written.
pub fn receiver() -> Rc<Module> {
    let mut m = Module::new("link_in", "deframe, crc and buffer.");
    let inputs = [("s_data", 8), ("s_valid", 1), ("s_error", 1), ("hold", 1)];
    let mut given: Vec<_> = inputs
        .map(|(name, width)| (name, m.input(name, width)))
        .into();
    let wrong = m.forward("wrong", 1);
    given.push(("c_wrong", wrong.clone()));
    let deframe = m.instance("deframe", &deframe(), &given);
    let check = m.instance(
        "check_unit",
        &crc(),
        &[
            ("start", deframe.out("c_start")),
            ("s_data", deframe.out("c_data")),
            ("s_valid", deframe.out("c_valid")),
            ("s_check", deframe.out("c_check")),
        ],
    );
    m.drive(&wrong, &check.out("wrong"));
    let address = m.input("r_addr", 9);
    let memory = m.instance(
        "memory",
        &memory(512, 8),
        &[
            ("we", deframe.out("we")),
            ("w_addr", cat(&[lit(0, 1), deframe.out("w_addr")])),
            ("w_data", deframe.out("w_data")),
            ("r_addr", address),
        ],
    );
    m.output("r_data", &memory.out("r_data"));
    for port in [
        "m_valid", "kind", "number", "length", "first", "second", "damaged",
    ] {
        m.output(port, &deframe.out(port));
    }
    Rc::new(m)
}

/// `enframe` with the units that it needs, and a port to write the payload.
pub fn sender() -> Rc<Module> {
    let mut m = Module::new("link_out", "enframe, crc and buffer.");
    let inputs = [
        ("start", 1),
        ("kind", 4),
        ("number", 8),
        ("length", 9),
        ("m_ready", 1),
    ];
    let mut given: Vec<_> = inputs
        .map(|(name, width)| (name, m.input(name, width)))
        .into();
    let [payload, low, busy] =
        [("payload", 8), ("low", 8), ("busy", 1)].map(|(name, width)| m.forward(name, width));
    given.extend([
        ("p_data", payload.clone()),
        ("c_low", low.clone()),
        ("c_busy", busy.clone()),
    ]);
    let enframe = m.instance("enframe", &enframe(), &given);
    let check = m.instance(
        "check_unit",
        &crc(),
        &[
            ("start", enframe.out("c_start")),
            ("s_data", enframe.out("c_data")),
            ("s_valid", enframe.out("c_valid")),
            ("s_check", enframe.out("c_check")),
        ],
    );
    let write = [("we", 1), ("w_addr", 9), ("w_data", 8)];
    let mut given: Vec<_> = write
        .map(|(name, width)| (name, m.input(name, width)))
        .into();
    given.push(("r_addr", cat(&[lit(1, 1), enframe.out("p_addr")])));
    let memory = m.instance("memory", &memory(512, 8), &given);
    m.drive(&payload, &memory.out("r_data"));
    m.drive(&low, &check.out("low"));
    m.drive(&busy, &check.out("busy"));
    for port in ["m_data", "m_valid", "done"] {
        m.output(port, &enframe.out(port));
    }
    Rc::new(m)
}

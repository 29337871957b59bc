// SPDX-License-Identifier: MIT OR Apache-2.0
//! # buffer — the data of the request at work and of the reply that is kept
//! | port    | dir | data | note                                 |
//! |---------|-----|------|--------------------------------------|
//! | we w_addr w_data | in | | a byte                            |
//! | r_addr  | in  | 9    |                                      |
//! | r_data  | out | 8    | in the next cycle                    |
//!
//! One block RAM of 512 bytes: payload of the request from 0 (byte 256 at 0, as the payload's first byte is kept elsewhere), that of
//! the reply from 256. Without the output register of `memory`: nothing here is in a hurry, and an iCE40's block RAM has none.

use crate::rtl::Module;
use std::rc::Rc;

/// The buffer.
pub fn buffer() -> Rc<Module> {
    let mut m = Module::new(
        "buffer",
        "The data of the request at work, and of the reply that is kept.",
    );
    m.input("we", 1);
    m.input("w_addr", 9);
    m.input("w_data", 8);
    m.input("r_addr", 9);
    let array = m.raw_name("array", 8);
    let read = m.raw_name("read_q", 8);
    let text = format!(
        "reg [7:0] {array} [0:511];\nreg [7:0] {read};\n\
         always @(posedge clk) begin\n    if (we) {array}[w_addr] <= w_data;\n    {read} <= {array}[r_addr];\nend",
        array = array.text(),
        read = read.text(),
    );
    m.raw(&text);
    m.output("r_data", &read);
    Rc::new(m)
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! # wide_lane — one lane of the requantiser for sums of 32 bits
//! | port   | dir | data               | note                                             |
//! |--------|-----|--------------------|--------------------------------------------------|
//! | sum .. shift | in | see `lane`    | the multiplier is taken two cycles later, the shift one |
//! | left   | in  | 1                  | the shift is to the left, in front of the product |
//! | once   | in  | 1                  | `either`: one rounding, `quant::requant_once`    |
//! | m_data | out | 8 bits             | `timing::REQUANT_LANE` cycles behind the sum     |

use super::lane;
use super::rounding::round_and_clamp;
use crate::rtl::{Module, lit};
use std::rc::Rc;

/// One lane for sums of 32 bits, `timing::REQUANT_LANE` cycles; `either`: with a port `once`, as `requant::Shape::either` wants it.
pub fn wide_lane(either: bool) -> Rc<Module> {
    let mut m = Module::new(
        lane::name("requant_lane".into(), either),
        "One INT32 sum to one INT8 output, a stage per line.",
    );
    let inputs = lane::Inputs::new(&mut m);
    let biased = inputs.biased(&mut m);
    let left = m.input("left", 1);
    let factor = m.delay("multiplier", &inputs.multiplier, 2);
    let shift_d1 = m.delay("shift", &inputs.shift, 1);
    let left_d1 = m.delay("left", &left, 1);
    let scaled = m.pipe("scaled", &left_d1.mux(&biased.shl(&shift_d1), &biased));
    // a left shift leaves nothing to shift right
    let right = m.delay("right", &left_d1.mux(&lit(0, 5), &shift_d1), 1);
    let lane::Inputs {
        zero, low, high, ..
    } = &inputs;
    let once = either.then(|| {
        let once = m.input("once", 1);
        m.delay("once_of_scaled", &once, 2)
    });
    let right = (&right, once.as_ref());
    let out = round_and_clamp(&mut m, &scaled, &factor, right, zero, low, high);
    m.output("m_data", &out);
    Rc::new(m)
}

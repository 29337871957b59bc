// SPDX-License-Identifier: MIT OR Apache-2.0
//! Functions of outputs, where a configuration has tables.

use super::store::Store;
use crate::post::table;
use crate::rtl::{Expr, Module, pack};
use sepstream_spec::config::Config;
use sepstream_spec::isa::address_bits;
use sepstream_spec::regs::Memory;

/// The tables behind an engine's requantisers, and the load port that all of them share.
pub(super) struct Tables {
    memory: Memory,
    count: u32,
    we: Expr,
    addr: Expr,
    data: Expr,
}

impl Tables {
    /// Those of a memory, if the configuration has any; `name` for its load port.
    pub(super) fn new(m: &mut Module, config: &Config, memory: Memory, name: &str) -> Option<Self> {
        let count = match memory {
            Memory::DwTable => config.values().dw_tables,
            _ => config.values().pw_tables,
        };
        let shape = memory.shape(config);
        (count > 0).then(|| Tables {
            memory,
            count,
            we: m.forward(&format!("{name}_we"), 1),
            addr: m.forward(&format!("{name}_addr"), address_bits(shape.words)),
            data: m.forward(&format!("{name}_data"), shape.bytes * 8),
        })
    }

    /// What the bytes of a beat become, in lanes of a unit of this name, and what goes along with them.
    pub(super) fn look_up<const N: usize>(
        &self,
        m: &mut Module,
        name: &str,
        number: &Expr,
        data: &Expr,
        along: [&Expr; N],
    ) -> (Expr, [Expr; N]) {
        let beside = along.iter().map(|value| value.width()).sum();
        let unit = table::table(name, data.width() / 8, self.count, beside);
        let mut inputs = vec![
            ("number", number.clone()),
            ("s_data", data.clone()),
            ("t_we", self.we.clone()),
            ("t_addr", self.addr.clone()),
            ("t_data", self.data.clone()),
        ];
        if N > 0 {
            inputs.push(("s_along", pack(&along.map(Expr::clone))));
        }
        let found = m.instance(name, &unit, &inputs);
        let mut at = 0;
        let along = along.map(|value| {
            at += value.width();
            found
                .out("m_along")
                .slice(at - value.width(), value.width())
        });
        (found.out("m_data"), along)
    }

    /// Joins the load port.
    pub(super) fn load(&self, m: &mut Module, store: &Store, name: &str) {
        let [we, addr, data] = store.port(m, self.memory, name);
        m.drive(&self.we, &we);
        m.drive(&self.addr, &addr);
        m.drive(&self.data, &data);
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! What flows between the units of `top`: requantised outputs and expanded rows.

use crate::packer;
use crate::post::order;
use crate::rtl::{Expr, Instance, Module};
use sepstream_spec::config::Config;

/// Words of expanded rows on their way to the line buffer.
pub(super) struct Expanded {
    pub(super) valid: Expr,
    pub(super) row_last: Expr,
    pub(super) data: Expr,
}

/// Requantised outputs on their way to a memory.
#[derive(Clone)]
pub(super) struct Beats {
    /// From the requantisers `tp` times their lanes; with tp > 1, a word when they are in order.
    pub(super) data: Expr,
    pub(super) first: Expr,
    pub(super) count: Expr,
    /// The beat ends a row; it ends the command. Before they are in order: it ends the command; it ends its pixels.
    pub(super) tag: Expr,
    pub(super) valid: Expr,
}

impl Beats {
    /// The outputs of one pixel behind the other; `pieces` says if a residual map is added to them.
    #[allow(clippy::too_many_arguments)]
    pub(super) fn ordered(
        &self,
        m: &mut Module,
        config: &Config,
        name: &str,
        start: &Expr,
        cols: &Expr,
        pixel_bytes: &Expr,
        pieces: Option<&Expr>,
    ) -> Beats {
        if config.values().tp == 1 {
            return self.clone();
        }
        let mut inputs = vec![
            ("start", start.clone()),
            ("cols", cols.clone()),
            ("pixel_bytes", pixel_bytes.clone()),
            ("s_data", self.data.clone()),
            ("s_count", self.count.clone()),
            ("s_valid", self.valid.clone()),
            ("s_last", self.tag.bit(1)),
            ("s_end", self.tag.bit(0)),
        ];
        inputs.extend(pieces.map(|adds| ("pieces", adds.clone())));
        let unit = order::order(config, pieces.is_some());
        let ordered = m.instance(name, &unit, &inputs);
        let [data, first, count, tag, valid] =
            ["m_data", "m_first", "m_count", "m_tag", "m_valid"].map(|port| ordered.out(port));
        Beats {
            data,
            first,
            count,
            tag,
            valid,
        }
    }
    /// Their words, closed where `last` says so, and then with `tag`.
    pub(super) fn packed(
        &self,
        m: &mut Module,
        config: &Config,
        name: &str,
        last: &Expr,
        tag: &Expr,
    ) -> Instance {
        let word = config.word_bytes();
        m.instance(
            name,
            &packer::packer(word, word),
            &[
                ("s_data", self.data.zext(word * 8)),
                ("s_first", self.first.clone()),
                ("s_count", self.count.zext(packer::bits_for(word))),
                ("s_last", last.clone()),
                ("s_tag", tag.clone()),
                ("s_valid", self.valid.clone()),
            ],
        )
    }
}

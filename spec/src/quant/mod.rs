// SPDX-License-Identifier: MIT OR Apache-2.0
//! TensorFlow Lite's quantised arithmetic, equal bit for bit to its reference kernels (LiteRT 2.3; where
//! implementations differ, [`Semantics`] says which is followed).
//!
//! What runs for every element ([`requant`], [`AddParams::eval`], ...) is integer only and is what the hardware does. Floats
//! occur where scales become multipliers and tables, once for each layer. They come from `libm`, so that the same model
//! gives the same program on every machine.

#[cfg(feature = "alloc")]
mod affine;
#[cfg(feature = "alloc")]
mod functions;
#[cfg(feature = "alloc")]
mod hard_swish;
mod multiplier;
#[cfg(feature = "alloc")]
mod operators;
mod params;
mod semantics;
mod softmax;
#[cfg(feature = "alloc")]
mod table;

#[cfg(feature = "alloc")]
pub use affine::Affine;
#[cfg(feature = "alloc")]
pub use functions::{
    abs_table, elu_table, exp_table, gelu_table, leaky_relu_table, log_table, neg_table,
    rsqrt_table,
};
#[cfg(feature = "alloc")]
pub use hard_swish::HardSwish;
pub use multiplier::{
    Multiplier, Rounding, narrow_requant, requant, requant_once, requant_wide,
    rounding_right_shift, saturating_rounding_doubling_high_mul,
};
#[cfg(feature = "alloc")]
pub use operators::{Pair, is_unary, unary_table};
pub use params::{
    ADD_LEFT_SHIFT, AddParams, Prelu, SquaredDifference, average, conv_multiplier,
    legacy_conv_multiplier, mean_multiplier, mul_multiplier, prod_multiplier,
    requantise_multiplier,
};
pub use semantics::{Requantisation, Scaling, Semantics};
pub use softmax::Softmax;
#[cfg(feature = "alloc")]
pub use table::{
    Table, concatenation_table, hard_swish_table, logistic_table, relu_table, requantise_table,
    table, tanh_table,
};

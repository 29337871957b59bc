// SPDX-License-Identifier: MIT OR Apache-2.0
//! What can go wrong, by whose fault.

/// Why the reference cannot run.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The caller gave another number of tensors than needed.
    #[error("{of} takes {want} tensors, got {got}")]
    Count {
        /// The network or layer.
        of: String,
        /// Tensors needed.
        want: usize,
        /// Tensors given.
        got: usize,
    },
    /// The caller gave a tensor that does not fit its place.
    #[error("tensor `{name}` is {want}, got {got}")]
    Value {
        /// Name of the tensor in the model.
        name: String,
        /// Element type and shape of the tensor.
        want: String,
        /// Element type and shape of the value.
        got: String,
    },
    /// The bytes of a value are not as many as its shape needs.
    #[error("{of} needs {want} bytes, got {got}")]
    Size {
        /// Element type and shape.
        of: String,
        /// Bytes needed.
        want: usize,
        /// Bytes given.
        got: usize,
    },
    /// The model has a layer that the reference does not take.
    #[error("layer {layer} ({kind}): {rule}")]
    Unsupported {
        /// Operator index in the model file.
        layer: usize,
        /// Operator name.
        kind: String,
        /// The rule that the layer breaks, and how.
        rule: String,
    },
    /// A layer, or the network's output, reads a tensor that nothing has written.
    #[error("tensor `{name}` is read before any layer writes it")]
    Unwritten {
        /// Name of the tensor in the model.
        name: String,
    },
}

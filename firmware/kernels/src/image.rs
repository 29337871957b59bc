// SPDX-License-Identifier: MIT OR Apache-2.0
//! The network image, and its execution.
//!
//! Little-endian 32-bit words: the header ([`HEADER_WORDS`]: magic "SSCP", [`VERSION`], number of layers, bytes of arena and
//! scratch, then offset and length of input and output in the arena), [`LAYER_WORDS`] for each layer, and then the data that
//! layers point into by their offset from the first byte of the image, each at a multiple of four.

use crate::arena::Arena;
use crate::{Error, dense, depthwise, plain, reduce};
use sepstream_spec::quant::Rounding;

/// First word of an image: "SSCP" in the order of the bytes.
pub const MAGIC: u32 = u32::from_le_bytes(*b"SSCP");
/// Version of the format.
pub const VERSION: u32 = 1;
/// Words before the first layer.
pub const HEADER_WORDS: usize = 9;

macro_rules! kernels {
    ($($(#[$doc:meta])* $name:ident = $number:literal),* $(,)?) => {
        /// What computes a layer.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        #[repr(u32)]
        pub enum Kernel { $($(#[$doc])* $name = $number),* }
        impl Kernel {
            fn from_number(number: u32) -> Option<Self> {
                match number { $($number => Some(Kernel::$name),)* _ => None }
            }
        }
    };
}

kernels! {
    /// Convolution or fully connected layer, plain loops. Weights as TensorFlow Lite stores them, [`crate::Channel`]s.
    #[default]
    Conv = 0,
    /// Depthwise convolution, plain loops. Weights as TensorFlow Lite stores them, [`crate::Channel`]s.
    Depthwise = 1,
    /// Convolution or fully connected layer, two pixels by [`crate::GROUP`] channels at a time. Weights by group of channels:
    /// for each input those of the group, [`crate::FastChannel`]s for whole groups.
    Dense = 2,
    /// Depthwise convolution with a 3x3 kernel. Nine weights for each channel, [`crate::FastChannel`]s.
    Depthwise3x3 = 3,
    /// Average pool.
    AveragePool = 4,
    /// Mean over rows and columns. `extra`: q and shift of the multiplier.
    Mean = 5,
    /// Sum of two maps. `extra`: q and shift of both inputs and of the sum, zero point of the second input.
    Add = 6,
    /// Softmax over the channels. `extra`: q and shift of the multiplier, smallest difference.
    Softmax = 7,
    /// As `Conv`, rounded once (`quant::requant_once`).
    ConvOnce = 8,
    /// As `Dense`, rounded once.
    DenseOnce = 9,
}

/// Words of `extra`.
const EXTRA_WORDS: usize = 8;

macro_rules! layer {
    (sizes: $($(#[$size_doc:meta])* $size:ident),*; values: $($(#[$value_doc:meta])* $value:ident),* $(,)?) => {
        /// A layer: sizes of its maps, where its data is, how it quantises. Maps are dense (row, column, channel).
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct Layer {
            /// What computes it.
            pub kernel: Kernel,
            $($(#[$size_doc])* pub $size: u32,)*
            $($(#[$value_doc])* pub $value: i32,)*
            /// Parameters of some kernels.
            pub extra: [i32; EXTRA_WORDS],
        }
        /// Words of a layer.
        pub const LAYER_WORDS: usize = 1 + [$(stringify!($size)),*].len() + [$(stringify!($value)),*].len() + EXTRA_WORDS;
        impl Layer {
            /// The layer as words of an image.
            pub fn to_words(&self) -> [u32; LAYER_WORDS] {
                let mut words = [0; LAYER_WORDS];
                let values = [self.kernel as u32, $(self.$size,)* $(self.$value as u32,)*];
                let all = values.into_iter().chain(self.extra.map(|value| value as u32));
                words.iter_mut().zip(all).for_each(|(word, value)| *word = value);
                words
            }
            fn from_words(words: &[u32; LAYER_WORDS]) -> Option<Self> {
                let mut next = words.iter().copied();
                let mut word = || next.next().unwrap_or(0);
                let layer = Layer {
                    kernel: Kernel::from_number(word())?,
                    $($size: word(),)*
                    $($value: word() as i32,)*
                    extra: core::array::from_fn(|_| word() as i32),
                };
                // stored values: no kernel's arithmetic overflows with them
                let stored = [$(layer.$value),*].iter().all(|value| (-128..=127).contains(value));
                stored.then_some(layer)
            }
        }
    };
}

layer! {
    sizes:
        /// Offset of the input in the arena.
        input,
        /// Offset of the second input in the arena.
        input2,
        /// Offset of the output in the arena.
        output,
        /// Offset of the weights in the image.
        weights,
        /// Offset of the channels' parameters in the image.
        channels,
        /// Rows of the input.
        in_rows,
        /// Columns of the input.
        in_cols,
        /// Channels of the input.
        in_channels,
        /// Rows of the output.
        out_rows,
        /// Columns of the output.
        out_cols,
        /// Channels of the output.
        out_channels,
        /// Rows of the kernel.
        kernel_rows,
        /// Columns of the kernel.
        kernel_cols,
        /// Rows from window to window.
        stride_rows,
        /// Columns from window to window.
        stride_cols,
        /// Rows from tap to tap.
        dilation_rows,
        /// Columns from tap to tap.
        dilation_cols,
        /// Rows of padding above.
        pad_top,
        /// Columns of padding to the left.
        pad_left,
        /// Output channels for each input channel of a depthwise convolution.
        depth_multiplier;
    values:
        /// Stored value of real 0 in the input.
        in_zero_point,
        /// Stored value of real 0 in the output.
        out_zero_point,
        /// Smallest stored output.
        low,
        /// Largest stored output.
        high,
}

impl Layer {
    /// Bytes of the input.
    pub fn input_bytes(&self) -> Option<usize> {
        product([self.in_rows, self.in_cols, self.in_channels])
    }
    /// Bytes of the output.
    pub fn output_bytes(&self) -> Option<usize> {
        product([self.out_rows, self.out_cols, self.out_channels])
    }
    /// Bytes of scratch memory that the layer needs; `None` when its sizes are impossible.
    pub fn scratch_bytes(&self) -> Option<usize> {
        match self.kernel {
            Kernel::Dense | Kernel::DenseOnce => dense::scratch(self),
            Kernel::Depthwise3x3 => depthwise::scratch(self),
            _ => Some(0),
        }
    }
    /// Rows and columns of input that the windows reach over, padding included.
    pub fn reach(&self) -> Option<(usize, usize)> {
        let axis = |out: u32, stride: u32, kernel: u32, dilation: u32| {
            let steps = (out as usize)
                .checked_sub(1)?
                .checked_mul(stride as usize)?;
            let taps = (kernel as usize)
                .checked_sub(1)?
                .checked_mul(dilation as usize)?;
            steps.checked_add(taps)?.checked_add(1)
        };
        let rows = axis(
            self.out_rows,
            self.stride_rows,
            self.kernel_rows,
            self.dilation_rows,
        )?;
        let cols = axis(
            self.out_cols,
            self.stride_cols,
            self.kernel_cols,
            self.dilation_cols,
        )?;
        Some((rows, cols))
    }
    /// The input is read as it lies, one pixel for each output pixel.
    pub fn is_pointwise(&self) -> bool {
        let ones = [
            self.kernel_rows,
            self.kernel_cols,
            self.stride_rows,
            self.stride_cols,
        ];
        ones == [1; 4]
            && [self.pad_top, self.pad_left] == [0; 2]
            && (self.in_rows, self.in_cols) == (self.out_rows, self.out_cols)
    }
}

/// Product of sizes.
pub(crate) fn product<const N: usize>(sizes: [u32; N]) -> Option<usize> {
    sizes
        .into_iter()
        .try_fold(1usize, |product, size| product.checked_mul(size as usize))
}

/// A network image that stays where it is.
#[derive(Clone, Copy, Debug)]
pub struct Network<'a> {
    words: &'a [u32],
    layers: &'a [[u32; LAYER_WORDS]],
    /// Bytes that the maps need.
    pub arena_bytes: usize,
    /// Bytes that kernels need for themselves.
    pub scratch_bytes: usize,
    /// Offset and bytes of the input in the arena.
    pub input: (usize, usize),
    /// Offset and bytes of the output in the arena.
    pub output: (usize, usize),
}

impl<'a> Network<'a> {
    /// Reads an image.
    ///
    /// # Errors
    /// When the bytes are none, or do not begin at a multiple of four bytes.
    pub fn parse(image: &'a [u8]) -> Result<Self, Error> {
        let words: &[u32] = bytemuck::try_cast_slice(image).map_err(|_| Error::Image)?;
        let (header, rest) = words
            .split_first_chunk::<HEADER_WORDS>()
            .ok_or(Error::Image)?;
        let [magic, version, layers, numbers @ ..] = *header;
        if (magic, version) != (MAGIC, VERSION) {
            return Err(Error::Image);
        }
        let layers = rest
            .as_chunks()
            .0
            .get(..layers as usize)
            .ok_or(Error::Image)?;
        let [
            arena_bytes,
            scratch_bytes,
            input,
            input_bytes,
            output,
            output_bytes,
        ] = numbers.map(|number| number as usize);
        let inside = |at: usize, bytes| at.checked_add(bytes).is_some_and(|end| end <= arena_bytes);
        if !inside(input, input_bytes) || !inside(output, output_bytes) {
            return Err(Error::Image);
        }
        Ok(Network {
            words,
            layers,
            arena_bytes,
            scratch_bytes,
            input: (input, input_bytes),
            output: (output, output_bytes),
        })
    }
    /// Number of layers.
    pub fn layers(&self) -> usize {
        self.layers.len()
    }
    /// A layer.
    ///
    /// # Errors
    /// When there is none of that number, or it says what no layer can.
    pub fn layer(&self, layer: usize) -> Result<Layer, Error> {
        let words = self.layers.get(layer).ok_or(Error::Layer { layer })?;
        Layer::from_words(words).ok_or(Error::Layer { layer })
    }
    /// Runs one layer on the maps in the arena.
    ///
    /// # Errors
    /// When the layer contradicts itself, or the memory is too small for it.
    pub fn run_layer(
        &self,
        layer: usize,
        arena: &mut [u8],
        scratch: &mut [u8],
    ) -> Result<(), Error> {
        let of = self.layer(layer)?;
        for (needed, given) in [
            (self.arena_bytes, arena.len()),
            (self.scratch_bytes, scratch.len()),
        ] {
            if given < needed {
                return Err(Error::Memory { needed, given });
            }
        }
        self.dispatch(&of, arena, scratch)
            .ok_or(Error::Layer { layer })
    }
    /// Runs all layers.
    ///
    /// # Errors
    /// As [`Network::run_layer`].
    pub fn run(&self, arena: &mut [u8], scratch: &mut [u8]) -> Result<(), Error> {
        (0..self.layers()).try_for_each(|layer| self.run_layer(layer, arena, scratch))
    }
    fn dispatch(&self, layer: &Layer, arena: &mut [u8], scratch: &mut [u8]) -> Option<()> {
        let (input, output) = (layer.input_bytes()?, layer.output_bytes()?);
        let (arena, out) = Arena::split(arena, layer.output, output)?;
        let x = arena.map(layer.input, input)?;
        match layer.kernel {
            Kernel::Conv => self.conv(layer, x, Rounding::Twice, out),
            Kernel::ConvOnce => self.conv(layer, x, Rounding::Once, out),
            Kernel::Depthwise => plain::depthwise(
                layer,
                x,
                self.data(layer.weights)?,
                self.data(layer.channels)?,
                out,
            ),
            Kernel::Dense => self.dense::<false>(layer, x, scratch, out),
            Kernel::DenseOnce => self.dense::<true>(layer, x, scratch, out),
            Kernel::Depthwise3x3 => {
                let scratch = bytemuck::cast_slice_mut(scratch);
                depthwise::depthwise(
                    layer,
                    x,
                    scratch,
                    self.data(layer.weights)?,
                    self.data(layer.channels)?,
                    out,
                )
            }
            Kernel::AveragePool => reduce::average_pool(layer, x, out),
            Kernel::Mean => reduce::mean(layer, x, out),
            Kernel::Add => reduce::add(layer, x, arena.map(layer.input2, output)?, out),
            Kernel::Softmax => reduce::softmax(layer, x, out),
        }
    }
    fn conv(&self, layer: &Layer, x: &[i8], rounding: Rounding, out: &mut [i8]) -> Option<()> {
        let (weights, channels) = (self.data(layer.weights)?, self.data(layer.channels)?);
        plain::conv(layer, x, weights, channels, rounding, out)
    }
    fn dense<const ONCE: bool>(
        &self,
        layer: &Layer,
        x: &[i8],
        scratch: &mut [u8],
        out: &mut [i8],
    ) -> Option<()> {
        let scratch = bytemuck::cast_slice_mut(scratch);
        let (weights, channels) = (self.data(layer.weights)?, self.data(layer.channels)?);
        dense::dense::<ONCE>(layer, x, scratch, weights, channels, out)
    }
    /// Data of the image from an offset to its end.
    fn data<T: bytemuck::AnyBitPattern>(&self, offset: u32) -> Option<&'a [T]> {
        let offset = offset as usize;
        if !offset.is_multiple_of(4) {
            return None;
        }
        let words = self.words.get(offset / 4..)?;
        let whole = words.len() * 4 / size_of::<T>() * size_of::<T>();
        bytemuck::try_cast_slice(&bytemuck::cast_slice::<u32, u8>(words)[..whole]).ok()
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
//! Tensors as the file has them: shapes may be missing, types may be unsupported.

use sepstream_spec::graph::{DType, Quant, Tensor};
use tract_tflite::tflite::{self, Model, QuantizationParameters, SubGraph, TensorType};

use super::wire;
use crate::error::BadModel;

/// A tensor on its way into the graph.
#[derive(Clone, Debug)]
pub struct Slot {
    /// Name in the file.
    pub name: String,
    /// Element type in the file.
    pub tensor_type: TensorType,
    /// Shape, unless it has still to be inferred.
    pub shape: Option<Vec<usize>>,
    /// Shape as the file has it, 0 where it leaves a dimension open.
    pub stated: Vec<usize>,
    /// The file leaves the outermost dimension open, the batch of an input; the shape has 1 there.
    pub open_batch: bool,
    /// Quantisation.
    pub quant: Option<Quant>,
    /// Contents of a constant.
    pub data: Option<Vec<u8>>,
    /// Integers that a chain of shape operators computes, whatever the input of the model is.
    pub folded: Option<Vec<i64>>,
    /// Keeps its contents from one run to the next.
    pub variable: bool,
    /// Stored in a sparse format.
    pub sparse: bool,
}

impl Slot {
    /// Whether the file has its contents. No elements at all may be those of a constant or of a result.
    pub fn is_constant(&self) -> bool {
        self.data.as_ref().is_some_and(|data| !data.is_empty())
    }
    /// Element type, if supported.
    pub fn dtype(&self) -> Option<DType> {
        match self.tensor_type {
            TensorType::INT8 => Some(DType::I8),
            TensorType::UINT8 => Some(DType::U8),
            TensorType::INT32 => Some(DType::I32),
            TensorType::INT64 => Some(DType::I64),
            TensorType::FLOAT32 => Some(DType::F32),
            TensorType::BOOL => Some(DType::Bool),
            TensorType::INT16 => Some(DType::I16),
            TensorType::UINT16 => Some(DType::U16),
            TensorType::UINT32 => Some(DType::U32),
            TensorType::UINT64 => Some(DType::U64),
            TensorType::FLOAT16 => Some(DType::F16),
            TensorType::FLOAT64 => Some(DType::F64),
            _ => None,
        }
    }
    /// The type in the graph: every type that a file may have.
    fn any_dtype(&self) -> DType {
        self.dtype().unwrap_or(match self.tensor_type.0 {
            5 => DType::Other("string"),
            8 => DType::Other("complex64"),
            11 => DType::Other("complex128"),
            13 => DType::Other("resource"),
            14 => DType::Other("variant"),
            17 => DType::Other("int4"),
            // Younger than the schema that is used here.
            18 => DType::Other("bfloat16"),
            19 => DType::Other("int2"),
            20 => DType::Other("uint4"),
            _ => DType::Other("unknown"),
        })
    }
    /// Name of the element type.
    pub fn type_name(&self) -> &'static str {
        self.any_dtype().name()
    }
    /// Scale and zero point of a tensor that has only one of each.
    pub fn per_tensor(&self) -> Option<(f32, i32)> {
        self.quant.as_ref().and_then(Quant::per_tensor)
    }
    /// Integers known at import: a constant of a shape type, or folded. More than [`MAX_INTEGERS`] are no shape, axes or
    /// paddings, and would let a small file make the import slow.
    pub fn integers(&self) -> Option<Vec<i64>> {
        self.integers_within(MAX_INTEGERS)
    }
    /// Integers known at import, if they are not more than `most`.
    pub fn integers_within(&self, most: usize) -> Option<Vec<i64>> {
        if self.folded.is_some() {
            return self.folded.clone();
        }
        let dtype = self.dtype()?;
        let data = self
            .data
            .as_deref()
            .filter(|data| data.len() / dtype.bytes().max(1) <= most)?;
        match dtype {
            DType::I32 => Some(
                data.as_chunks()
                    .0
                    .iter()
                    .map(|&b| i32::from_le_bytes(b).into())
                    .collect(),
            ),
            DType::I64 => Some(
                data.as_chunks()
                    .0
                    .iter()
                    .map(|&b| i64::from_le_bytes(b))
                    .collect(),
            ),
            _ => None,
        }
    }
    /// The shape of an input is what the file states, unless that leaves more than the batch open.
    pub fn close(&mut self) {
        let stated = Some(self.stated.clone());
        self.shape = stated.filter(|dims| !dims.contains(&0));
    }
    /// The finished tensor. What a shape chain computed is a constant, and dimensions that nobody knows are 0.
    pub fn into_tensor(self) -> Tensor {
        let dtype = self.any_dtype();
        let folded = self.folded.and_then(|values| match dtype {
            DType::I32 => Some(
                values
                    .iter()
                    .flat_map(|&v| (v as i32).to_le_bytes())
                    .collect(),
            ),
            DType::I64 => Some(values.iter().flat_map(|v| v.to_le_bytes()).collect()),
            _ => None,
        });
        Tensor {
            name: self.name,
            shape: self.shape.unwrap_or_else(|| match self.stated.len() {
                0 => vec![0],
                _ => self.stated,
            }),
            dtype,
            quant: self.quant,
            data: folded.or(self.data),
        }
    }
}

/// Reads all tensors. Constants are copied; buffers that tensors share are held to a multiple of the file's size.
pub fn read_all(
    model: &Model<'_>,
    graph: &SubGraph<'_>,
    file: &[u8],
) -> Result<Vec<Slot>, BadModel> {
    let budget = file.len().saturating_mul(4);
    let mut copied = 0usize;
    let mut slots = Vec::new();
    for (index, tensor) in graph.tensors().into_iter().flatten().enumerate() {
        let name = tensor.name().unwrap_or_default().to_owned();
        let bad = |what: String| BadModel::Tensor {
            index,
            name: name.clone(),
            what,
        };
        let data = constant(model, &tensor, file).map_err(bad)?;
        copied = copied.saturating_add(data.map_or(0, <[u8]>::len));
        if copied > budget {
            return Err(BadModel::Constants(file.len(), budget));
        }
        let mut slot = Slot {
            name: name.clone(),
            tensor_type: tensor.type_(),
            shape: stated_shape(&tensor, data.is_some()),
            stated: stated_dims(&tensor),
            open_batch: open_axes(&tensor).contains(&0),
            quant: None,
            data: data.map(<[u8]>::to_vec),
            folded: None,
            variable: tensor.is_variable(),
            sparse: tensor.sparsity().is_some(),
        };
        check_constant(&mut slot, &tensor).map_err(bad)?;
        slot.quant = quantisation(&slot, &tensor).map_err(bad)?;
        slots.push(slot);
    }
    Ok(slots)
}

/// Contents of the buffer that a tensor names; buffer 0 and empty buffers mean that the tensor is computed.
fn constant<'a>(
    model: &Model<'a>,
    tensor: &tflite::Tensor<'a>,
    file: &'a [u8],
) -> Result<Option<&'a [u8]>, String> {
    let index = tensor.buffer() as usize;
    let buffers = model.buffers().filter(|buffers| index < buffers.len());
    let Some(buffers) = buffers else {
        return if index == 0 {
            Ok(None)
        } else {
            Err(format!("buffer {index} does not exist"))
        };
    };
    let inside = buffers.get(index).data().map(|data| data.bytes());
    if let Some(bytes) = inside.filter(|bytes| !bytes.is_empty()) {
        return Ok(Some(bytes));
    }
    if let Some((offset, size)) = wire::outside(file, index) {
        let end = offset.checked_add(size);
        let range = usize::try_from(offset)
            .ok()
            .zip(end.and_then(|end| usize::try_from(end).ok()));
        return match range.and_then(|(start, end)| file.get(start..end)) {
            Some(bytes) => Ok(Some(bytes)),
            None => Err(format!(
                "its buffer {index} has {size} bytes from byte {offset} on, and the file ends at {}",
                file.len()
            )),
        };
    }
    // A constant without elements needs no bytes.
    let empty = index != 0
        && tensor
            .shape()
            .is_some_and(|dims| dims.iter().any(|d| d == 0));
    Ok(empty.then_some(&[]))
}

/// The shape in the file. An empty one may mean a scalar or that a converter left it out, one with a dimension below 1 that
/// it was not known: both are inferred later, unless the tensor is a constant.
fn stated_shape(tensor: &tflite::Tensor<'_>, constant: bool) -> Option<Vec<usize>> {
    let dims = tensor.shape().filter(|dims| !dims.is_empty())?;
    // A constant may have no elements.
    let least = usize::from(!constant);
    let shape: Option<Vec<usize>> = dims
        .iter()
        .map(|d| usize::try_from(d).ok().filter(|&d| d >= least))
        .collect();
    shape.filter(|shape| elements(shape).is_some())
}

/// Axes that the file leaves open although its shape has a number there, 1.
fn open_axes(tensor: &tflite::Tensor<'_>) -> Vec<usize> {
    let signature = tensor.shape_signature().into_iter().flatten();
    let open = signature.enumerate().filter(|(_, d)| *d < 0);
    open.map(|(axis, _)| axis).collect()
}

/// The dimensions in the file, 0 where one is not known; none at all if they make no tensor of a size that can be. The batch,
/// where it is open, is 1.
fn stated_dims(tensor: &tflite::Tensor<'_>) -> Vec<usize> {
    let open = open_axes(tensor);
    let size = |(axis, d): (usize, i32)| match usize::try_from(d) {
        Ok(d) if axis == 0 || !open.contains(&axis) => d,
        _ => 0,
    };
    let dims = tensor.shape().into_iter().flatten().enumerate();
    let dims: Vec<usize> = dims.take(MAX_RANK + 1).map(size).collect();
    Some(dims)
        .filter(|dims| elements(dims).is_some())
        .unwrap_or_else(|| vec![0])
}

/// Gives a constant its shape and compares it with its contents.
fn check_constant(slot: &mut Slot, tensor: &tflite::Tensor<'_>) -> Result<(), String> {
    let (Some(data), Some(dtype), false) = (&slot.data, slot.dtype(), slot.sparse) else {
        return Ok(());
    };
    let scalar = tensor.shape().is_none_or(|dims| dims.is_empty());
    let shape = if scalar {
        Some(Vec::new())
    } else {
        slot.shape.clone()
    };
    let wanted = match (scalar, tensor.shape()) {
        (false, Some(dims)) => bytes(dims.iter(), dtype),
        _ => Some(dtype.bytes()),
    };
    if wanted != Some(data.len()) {
        let dims: Vec<i32> = tensor
            .shape()
            .into_iter()
            .flatten()
            .take(MAX_RANK + 1)
            .collect();
        let name = slot.type_name();
        return Err(format!(
            "a constant of shape {dims:?} and type {name} cannot have {} bytes",
            data.len()
        ));
    }
    slot.shape = shape;
    Ok(())
}

/// Bytes of a tensor with these dimensions, however large.
fn bytes(dims: impl Iterator<Item = i32>, dtype: DType) -> Option<usize> {
    dims.map(|d| usize::try_from(d).ok())
        .try_fold(dtype.bytes(), |n, d| n.checked_mul(d?))
}

/// Quantisation with as many zero points as scales and an axis that exists. Where no arithmetic reads it (of biases and shapes)
/// it is left out if it contradicts itself.
fn quantisation(slot: &Slot, tensor: &tflite::Tensor<'_>) -> Result<Option<Quant>, String> {
    let Some(parameters) = tensor.quantization() else {
        return Ok(None);
    };
    let scale: Vec<f32> = parameters.scale().into_iter().flatten().collect();
    if scale.is_empty() {
        return Ok(None);
    }
    let quant = || -> Result<Quant, String> {
        // A scale of 0 is that of a channel, or a map, that is always 0.
        if let Some(bad) = scale.iter().find(|s| !s.is_finite() || **s < 0.0) {
            return Err(format!("its scale {bad} is no number from 0 on"));
        }
        Ok(Quant {
            zero_point: zero_points(slot, &parameters, scale.len())?,
            axis: channel_axis(slot, &parameters, scale.len())?,
            scale: scale.clone(),
        })
    };
    match quant() {
        Ok(quant) => Ok(Some(quant)),
        Err(_) if !slot.dtype().is_some_and(DType::is_quantised) => Ok(None),
        Err(what) => Err(what),
    }
}

/// As many zero points as scales, each in the range of the type.
fn zero_points(
    slot: &Slot,
    parameters: &QuantizationParameters<'_>,
    scales: usize,
) -> Result<Vec<i32>, String> {
    let range = slot.dtype().and_then(DType::range);
    let (low, high) = range.unwrap_or((i32::MIN, i32::MAX));
    let inside = |z: i64| {
        let fits = i32::try_from(z).ok().filter(|z| (low..=high).contains(z));
        fits.ok_or_else(|| format!("its zero point {z} is outside of {low} to {high}"))
    };
    let stated = parameters.zero_point().into_iter().flatten();
    let zero_point: Vec<i32> = stated.map(inside).collect::<Result<_, _>>()?;
    match zero_point[..] {
        [] => Ok(vec![0; scales]),
        [one] => Ok(vec![one; scales]),
        _ if zero_point.len() == scales => Ok(zero_point),
        _ => Err(format!(
            "it has scales for {scales} channels, zero points for {}",
            zero_point.len()
        )),
    }
}

/// The axis that the channels lie on.
fn channel_axis(
    slot: &Slot,
    parameters: &QuantizationParameters<'_>,
    scales: usize,
) -> Result<usize, String> {
    let stated = usize::try_from(parameters.quantized_dimension()).unwrap_or(usize::MAX);
    let Some(shape) = slot.shape.as_ref().filter(|_| scales > 1) else {
        return Ok(0);
    };
    // Old converters give the axis of the weights to the bias as well, which has only one.
    let axis = if shape.len() == 1 { 0 } else { stated };
    match shape.get(axis) {
        Some(&channels) if channels == scales => Ok(axis),
        Some(&channels) => Err(format!(
            "its scales are for {scales} channels, it has {channels}"
        )),
        None => Err(format!(
            "it is quantised along axis {stated}, which it does not have"
        )),
    }
}

/// Most elements of one tensor: far above any network for a small FPGA, and small enough that sums and byte counts fit.
pub const MAX_ELEMENTS: usize = 1 << 26;

/// Most dimensions of a tensor, as in TensorFlow Lite.
pub const MAX_RANK: usize = 8;

/// Most integers of a tensor that is used as shape, axes or paddings.
pub const MAX_INTEGERS: usize = 64;

/// Elements of a shape, if it keeps to [`MAX_RANK`] and [`MAX_ELEMENTS`].
pub fn elements(shape: &[usize]) -> Option<usize> {
    let product = shape.iter().try_fold(1usize, |n, &d| n.checked_mul(d))?;
    (product <= MAX_ELEMENTS && shape.len() <= MAX_RANK).then_some(product)
}

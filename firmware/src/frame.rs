// SPDX-License-Identifier: MIT OR Apache-2.0
//! A frame of a whole network: the runs of the accelerator, and between them what the host computes
//! itself.

use crate::{Bus, Driver, Error};
use sepstream_spec::program::{HostTensor, ImageView, Numbers, RunView, SegmentView, WorkView};

/// The tensors that go from segment to segment, in the host's memory. Numbers are their places in
/// the image's list.
#[derive(Debug)]
pub struct Tensors<'a> {
    image: ImageView<'a>,
    arena: &'a mut [u8],
}

impl<'a> Tensors<'a> {
    /// Tensors in an arena; `None` if it has fewer bytes than [`ImageView::arena_bytes`].
    pub fn new(image: ImageView<'a>, arena: &'a mut [u8]) -> Option<Self> {
        (arena.len() >= image.arena_bytes()).then_some(Tensors { image, arena })
    }
    /// A tensor: an input of the network to be filled, an output to be read, or one between
    /// segments.
    pub fn get(&mut self, number: u32) -> Option<&mut [u8]> {
        let [tensor] = self.disjoint([number])?;
        Some(tensor)
    }
    /// Several tensors at once, those that a segment reads and one that it writes for instance;
    /// `None` if two of them are the same or share their place, which tensors of one segment never
    /// do.
    pub fn disjoint<const N: usize>(&mut self, numbers: [u32; N]) -> Option<[&mut [u8]; N]> {
        let mut ranges = [const { 0..0 }; N];
        for (range, number) in ranges.iter_mut().zip(numbers) {
            let HostTensor { offset, bytes, .. } = self.image.tensor(number)?;
            *range = offset as usize..offset as usize + bytes as usize;
        }
        self.arena.get_disjoint_mut(ranges).ok()
    }
}

/// What stopped a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError<E, H> {
    /// The accelerator, or the way to it.
    #[error(transparent)]
    Accelerator(#[from] Error<E>),
    /// A segment on the host: what the caller's function said.
    #[error("a segment on the host failed: {0}")]
    Host(H),
    /// These tensors are not those of the loaded program.
    #[error("the tensors are those of another program")]
    Tensors,
}

impl<B: Bus> Driver<B> {
    /// Runs a frame of the loaded program, segment after segment. The network's inputs must be in
    /// their tensors; its outputs are in theirs then. `host` computes the segments of the host: it
    /// gets the layers by their indices in the model file, reads the tensors of
    /// [`SegmentView::reads`] and writes those of [`SegmentView::writes`]. Gives the cycles of all
    /// runs.
    ///
    /// # Errors
    /// When the accelerator, the bus, or `host` fails.
    pub fn frame<'a, H>(
        &mut self,
        tensors: &mut Tensors<'a>,
        polls: u32,
        mut host: impl FnMut(&SegmentView<'a>, Numbers<'a>, &mut Tensors<'a>) -> Result<(), H>,
    ) -> Result<u32, FrameError<B::Error, H>> {
        let mut cycles: u32 = 0;
        for segment in tensors.image.segments() {
            match segment.work {
                WorkView::Host(layers) => {
                    host(&segment, layers, tensors).map_err(FrameError::Host)?;
                }
                WorkView::Accelerator(run) => {
                    let took = self.segment(&segment, &run, tensors, polls)?;
                    cycles = cycles.wrapping_add(took);
                }
            }
        }
        Ok(cycles)
    }

    fn segment<H>(
        &mut self,
        segment: &SegmentView,
        run: &RunView,
        tensors: &mut Tensors,
        polls: u32,
    ) -> Result<u32, FrameError<B::Error, H>> {
        self.select(run.index, run.commands)?;
        for (number, map) in segment.reads.iter().zip(run.inputs.iter()) {
            self.feed(&map, tensors.get(number).ok_or(FrameError::Tensors)?)?;
        }
        self.start()?;
        self.wait(polls)?;
        let cycles = self.cycles()?;
        for (number, map) in segment.writes.iter().zip(run.outputs.iter()) {
            self.fetch(&map, tensors.get(number).ok_or(FrameError::Tensors)?)?;
        }
        Ok(cycles)
    }
}

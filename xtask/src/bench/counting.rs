// SPDX-License-Identifier: GPL-2.0
//! Counts the instructions of a module that a call of a patched function runs through.
//!
//! Nothing runs: the path is followed through the code of the finished module and its relocations.
//! So the count is exact, the same on every machine, and leaves out what is the same for every
//! livepatch, ftrace's part and the kernel's.

use anyhow::{anyhow, bail, ensure, Context as _, Result};
use iced_x86::{Decoder, DecoderOptions, FlowControl, Instruction};
use object::read::elf::ElfFile64;
use object::{
    LittleEndian, Object as _, ObjectSection as _, ObjectSymbol as _, RelocationTarget,
    SectionIndex,
};

/// The instructions of this module from a symbol to the return into whoever called it, where paths
/// part the longest.
///
/// A call or jump that leaves the module is one instruction: `__fentry__`, the return thunk, the
/// old function, what a body calls of the kernel.
pub fn longest_path(module: &[u8], symbol: &str) -> Result<usize> {
    let file = ElfFile64::<LittleEndian>::parse(module)?;
    let start = file.symbols().find(|s| s.name() == Ok(symbol) && s.section_index().is_some());
    let start = start.with_context(|| format!("the module has no symbol `{symbol}`"))?;
    let section = start.section_index().with_context(|| format!("`{symbol}` is in no section"))?;
    let mut walk = Walk { file: &file, left: LIMIT };
    walk.longest(Place { section, offset: start.address() }, Vec::new())
}

/// More than any path through an entry and an empty body. A loop uses it up.
const LIMIT: usize = 10_000;

#[derive(Debug, Clone, Copy)]
struct Place {
    section: SectionIndex,
    offset: u64,
}

struct Walk<'a> {
    file: &'a ElfFile64<'a, LittleEndian>,
    /// Instructions that may still be looked at.
    left: usize,
}

impl Walk<'_> {
    /// Follows the path from a place. `returns` is where the calls on the way will come back to.
    fn longest(&mut self, mut at: Place, mut returns: Vec<Place>) -> Result<usize> {
        let mut count = 0;
        loop {
            self.left = self.left.checked_sub(1).context("the path does not end")?;
            let instruction = self.decode(at)?;
            count += 1;
            let next = Place { offset: instruction.next_ip(), ..at };
            let goes_to = match instruction.flow_control() {
                FlowControl::Next => Some(next),
                FlowControl::Call => match self.destination(at, &instruction)? {
                    Some(inside) => {
                        returns.push(next);
                        Some(inside)
                    }
                    None => Some(next),
                },
                FlowControl::UnconditionalBranch => self.destination(at, &instruction)?,
                FlowControl::ConditionalBranch => {
                    let taken = match self.destination(at, &instruction)? {
                        Some(inside) => self.longest(inside, returns.clone())?,
                        None => 0,
                    };
                    return Ok(count + taken.max(self.longest(next, returns)?));
                }
                FlowControl::Return => None,
                other => bail!(
                    "an instruction of kind {other:?} at {:#x}: the path is not known",
                    at.offset
                ),
            };
            // What leaves the module by a jump comes back to where the last call in it was.
            match goes_to.or_else(|| returns.pop()) {
                Some(place) => at = place,
                None => return Ok(count),
            }
        }
    }

    fn decode(&self, at: Place) -> Result<Instruction> {
        let section = self.file.section_by_index(at.section)?;
        let start = usize::try_from(at.offset)?;
        let bytes = section.data()?.get(start..).unwrap_or_default();
        let instruction = Decoder::with_ip(64, bytes, at.offset, DecoderOptions::NONE).decode();
        ensure!(
            !instruction.is_invalid(),
            "no instruction at {}+{:#x}",
            section.name()?,
            at.offset
        );
        Ok(instruction)
    }

    /// Where a call or jump goes; None if that is outside the module.
    fn destination(&self, at: Place, instruction: &Instruction) -> Result<Option<Place>> {
        /// A near call or jump ends in the distance, counted from behind it.
        const DISTANCE: u64 = 4;
        let field = instruction.next_ip() - DISTANCE;
        let section = self.file.section_by_index(at.section)?;
        let Some((_, relocation)) = section.relocations().find(|(offset, _)| *offset == field)
        else {
            return Ok(Some(Place { offset: instruction.near_branch_target(), ..at }));
        };
        let RelocationTarget::Symbol(symbol) = relocation.target() else {
            return Err(anyhow!("a relocation without a symbol at {field:#x}"));
        };
        let symbol = self.file.symbol_by_index(symbol)?;
        let Some(section) = symbol.section_index() else { return Ok(None) };
        let offset =
            symbol.address().wrapping_add_signed(relocation.addend()).wrapping_add(DISTANCE);
        Ok(Some(Place { section, offset }))
    }
}

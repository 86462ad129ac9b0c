//! Wide loops on x86-64: 256 bits with AVX2 and FMA, 512 with AVX-512.

#[cfg(test)]
pub(super) mod decoded;
mod encode;
mod far;
mod frame;
mod rows;
mod select;

use self::rows::{OperandForm, row};
use self::select::Select;
use super::body::{Id, VectorBody};
use super::instruction::{Constants, Instruction, Overwritten, VectorSection};
use super::isa::{Isa, Opcode, Operation, RegisterFile, Transfer};
use super::layout::Layout;
use super::plan::{Access, Plan};
use crate::native::Target;

/// Which instructions there are.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum SimdLevel {
    /// 16 registers of 256 bits: AVX2 and FMA.
    Avx2,
    /// 32 registers of 512 bits, masks of their own: AVX-512 F, VL, DQ and BW.
    Avx512,
}

impl SimdLevel {
    /// Bytes of its registers.
    fn bytes(self) -> usize {
        self.registers().bytes
    }
}

impl Isa for SimdLevel {
    #[cfg(test)]
    fn name(&self) -> &'static str {
        match self {
            SimdLevel::Avx2 => "avx2",
            SimdLevel::Avx512 => "avx512",
        }
    }

    fn is_on(&self, target: &Target) -> bool {
        let extensions: &[&str] = match self {
            SimdLevel::Avx2 => &["avx2", "fma"],
            SimdLevel::Avx512 => &["avx512f", "avx512vl", "avx512dq", "avx512bw"],
        };
        extensions.iter().all(|extension| target.has(extension))
    }

    fn registers(&self) -> RegisterFile {
        // Mask 0 stands for no mask.
        let file = RegisterFile {
            bytes: 32,
            vectors: 16,
            masks: 0,
            first_mask: 1,
            addresses: frame::ADDRESSES.len(),
        };
        match self {
            SimdLevel::Avx2 => file,
            SimdLevel::Avx512 => RegisterFile { bytes: 64, vectors: 32, masks: 8, ..file },
        }
    }

    fn select(&self, operation: Operation, args: &[Id], body: &mut VectorBody) -> Option<Id> {
        Select { level: *self, body }.operation(operation, args)
    }

    fn store(&self, access: Access, lane: usize, value: Id, body: &mut VectorBody) -> Option<()> {
        Select { level: *self, body }.store(access, lane, value)
    }

    fn transfer(&self, transfer: Transfer, size: usize) -> Opcode {
        match transfer {
            Transfer::Load => rows::LOAD,
            Transfer::Store => rows::STORE,
            Transfer::Splat if size == 8 => rows::SPLAT_DOUBLE,
            Transfer::Splat => rows::SPLAT_SINGLE,
            Transfer::Copy => rows::MOVE,
            Transfer::LoadMask => rows::MASK_MOVE,
            Transfer::StoreMask => rows::MASK_STORE,
        }
    }

    fn is_tied(&self, opcode: Opcode) -> bool {
        row(opcode).form == OperandForm::Fused
    }

    fn mnemonic(&self, instruction: &Instruction) -> String {
        let order = match instruction.overwritten {
            Overwritten::None => "",
            Overwritten::Factor => "213",
            Overwritten::Sum => "231",
        };
        format!("{}{order}", row(instruction.opcode).name)
    }

    fn assemble(
        &self,
        plan: &Plan,
        layout: &Layout,
        sections: &[VectorSection],
        constants: &Constants,
    ) -> Vec<u8> {
        frame::assemble(plan, layout, *self, sections, constants)
    }
}

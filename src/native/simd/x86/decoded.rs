//! Emitted code read back by another decoder, against the registers and places that it was made from.

use iced_x86::{Decoder, DecoderOptions, Mnemonic, OpKind, Register};

use super::SimdLevel;
use super::encode::*;
use super::frame::{Writer, number};
use super::rows::*;
use crate::native::simd::VectorLoop;
use crate::native::simd::instruction::{Instruction, Overwritten, Reg, VectorSection};
use crate::native::simd::isa::{Isa, Opcode};

/// What each row is called in the manuals: `?` is `s` or `d` by the width of lanes.
const NAMES: &[(Opcode, &str)] = &[
    (ADD, "addp?"),
    (MUL, "mulp?"),
    (SUB, "subp?"),
    (MIN, "minp?"),
    (DIV, "divp?"),
    (MAX, "maxp?"),
    (SQRT, "sqrtp?"),
    (AND, "andp?"),
    (AND_NOT, "andnp?"),
    (OR, "orp?"),
    (XOR, "xorp?"),
    (COMPARE, "cmpp?"),
    (BLEND_SINGLE, "blendvps"),
    (BLEND_DOUBLE, "blendvpd"),
    (BLEND_MASK, "blendmp?"),
    (INT_ADD, "paddd"),
    (INT_SUB, "psubd"),
    (INT_MUL, "pmulld"),
    (INT_MIN, "pminsd"),
    (INT_MAX, "pmaxsd"),
    (INT_ABS, "pabsd"),
    (INT_EQUAL, "pcmpeqd"),
    (INT_GREATER, "pcmpgtd"),
    (INT_COMPARE, "pcmpd"),
    (SHIFT_LEFT, "pslld"),
    (SHIFT_RIGHT, "psrld"),
    (SHIFT_LEFT_64, "psllq"),
    (SHIFT_RIGHT_64, "psrlq"),
    (INT_TO_SINGLE, "cvtdq2ps"),
    (INT_TO_DOUBLE, "cvtdq2pd"),
    (SINGLE_TO_DOUBLE, "cvtps2pd"),
    (DOUBLE_TO_SINGLE, "cvtpd2ps"),
    (MOVE, "movaps"),
    (LOAD, "movups"),
    (STORE, "movups"),
    (SPLAT_SINGLE, "broadcastss"),
    (SPLAT_DOUBLE, "broadcastsd"),
    (FROM_GENERAL, "movd"),
    (SPLAT_INT, "pbroadcastd"),
    (SPLAT_GENERAL, "pbroadcastd"),
    (BYTES_TO_INTS, "pmovzxbd"),
    (TEST, "ptestmd"),
    (MASK_TO_BYTES, "pmovm2b"),
    (BYTE_ABS, "pabsb"),
    (STORE_8, "movq"),
    (STORE_4, "movd"),
    (MASK_AND, "kandw"),
    (MASK_AND_NOT, "kandnw"),
    (MASK_NOT, "knotw"),
    (MASK_OR, "korw"),
    (MASK_XOR, "kxorw"),
    (MASK_MOVE, "kmovw"),
    (MASK_STORE, "kmovw"),
    (ANY_LANE, "ptest"),
    (ANY_MASK, "kortestw"),
];

/// An instruction by its name and its operands in the order of the manuals.
#[derive(PartialEq, Debug)]
struct Plain {
    name: String,
    operands: Vec<Operand>,
    mask: u8,
}

#[derive(PartialEq, Debug)]
enum Operand {
    /// A register of a class.
    Register(char, u8),
    /// A base and an index with its scale, or the position of code, and a displacement.
    Memory(Option<u8>, Option<(u8, u8)>, i64),
    Number(u8),
}

/// Checks the code of a loop, of which the last bytes are constants.
///
/// # Panics
/// If it is not what the loop's instructions say, or cannot be decoded.
pub(in crate::native::simd) fn check(wide: &VectorLoop<'_>) {
    let VectorLoop { plan, layout, code, sections, constants, isa } = wide;
    let level = [SimdLevel::Avx2, SimdLevel::Avx512].into_iter().find(|level| level.name() == isa.name());
    let level = level.expect("a level of x86-64");
    let writer = Writer::new(plan, layout, level);
    let start = code.len() - constants;
    let mut want = Vec::new();
    for section in sections {
        for instruction in section.code.before.iter().chain(&section.code.iteration) {
            writer.expected(instruction, start, &mut want);
        }
        if !plan.free {
            writer.expected_stores(section, &mut want);
        }
    }
    let mut have = Vec::new();
    let mut over = false;
    let mut decoder = Decoder::with_ip(64, &code[..start], 0, DecoderOptions::NONE);
    while decoder.can_decode() {
        let at = decoder.position();
        let instruction = decoder.decode();
        if instruction.mnemonic() == Mnemonic::Int3 {
            assert!(code[at..start].iter().all(|byte| *byte == 0xcc), "only padding follows the code");
            break;
        }
        assert!(
            !instruction.is_invalid(),
            "byte {at} begins no instruction: {:x?}",
            &code[at..start.min(at + 12)]
        );
        over |= instruction.mnemonic() == Mnemonic::Ret;
        if !over && instruction.mnemonic() != Mnemonic::Vzeroupper && is_vector(&instruction) {
            have.push(plain(&instruction));
        }
    }
    for (k, (have, want)) in have.iter().zip(&want).enumerate() {
        assert_eq!(have, want, "vector instruction {k}");
    }
    assert_eq!(have.len(), want.len(), "vector instructions");
}

impl Writer<'_> {
    fn expected(&self, instruction: &Instruction, constants: usize, to: &mut Vec<Plain>) {
        let register = |register: &Reg| match register {
            Reg::Vector(k) => Operand::Register('v', *k),
            Reg::Mask(k) => Operand::Register('k', *k),
        };
        let from: Vec<&Reg> = instruction.from.iter().collect();
        if row(instruction.opcode).form == OperandForm::Far {
            let test = if self.level == SimdLevel::Avx512 { ANY_MASK } else { ANY_LANE };
            to.push(Plain {
                name: name(test, instruction),
                operands: vec![register(from[0]), register(from[0])],
                mask: 0,
            });
            let result = instruction.to.as_ref().filter(|result| *result != from[2]);
            let copy = |result| vec![register(result), register(from[2])];
            to.extend(result.map(|result| Plain {
                name: name(MOVE, instruction),
                operands: copy(result),
                mask: 0,
            }));
            return;
        }
        let memory = self.memory(instruction.operand).map(|last| operand(last, constants));
        let mut operands: Vec<Operand> = instruction.to.iter().map(register).collect();
        let (mut mask, avx512) = (0, self.level == SimdLevel::Avx512);
        match row(instruction.opcode).form {
            OperandForm::Blend if avx512 => {
                mask = number(*from[0]);
                operands.extend([register(from[2]), register(from[1])]);
            }
            OperandForm::Blend => operands.extend([2, 1, 0].map(|k| register(from[k]))),
            _ => operands.extend(from.into_iter().map(register)),
        }
        match (row(instruction.opcode).form, memory) {
            (OperandForm::Store, Some(memory)) => operands.insert(0, memory),
            (_, memory) => operands.extend(memory),
        }
        operands.extend(instruction.immediate.map(Operand::Number));
        to.push(Plain { name: name(instruction.opcode, instruction), operands, mask });
    }

    fn expected_stores(&self, section: &VectorSection, to: &mut Vec<Plain>) {
        let count = self.plan.carried.len();
        for (k, register) in section.code.carried.iter().enumerate() {
            let (part, carried) = (k / count, k % count);
            let part = part * section.per * self.plan.carried_sizes[carried];
            let place =
                Operand::Memory(Some(BLOCK), None, i64::from(self.layout.carried[carried]) + part as i64);
            let operands = vec![place, Operand::Register('v', number(*register))];
            to.push(Plain { name: "vmovups".to_owned(), operands, mask: 0 });
        }
    }
}

fn name(opcode: Opcode, instruction: &Instruction) -> String {
    let (row, lanes) = (row(opcode), if instruction.wide { "d" } else { "s" });
    if row.form == OperandForm::Fused {
        let order = match instruction.overwritten {
            Overwritten::Factor => "213",
            Overwritten::Sum => "231",
            Overwritten::None => "132",
        };
        let kind = match row.name {
            "fma" => "fmadd",
            "fms" => "fmsub",
            "fnma" => "fnmadd",
            _ => "fnmsub",
        };
        return format!("v{kind}{order}p{lanes}");
    }
    if row.name == "round" {
        let lanes = if opcode == ROUND_DOUBLE { "d" } else { "s" };
        return format!("vroundp{lanes}");
    }
    let named = NAMES.iter().find(|(have, _)| *have == opcode);
    let (_, text) = named.unwrap_or_else(|| panic!("`{}` is not in the table", row.name));
    let v = if text.starts_with('k') { "" } else { "v" };
    format!("{v}{}", text.replace('?', lanes))
}

fn operand(last: Last, constants: usize) -> Operand {
    match last {
        Last::Register(general) => Operand::Register('r', general),
        Last::Memory(MemoryOperand::Near(base, offset)) => {
            Operand::Memory(Some(base), None, i64::from(offset))
        }
        Last::Memory(MemoryOperand::Indexed(base, index, scale, offset)) => {
            Operand::Memory(Some(base), Some((index, scale)), i64::from(offset))
        }
        Last::Memory(MemoryOperand::Constant(at)) => Operand::Memory(None, None, (constants + at) as i64),
    }
}

fn is_vector(instruction: &iced_x86::Instruction) -> bool {
    (0..instruction.op_count()).any(|k| {
        let register = instruction.op_register(k);
        instruction.op_kind(k) == OpKind::Register && (register.is_vector_register() || register.is_k())
    })
}

fn plain(instruction: &iced_x86::Instruction) -> Plain {
    let operand = |k: u32| match instruction.op_kind(k) {
        OpKind::Register => {
            let register = instruction.op_register(k);
            let class = match register {
                register if register.is_k() => 'k',
                register if register.is_vector_register() => 'v',
                _ => 'r',
            };
            Operand::Register(class, register.number() as u8)
        }
        OpKind::Memory => {
            let general = |register: Register| (register != Register::None).then(|| register.number() as u8);
            let (base, index) = (instruction.memory_base(), instruction.memory_index());
            let base = if base == Register::RIP { None } else { general(base) };
            let scale = instruction.memory_index_scale() as u8;
            let displacement = instruction.memory_displacement64() as i64;
            Operand::Memory(base, general(index).map(|index| (index, scale)), displacement)
        }
        _ => Operand::Number(instruction.immediate(k) as u8),
    };
    let name = format!("{:?}", instruction.mnemonic()).to_lowercase();
    let name = name.replace("vrndscale", "vround");
    let mask = if instruction.op_mask() == Register::None { 0 } else { instruction.op_mask().number() as u8 };
    Plain { name, operands: (0..instruction.op_count()).map(operand).collect(), mask }
}

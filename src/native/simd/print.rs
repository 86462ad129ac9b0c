//! Wide loops as text: operations with their registers.

use std::fmt::Write;

use super::VectorLoop;
use super::instruction::{Instruction, Operand, Reg};

/// The instructions of a loop, each with the bytes of its vectors.
pub(in crate::native) fn listing(name: &str, wide: &VectorLoop) -> String {
    let mut text = String::new();
    for section in &wide.sections {
        let overlap = if section.overlap { ", the last iteration overlaps" } else { "" };
        let _ = writeln!(text, "{name}: {} lanes{overlap}", section.per);
        section.code.before.iter().for_each(|instruction| line(&mut text, wide, instruction));
        let _ = writeln!(text, "  iteration:");
        section.code.iteration.iter().for_each(|instruction| line(&mut text, wide, instruction));
    }
    text
}

fn line(text: &mut String, wide: &VectorLoop, instruction: &Instruction) {
    let to = instruction.to.map_or(String::new(), |to| format!("{} = ", register(to)));
    let mut operands: Vec<String> = Vec::new();
    operands.extend(operand(wide, instruction.operand));
    operands.extend(instruction.from.iter().map(|from| register(*from)));
    operands.extend(instruction.immediate.map(|immediate| immediate.to_string()));
    let name = wide.isa.mnemonic(instruction);
    let _ = writeln!(text, "  {to}{name} {} {}", instruction.bytes, operands.join(", "));
}

fn register(register: Reg) -> String {
    match register {
        Reg::Vector(k) => format!("v{k}"),
        Reg::Mask(k) => format!("k{k}"),
    }
}

fn operand(wide: &VectorLoop, operand: Operand) -> Option<String> {
    Some(match operand {
        Operand::None => return None,
        Operand::Access(access, lane) => {
            let at = access.offset + (lane * access.size) as i32;
            format!("p{}.{}[{at}]", wide.plan.bases[access.base].pointer, access.base)
        }
        Operand::Position => "position".to_owned(),
        Operand::Constant(at) => format!("[pool+{at}]"),
        Operand::LiveIn(k, byte) => format!("%{}[{byte}]", wide.plan.live_ins[k].0.0),
        Operand::Spill(slot) => format!("[spill {slot}]"),
    })
}

//! Wide loops as text: operations with their registers.

use std::fmt::Write;

use super::Loop;
use super::placed::{FACTOR_OVERWRITTEN, Placed, Reg, SUM_OVERWRITTEN, Spot};
use super::plan::Plan;

/// The operations of a loop, each with the bytes of its vectors.
pub(in crate::native) fn listing(name: &str, wide: &Loop) -> String {
    let mut text = String::new();
    for section in &wide.sections {
        let overlap = if section.overlap { ", the last iteration overlaps" } else { "" };
        let _ = writeln!(text, "{name}: {} lanes{overlap}", section.per);
        section.code.before.iter().for_each(|placed| line(&mut text, &wide.plan, placed));
        let _ = writeln!(text, "  iteration:");
        section.code.iteration.iter().for_each(|placed| line(&mut text, &wide.plan, placed));
    }
    text
}

fn line(text: &mut String, plan: &Plan, placed: &Placed) {
    let to = placed.to.map_or(String::new(), |to| format!("{} = ", register(to)));
    let mut operands: Vec<String> = Vec::new();
    operands.extend(spot(plan, placed.spot));
    operands.extend(placed.from.iter().map(|from| register(*from)));
    operands.extend(placed.immediate.map(|immediate| immediate.to_string()));
    let form = match placed.variant {
        FACTOR_OVERWRITTEN => "213",
        SUM_OVERWRITTEN => "231",
        _ => "",
    };
    let _ = writeln!(text, "  {to}{}{form} {} {}", placed.row.name, placed.bytes, operands.join(", "));
}

fn register(register: Reg) -> String {
    match register {
        Reg::Vector(k) => format!("v{k}"),
        Reg::Mask(k) => format!("k{k}"),
    }
}

fn spot(plan: &Plan, spot: Spot) -> Option<String> {
    Some(match spot {
        Spot::None => return None,
        Spot::Access(access, lane) => {
            let at = access.offset + (lane * access.size) as i32;
            format!("p{}.{}[{at}]", plan.bases[access.base].pointer, access.base)
        }
        Spot::Position => "position".to_owned(),
        Spot::Pool(at) => format!("[pool+{at}]"),
        Spot::Passed(place, byte) => format!("%{}[{byte}]", plan.passed[place].0.0),
        Spot::Spill(slot) => format!("[spill {slot}]"),
    })
}

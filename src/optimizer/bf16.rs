//! The 16-bit float that is the upper half of an `f32`.

/// The number of these bits.
pub fn widen(bits: u16) -> f32 {
    f32::from_bits(u32::from(bits) << 16)
}

/// The nearest number, the even one of two; not-a-number stays that.
pub fn round(value: f32) -> u16 {
    let bits = value.to_bits();
    if value.is_nan() {
        return (bits >> 16) as u16 | 0x40;
    }
    // Half a unit of the last place, less one where that place is even; it may carry to infinity.
    let half = 0x7fff + ((bits >> 16) & 1);
    (bits.wrapping_add(half) >> 16) as u16
}

#[cfg(test)]
mod tests {
    use super::{round, widen};

    #[test]
    fn every_number_is_its_own_nearest() {
        for bits in 0..=u16::MAX {
            let same = round(widen(bits));
            assert!(same == bits || widen(bits).is_nan() && widen(same).is_nan(), "{bits:#x}");
        }
    }

    #[test]
    fn numbers_go_to_the_nearest_and_ties_to_even() {
        assert_eq!(round(1.0 + 1.0 / 256.0), 0x3f80);
        assert_eq!(round(1.0 + 3.0 / 256.0), 0x3f82);
        assert_eq!(round(1.0 + 1.1 / 256.0), 0x3f81);
        assert_eq!(round(f32::MAX), 0x7f80);
        assert_eq!(round(-0.0), 0x8000);
        assert!(widen(round(f32::from_bits(0x7f80_0001))).is_nan());
    }
}

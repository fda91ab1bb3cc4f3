//! From coded values to light.

use std::sync::LazyLock;

static LIGHT: LazyLock<[f32; 256]> = LazyLock::new(|| {
    std::array::from_fn(|value| {
        let value = value as f32 / 255.0;
        if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    })
});

/// The light of an sRGB value, 0…1 (IEC 61966-2-1). A camera codes only about so: ratios of lights are what it is good for.
#[must_use]
pub fn linear_light(value: u8) -> f32 {
    LIGHT[usize::from(value)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_the_light_is_coded_as_188() {
        assert!((linear_light(188) - 0.5).abs() < 0.005);
        assert_eq!((linear_light(0), linear_light(255)), (0.0, 1.0));
    }
}

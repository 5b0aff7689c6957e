//! Decimal text to scaled integers, exactly or not at all.

/// `text * 10^scale` for plain decimal text (`"0.25"`, `"12"`, `".5"`, `"1.50"`): no sign, no exponent, no
/// spaces. `None` if it is not such text, has digits beyond the scale that are not zero, or does not fit.
pub fn parse(text: &[u8], scale: u32) -> Option<i64> {
    let (mut value, mut digits, mut decimals) = (0i64, 0u32, None::<u32>);
    if text.len() > 48 {
        return None;
    }
    for byte in text {
        match byte {
            b'0'..=b'9' => {
                digits += 1;
                let digit = i64::from(byte - b'0');
                match decimals {
                    Some(places) if places >= scale => {
                        if digit != 0 {
                            return None;
                        }
                    }
                    _ => value = value.checked_mul(10)?.checked_add(digit)?,
                }
                decimals = decimals.map(|places| places + 1);
            }
            b'.' if decimals.is_none() => decimals = Some(0),
            _ => return None,
        }
    }
    if digits == 0 {
        return None;
    }
    let missing = scale.saturating_sub(decimals.unwrap_or(0));
    value.checked_mul(10i64.checked_pow(missing)?)
}

/// As `parse`, in whole multiples of `unit`.
pub fn parse_units(text: &[u8], scale: u32, unit: i64) -> Option<i64> {
    let value = parse(text, scale)?;
    (unit > 0 && value % unit == 0).then(|| value / unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_decimals_only() {
        let cases: [(&str, u32, Option<i64>); 14] = [
            ("236.47", 2, Some(23_647)),
            ("236.470", 2, Some(23_647)),
            ("236.475", 2, None),
            ("12", 3, Some(12_000)),
            (".5", 1, Some(5)),
            ("5.", 1, Some(50)),
            ("", 2, None),
            (".", 2, None),
            ("1e3", 2, None),
            ("-1", 2, None),
            ("1.2.3", 2, None),
            ("9223372036854775807", 0, Some(i64::MAX)),
            ("9223372036854775808", 0, None),
            ("1", 19, None),
        ];
        for (text, scale, expected) in cases {
            assert_eq!(parse(text.as_bytes(), scale), expected, "{text}");
        }
        assert_eq!(parse_units(b"0.15", 2, 5), Some(3));
        assert_eq!(parse_units(b"0.16", 2, 5), None);
    }
}

//! Kubernetes quantities: `250m`, `1Gi`, `1e3`.

/// A quantity in thousandths of its unit, rounded up; saturates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Milli(pub i128);

/// Parses a quantity by the grammar of the API's `resource.Quantity`; `None` when it does not follow it.
pub fn parse(text: &str) -> Option<Milli> {
    let text = text.trim();
    let (negative, rest) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let digits = rest
        .find(|letter: char| !letter.is_ascii_digit() && letter != '.')
        .unwrap_or(rest.len());
    let (number, suffix) = rest.split_at(digits);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() || fraction.contains('.') || number.len() > 30 {
        return None;
    }
    let mantissa: i128 = format!("{whole}{fraction}").parse().ok()?;
    let scale = u32::try_from(fraction.len()).ok()?;
    let thousandths = scaled(mantissa, scale, suffix)?;
    Some(Milli(if negative { -thousandths } else { thousandths }))
}

/// `mantissa / 10^scale` of the suffix's unit, in thousandths.
fn scaled(mantissa: i128, scale: u32, suffix: &str) -> Option<i128> {
    let binary = |power: u32| Some((1024_i128.pow(power).checked_mul(1000)?, 0_u32));
    let decimal = |exponent: i32| {
        let exponent = exponent + 3;
        match u32::try_from(exponent) {
            Ok(exponent) if exponent <= 30 => Some((10_i128.pow(exponent), 0)),
            Ok(_) => None,
            Err(_) => Some((1, exponent.unsigned_abs())),
        }
    };
    let (factor, below) = match suffix {
        "" => decimal(0),
        "n" => decimal(-9),
        "u" => decimal(-6),
        "m" => decimal(-3),
        "k" => decimal(3),
        "M" => decimal(6),
        "G" => decimal(9),
        "T" => decimal(12),
        "P" => decimal(15),
        "E" => decimal(18),
        "Ki" => binary(1),
        "Mi" => binary(2),
        "Gi" => binary(3),
        "Ti" => binary(4),
        "Pi" => binary(5),
        "Ei" => binary(6),
        _ => {
            let exponent = suffix.strip_prefix(['e', 'E'])?;
            decimal(
                exponent
                    .parse()
                    .ok()
                    .filter(|exponent: &i32| exponent.abs() <= 30)?,
            )
        }
    }?;
    let divisor = 10_i128
        .checked_pow(scale.checked_add(below)?)
        .unwrap_or(i128::MAX);
    let product = mantissa.saturating_mul(factor);
    // The API server rounds up.
    Some(product / divisor + i128::from(product % divisor != 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_follow_the_api() {
        let table = [
            ("0", Some(0)),
            ("0m", Some(0)),
            ("1", Some(1000)),
            ("250m", Some(250)),
            ("0.5", Some(500)),
            (".5", Some(500)),
            ("1.", Some(1000)),
            ("400m", Some(400)),
            ("1Ki", Some(1_024_000)),
            ("1.5Gi", Some(1_610_612_736_000)),
            ("1G", Some(1_000_000_000_000)),
            ("1e3", Some(1_000_000)),
            ("1E3", Some(1_000_000)),
            ("1E", Some(1_000_000_000_000_000_000_000)),
            ("1e-3", Some(1)),
            ("1n", Some(1)),
            ("0n", Some(0)),
            ("-1", Some(-1000)),
            ("+1", Some(1000)),
            ("", None),
            ("Mi", None),
            ("1 Mi", None),
            ("1Kb", None),
            ("1.2.3", None),
            ("0x10", None),
            (" 1 ", Some(1000)),
            ("1.25m", Some(2)),
            ("-1.5m", Some(-2)),
        ];
        for (text, expected) in table {
            assert_eq!(parse(text), expected.map(Milli), "{text}");
        }
    }
    #[test]
    fn every_suffix_has_its_own_size() {
        let decimal = ["n", "u", "m", "", "k", "M", "G", "T", "P", "E"];
        for (place, suffix) in (-9..).step_by(3).zip(decimal) {
            let same = format!("5e{place}");
            assert_eq!(parse(&format!("5{suffix}")), parse(&same), "{suffix}");
            assert_eq!(parse(&same), parse(&same.to_uppercase()), "{same}");
        }
        let binary = ["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
        let mut size = 3000;
        for suffix in binary {
            size *= 1024;
            assert_eq!(parse(&format!("3{suffix}")), Some(Milli(size)), "{suffix}");
        }
        assert_eq!(parse("2e6"), parse("2M"));
        assert_eq!(parse("2M"), Some(Milli(2_000_000_000)));
        assert_eq!(parse("4000u"), Some(Milli(4)));
        assert_eq!(parse("4000000n"), Some(Milli(4)));
    }

    #[test]
    fn what_is_too_long_or_too_large_is_no_quantity() {
        let nines = "9".repeat(30);
        let milli = format!("{nines}000").parse().ok().map(Milli);
        assert_eq!(parse(&nines), milli);
        assert_eq!(parse(&format!("{nines}9")), None);
        let most = 10_i128.pow(30);
        assert_eq!(parse("1e27"), Some(Milli(most)));
        assert_eq!(parse("1e28"), None);
        assert_eq!(parse("1e-30"), Some(Milli(1)));
        assert_eq!(parse("1e-31"), None);
        assert_eq!(parse("1e31"), None);
        assert_eq!(parse(&format!("{nines}Ei")), Some(Milli(i128::MAX)));
    }
}

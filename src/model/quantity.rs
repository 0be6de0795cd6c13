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
    let (binary, decimal) = unit(suffix)?;
    let shift = decimal + 3 - i32::try_from(scale).ok()?;
    let power = 10_i128
        .checked_pow(shift.unsigned_abs())
        .unwrap_or(i128::MAX);
    let (numerator, divisor) = if shift < 0 {
        (mantissa, power)
    } else {
        (mantissa.saturating_mul(power), 1)
    };
    let (mut whole, mut rest) = (numerator / divisor, numerator % divisor);
    // Factor by factor: multiplied out, long fractions of large units would overflow before they are divided.
    for _ in 0..binary {
        rest *= 1024;
        whole = whole.saturating_mul(1024).saturating_add(rest / divisor);
        rest %= divisor;
    }
    // The API server rounds up.
    Some(whole.saturating_add(i128::from(rest != 0)))
}

/// The unit as powers of 1024 and of 10.
fn unit(suffix: &str) -> Option<(u32, i32)> {
    Some(match suffix {
        "" => (0, 0),
        "n" => (0, -9),
        "u" => (0, -6),
        "m" => (0, -3),
        "k" => (0, 3),
        "M" => (0, 6),
        "G" => (0, 9),
        "T" => (0, 12),
        "P" => (0, 15),
        "E" => (0, 18),
        "Ki" => (1, 0),
        "Mi" => (2, 0),
        "Gi" => (3, 0),
        "Ti" => (4, 0),
        "Pi" => (5, 0),
        "Ei" => (6, 0),
        _ => {
            let exponent: i32 = suffix.strip_prefix(['e', 'E'])?.parse().ok()?;
            if !(-30..=30).contains(&exponent) {
                return None;
            }
            (0, exponent)
        }
    })
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
            ("0.0000000000000000001Ei", Some(116)),
            (
                "1234567890.1234567890123456789Ei",
                Some(1_423_359_869_420_436_337_655_244_273_765),
            ),
            ("1e-2147483648", None),
            ("1e-30", Some(1)),
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
        let most = 10_i128.pow(33);
        assert_eq!(parse("1e30"), Some(Milli(most)));
        assert_eq!(parse("1e-30"), Some(Milli(1)));
        assert_eq!(parse("1e-31"), None);
        assert_eq!(parse("1e31"), None);
        assert_eq!(parse(&format!("{nines}Ei")), Some(Milli(i128::MAX)));
    }
}

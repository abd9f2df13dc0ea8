//! Checking cron expressions.

const MACROS: [&str; 7] = [
    "@yearly",
    "@annually",
    "@monthly",
    "@weekly",
    "@daily",
    "@midnight",
    "@hourly",
];
/// Minutes, hours, days, months, weekdays.
const BOUNDS: [(i64, i64); 5] = [(0, 59), (0, 23), (1, 31), (1, 12), (0, 6)];

/// Whether this is a macro or five segments separated by single spaces. Errors are PocketBase's sentences.
pub fn check(expression: &str) -> Result<(), String> {
    if MACROS.contains(&expression) {
        return Ok(());
    }
    let segments: Vec<&str> = expression.split(' ').collect();
    if segments.len() != BOUNDS.len() {
        return Err(
            "invalid cron expression - must be a valid macro or to have exactly 5 space separated segments".into()
        );
    }
    for (segment, (min, max)) in segments.iter().zip(BOUNDS) {
        for item in segment.split(',') {
            check_item(item, min, max)?;
        }
    }
    Ok(())
}

/// One of `*`, `n`, `n-m`, the first and the last also with `/step`.
fn check_item(item: &str, min: i64, max: i64) -> Result<(), String> {
    let steps: Vec<&str> = item.split('/').collect();
    let step = match steps.as_slice() {
        [_] => 1,
        [_, step] => {
            let step = integer(step)?;
            if !(1..=max).contains(&step) {
                return Err(format!(
                    "invalid segment step boundary - the step must be between 1 and the {max}"
                ));
            }
            step
        }
        _ => {
            return Err("invalid segment step format - must be in the format */n or 1-30/n".into());
        }
    };
    if steps[0] == "*" {
        return Ok(());
    }
    match steps[0].split('-').collect::<Vec<_>>().as_slice() {
        [value] => {
            if step != 1 {
                return Err(
                    "invalid segment step - step > 1 could be used only with the wildcard or range format".into()
                );
            }
            if !(min..=max).contains(&integer(value)?) {
                return Err(
                    "invalid segment value - must be between the min and max of the segment".into(),
                );
            }
            Ok(())
        }
        [from, to] => {
            let from = integer(from)?;
            if !(min..=max).contains(&from) {
                return Err(format!(
                    "invalid segment range minimum - must be between {min} and {max}"
                ));
            }
            if !(from..=max).contains(&integer(to)?) {
                return Err(format!(
                    "invalid segment range maximum - must be between {from} and {max}"
                ));
            }
            Ok(())
        }
        _ => Err("invalid segment range format - the range must have 1 or 2 parts".into()),
    }
}

/// A number; errors in the words clients of PocketBase know.
fn integer(text: &str) -> Result<i64, String> {
    text.parse::<i64>().map_err(|error| {
        use std::num::IntErrorKind::{NegOverflow, PosOverflow};
        let why = match error.kind() {
            PosOverflow | NegOverflow => "value out of range",
            _ => "invalid syntax",
        };
        format!("strconv.Atoi: parsing {text:?}: {why}")
    })
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn good_expressions() {
        for text in [
            "@daily",
            "0 0 * * *",
            "1,2 1-3 */2 1-5/2 *",
            "+1 * * * *",
            "5/1 3-3 31 12 6",
        ] {
            assert_eq!(check(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn bad_expressions_are_explained() {
        let five = "invalid cron expression - must be a valid macro or to have exactly 5 space separated segments";
        let value = "invalid segment value - must be between the min and max of the segment";
        for (text, why) in [
            ("bad", five),
            ("@DAILY", five),
            ("*  * * * *", five),
            ("70 * * * *", value),
            ("* * 0 * *", value),
            ("* * * * 7", value),
            (
                "*/0 * * * *",
                "invalid segment step boundary - the step must be between 1 and the 59",
            ),
            (
                "1/2 * * * *",
                "invalid segment step - step > 1 could be used only with the wildcard or range format",
            ),
            (
                "*/2/3 * * * *",
                "invalid segment step format - must be in the format */n or 1-30/n",
            ),
            (
                "5-1 * * * *",
                "invalid segment range maximum - must be between 5 and 59",
            ),
            (
                "70-80 * * * *",
                "invalid segment range minimum - must be between 0 and 59",
            ),
            (
                "1-2-3 * * * *",
                "invalid segment range format - the range must have 1 or 2 parts",
            ),
            (
                "* * * jan *",
                "strconv.Atoi: parsing \"jan\": invalid syntax",
            ),
            (
                "99999999999999999999 * * * *",
                "strconv.Atoi: parsing \"99999999999999999999\": value out of range",
            ),
        ] {
            assert_eq!(check(text), Err(why.to_owned()), "{text}");
        }
    }
}

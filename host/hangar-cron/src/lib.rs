//! Schedules of jobs: minute, hour, day of month, month and weekday, or a macro such as `@daily`. Pure functions; who
//! runs the jobs is told elsewhere.
//!
//! All five segments must match (day of month *and* weekday), times are UTC, weekdays are 0 (Sunday) to 6, and there are
//! no names. Errors are sentences that clients of PocketBase know.

/// Macros and what they stand for.
const MACROS: [(&str, &str); 7] = [
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
    ("@monthly", "0 0 1 * *"),
    ("@weekly", "0 0 * * 0"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@hourly", "0 * * * *"),
];
/// Minutes, hours, days, months, weekdays.
const BOUNDS: [(i64, i64); 5] = [(0, 59), (0, 23), (1, 31), (1, 12), (0, 6)];

/// When a job is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    text: String,
    /// For each segment a bit per value.
    bits: [u64; 5],
}

/// A moment, to the minute, UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// 0 to 59.
    pub minute: u8,
    /// 0 to 23.
    pub hour: u8,
    /// 1 to 31.
    pub day: u8,
    /// 1 to 12.
    pub month: u8,
    /// 0 (Sunday) to 6.
    pub weekday: u8,
}

impl Schedule {
    /// Reads a macro or five segments separated by single spaces.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(expression: &str) -> Result<Self, String> {
        let text = MACROS
            .iter()
            .find(|(name, _)| *name == expression)
            .map_or(expression, |(_, text)| text);
        let segments: Vec<&str> = text.split(' ').collect();
        if segments.len() != BOUNDS.len() {
            return Err(
                "invalid cron expression - must be a valid macro or to have exactly 5 space separated segments".into(),
            );
        }
        let mut bits = [0; 5];
        for (at, (segment, (min, max))) in segments.iter().zip(BOUNDS).enumerate() {
            for item in segment.split(',') {
                bits[at] |= values(item, min, max)?;
            }
        }
        Ok(Self {
            text: text.to_owned(),
            bits,
        })
    }

    /// The five segments, also of a macro.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether the job is due.
    pub fn matches(&self, moment: Moment) -> bool {
        let Moment {
            minute,
            hour,
            day,
            month,
            weekday,
        } = moment;
        [minute, hour, day, month, weekday]
            .iter()
            .zip(self.bits)
            .all(|(value, bits)| bits & (1 << (value & 63)) != 0)
    }
}

/// One of `*`, `n`, `n-m`, the first and the last also with `/step`.
fn values(item: &str, min: i64, max: i64) -> Result<u64, String> {
    let every = |from: i64, to: i64, step: i64| {
        (from..=to)
            .step_by(usize::try_from(step).unwrap_or(1).max(1))
            .fold(0, |bits, value| bits | (1 << value))
    };
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
        return Ok(every(min, max, step));
    }
    match steps[0].split('-').collect::<Vec<_>>().as_slice() {
        [value] => {
            if step != 1 {
                return Err(
                    "invalid segment step - step > 1 could be used only with the wildcard or range format".into()
                );
            }
            let value = integer(value)?;
            if !(min..=max).contains(&value) {
                return Err(
                    "invalid segment value - must be between the min and max of the segment".into(),
                );
            }
            Ok(every(value, value, 1))
        }
        [from, to] => {
            let from = integer(from)?;
            if !(min..=max).contains(&from) {
                return Err(format!(
                    "invalid segment range minimum - must be between {min} and {max}"
                ));
            }
            let to = integer(to)?;
            if !(from..=max).contains(&to) {
                return Err(format!(
                    "invalid segment range maximum - must be between {from} and {max}"
                ));
            }
            Ok(every(from, to, step))
        }
        _ => Err("invalid segment range format - the range must have 1 or 2 parts".into()),
    }
}

/// A number; errors in the words clients know.
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
    use super::*;

    fn check(text: &str) -> Result<(), String> {
        Schedule::parse(text).map(drop)
    }

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

    #[test]
    fn all_segments_must_match() {
        let moment = |minute, hour, day, month, weekday| Moment {
            minute,
            hour,
            day,
            month,
            weekday,
        };
        let due = |text: &str, at| Schedule::parse(text).expect(text).matches(at);
        assert!(due("* * * * *", moment(7, 3, 2, 1, 5)));
        assert!(due("*/5 1-3 * * *", moment(10, 3, 2, 1, 5)));
        assert!(!due("*/5 1-3 * * *", moment(11, 3, 2, 1, 5)));
        assert!(due("1-5/2 * * * *", moment(3, 0, 1, 1, 0)));
        assert!(!due("1-5/2 * * * *", moment(4, 0, 1, 1, 0)));
        // Day of month and weekday, not or.
        assert!(!due("0 0 13 * 5", moment(0, 0, 13, 1, 4)));
        assert!(due("0 0 13 * 5", moment(0, 0, 13, 1, 5)));
        assert!(due("@weekly", moment(0, 0, 13, 1, 0)));
        assert_eq!(
            Schedule::parse("@midnight").expect("a macro").text(),
            "0 0 * * *"
        );
    }
}

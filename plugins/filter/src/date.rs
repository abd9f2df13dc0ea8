//! PocketBase's date texts: `YYYY-MM-DD HH:MM:SS.mmmZ`, UTC, compared as text.

/// Milliseconds of a day.
const DAY: i64 = 86_400_000;
/// First and last moment the compiler considers: years 1 to 9999.
const FIRST: i64 = -62_135_596_800_000;
const LAST: i64 = 253_402_300_799_999;

/// A moment taken apart (UTC).
pub(crate) struct Parts {
    pub year: i64,
    pub month: i64,
    pub day: i64,
    pub hour: i64,
    pub minute: i64,
    pub second: i64,
    pub milli: i64,
    /// 0 is Sunday.
    pub weekday: i64,
}

/// Days since the epoch of a civil date (Gregorian, proleptic).
pub(crate) fn days(year: i64, month: i64, day: i64) -> i64 {
    let shifted = year - i64::from(month <= 2);
    let era = shifted.div_euclid(400);
    let year_of_era = shifted.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// The parts of a moment in milliseconds since the epoch.
pub(crate) fn parts(ms: i64) -> Parts {
    let day_number = ms.div_euclid(DAY);
    let rest = ms.rem_euclid(DAY);
    let z = day_number + 719_468;
    let era = z.div_euclid(146_097);
    let day_of_era = z.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let mp = (5 * day_of_year + 2) / 153;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    Parts {
        year: year_of_era + era * 400 + i64::from(month <= 2),
        month,
        day: day_of_year - (153 * mp + 2) / 5 + 1,
        hour: rest / 3_600_000,
        minute: rest / 60_000 % 60,
        second: rest / 1000 % 60,
        milli: rest % 1000,
        weekday: (day_number + 4).rem_euclid(7),
    }
}

/// Milliseconds since the epoch of a moment.
pub(crate) fn moment(year: i64, month: i64, day: i64) -> i64 {
    days(year, month, day) * DAY
}

/// The date text of a moment.
pub(crate) fn format(ms: i64) -> String {
    let Parts {
        year,
        month,
        day,
        hour,
        minute,
        second,
        milli,
        ..
    } = parts(ms);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{milli:03}Z")
}

/// Where a text falls among the date texts, so that text order becomes an order of timestamps an index can serve.
pub(crate) struct Bounds {
    /// The first moment whose text is not below the text, as a PostgreSQL timestamp.
    pub at_least: String,
    /// The first moment whose text is above the text.
    pub above: String,
    /// Whether the text is itself a date text.
    pub exact: bool,
}

/// Locates `text`. The empty text lies below every date, where the compiler puts empty dates too (`-infinity`).
pub(crate) fn bounds(text: &str) -> Bounds {
    let exact_ms = first(|date| date >= text);
    Bounds {
        at_least: if text.is_empty() {
            "-infinity".to_owned()
        } else {
            timestamp(exact_ms)
        },
        above: timestamp(first(|date| date > text)),
        exact: exact_ms.is_some_and(|ms| format(ms) == text),
    }
}

fn timestamp(ms: Option<i64>) -> String {
    ms.map_or_else(|| "infinity".to_owned(), format)
}

/// The first moment whose text satisfies a condition that stays true from there on.
fn first(holds: impl Fn(&str) -> bool) -> Option<i64> {
    if !holds(&format(LAST)) {
        return None;
    }
    let (mut low, mut high) = (FIRST, LAST);
    while low < high {
        let middle = low + (high - low).div_euclid(2);
        if holds(&format(middle)) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    Some(low)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_moments() {
        assert_eq!(format(0), "1970-01-01 00:00:00.000Z");
        assert_eq!(format(FIRST), "0001-01-01 00:00:00.000Z");
        assert_eq!(format(LAST), "9999-12-31 23:59:59.999Z");
        assert_eq!(format(moment(2024, 2, 29)), "2024-02-29 00:00:00.000Z");
        assert_eq!(parts(0).weekday, 4);
    }

    #[test]
    fn locates_texts() {
        for (text, at_least, above, exact) in [
            (
                "2024-01-02",
                "2024-01-02 00:00:00.000Z",
                "2024-01-02 00:00:00.000Z",
                false,
            ),
            (
                "2024-01-02T",
                "2024-01-03 00:00:00.000Z",
                "2024-01-03 00:00:00.000Z",
                false,
            ),
            (
                "2024-01-02 03:04:05.678Z",
                "2024-01-02 03:04:05.678Z",
                "2024-01-02 03:04:05.679Z",
                true,
            ),
            ("", "-infinity", "0001-01-01 00:00:00.000Z", false),
            ("x", "infinity", "infinity", false),
        ] {
            let found = bounds(text);
            assert_eq!(
                (found.at_least.as_str(), found.above.as_str(), found.exact),
                (at_least, above, exact),
                "{text:?}"
            );
        }
    }
}

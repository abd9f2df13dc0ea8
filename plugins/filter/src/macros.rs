//! Date and time macros (`@now`, `@todayStart`, `@year` …), all in UTC.

use crate::date::{format, moment, parts};
use crate::value::Const;

const DAY: i64 = 86_400_000;

/// The value of a macro, none if there is no such macro.
pub(crate) fn resolve(name: &str, now_ms: i64) -> Option<Const> {
    let now = parts(now_ms);
    let today = now_ms - now_ms.rem_euclid(DAY);
    let (next_month_year, next_month) = if now.month == 12 {
        (now.year + 1, 1)
    } else {
        (now.year, now.month + 1)
    };
    let date = |ms| Some(Const::Text(format(ms)));
    let number = |value: i64| Some(Const::Int(value));
    match name {
        "@now" => date(now_ms),
        "@yesterday" => date(now_ms - DAY),
        "@tomorrow" => date(now_ms + DAY),
        "@todayStart" => date(today),
        "@todayEnd" => date(today + DAY - 1),
        "@monthStart" => date(moment(now.year, now.month, 1)),
        "@monthEnd" => date(moment(next_month_year, next_month, 1) - 1),
        "@yearStart" => date(moment(now.year, 1, 1)),
        "@yearEnd" => date(moment(now.year + 1, 1, 1) - 1),
        "@second" => number(now.second),
        "@minute" => number(now.minute),
        "@hour" => number(now.hour),
        "@day" => number(now.day),
        "@month" => number(now.month),
        "@weekday" => number(now.weekday),
        "@year" => number(now.year),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resolves_all() {
        // 2024-02-29 13:14:15.016, a Thursday.
        let now = moment(2024, 2, 29) + ((13 * 60 + 14) * 60 + 15) * 1000 + 16;
        for (name, text) in [
            ("@now", "2024-02-29 13:14:15.016Z"),
            ("@yesterday", "2024-02-28 13:14:15.016Z"),
            ("@tomorrow", "2024-03-01 13:14:15.016Z"),
            ("@todayStart", "2024-02-29 00:00:00.000Z"),
            ("@todayEnd", "2024-02-29 23:59:59.999Z"),
            ("@monthStart", "2024-02-01 00:00:00.000Z"),
            ("@monthEnd", "2024-02-29 23:59:59.999Z"),
            ("@yearStart", "2024-01-01 00:00:00.000Z"),
            ("@yearEnd", "2024-12-31 23:59:59.999Z"),
        ] {
            assert_eq!(
                resolve(name, now),
                Some(Const::Text(text.to_owned())),
                "{name}"
            );
        }
        for (name, value) in [
            ("@second", 15),
            ("@minute", 14),
            ("@hour", 13),
            ("@day", 29),
            ("@month", 2),
            ("@weekday", 4),
            ("@year", 2024),
        ] {
            assert_eq!(resolve(name, now), Some(Const::Int(value)), "{name}");
        }
        assert_eq!(resolve("@nope", now), None);
    }
}

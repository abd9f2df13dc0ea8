//! PocketBase's dates: UTC, milliseconds, `YYYY-MM-DD HH:MM:SS.mmmZ`, empty for none.

/// A moment as milliseconds since 1970-01-01T00:00:00Z.
pub type Millis = i64;

/// The zero moment of Go, which counts as no date.
const GO_ZERO: Millis = -62_135_596_800_000;

/// Turns any accepted date text into canonical form; empty if it is no date.
pub fn normalize(text: &str) -> String {
    parse(text).map(format).unwrap_or_default()
}

/// The canonical form of a moment.
pub fn format(moment: Millis) -> String {
    let days = moment.div_euclid(86_400_000);
    let rest = moment.rem_euclid(86_400_000);
    let (year, month, day) = civil(days);
    let (hour, minute, second, milli) = (
        rest / 3_600_000,
        rest / 60_000 % 60,
        rest / 1000 % 60,
        rest % 1000,
    );
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{milli:03}Z")
}

/// Reads a date in one of PocketBase's layouts.
///
/// - `YYYY-MM-DD`, optionally with `T` or a space and a time `HH:MM:SS`, decimals of the second, and a zone (`Z`,
///   `±HH:MM`, `±HHMM`, the latter also after a space and followed by a name)
/// - `DD Mon YYYY`, RFC 822, RFC 850, RFC 1123, `ctime` and its variants with a zone; zone names count as UTC
///
/// Without a zone it is UTC. Years 1 to 9999; the first moment of year 1 counts as none, as in Go. Year 0, which
/// PocketBase takes from layouts without a year, does not exist in PostgreSQL and is refused.
pub fn parse(text: &str) -> Option<Millis> {
    let moment = iso(text).or_else(|| worded(text))?;
    let highest = days_from_civil(10_000, 1, 1) * 86_400_000;
    (moment > GO_ZERO && moment < highest).then_some(moment)
}

fn iso(text: &str) -> Option<Millis> {
    let mut rest = Reader {
        bytes: text.as_bytes(),
    };
    let year = rest.digits(4)?;
    rest.expect(b'-')?;
    let month = rest.digits(2)?;
    rest.expect(b'-')?;
    let day = rest.digits(2)?;
    let midnight = midnight(year, month, day)?;
    if rest.bytes.is_empty() {
        return Some(midnight);
    }
    if !(rest.take(b'T') || rest.take(b' ')) {
        return None;
    }
    let time = rest.time(true)?;
    let spaced = rest.take(b' ');
    let offset = if spaced || !rest.bytes.is_empty() {
        rest.offset(spaced)?
    } else {
        0
    };
    rest.bytes.is_empty().then_some(midnight + time - offset)
}

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];
const WEEKDAYS: [&str; 7] = [
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
];

/// Layouts with the month's name.
fn worded(text: &str) -> Option<Millis> {
    let parts: Vec<&str> = text.split_whitespace().collect();
    match parts.as_slice() {
        [day, month, year] => dated(day, month, year),
        [day, month, year, time, zone] if year.len() == 2 => {
            Some(dated(day, month, year)? + clock(time, false)? - zone_offset(zone)?)
        }
        [weekday, day, month, year, time, zone] if weekday.ends_with(',') && year.len() == 4 => {
            is_weekday(weekday.trim_end_matches(','), true)?;
            Some(dated(day, month, year)? + clock(time, true)? - zone_offset(zone)?)
        }
        [weekday, date, time, zone] if weekday.ends_with(',') => {
            is_weekday(weekday.trim_end_matches(','), false)?;
            let mut date = date.split('-');
            let (day, month, year) = (date.next()?, date.next()?, date.next()?);
            if date.next().is_some() || year.len() != 2 {
                return None;
            }
            Some(dated(day, month, year)? + clock(time, true)? - zone_offset(zone)?)
        }
        [weekday, month, day, time, year] if year.len() == 4 => {
            is_weekday(weekday, true)?;
            Some(dated(&padded(day), month, year)? + clock(time, true)?)
        }
        [weekday, month, day, time, zone, year] if year.len() == 4 => {
            is_weekday(weekday, true)?;
            Some(dated(&padded(day), month, year)? + clock(time, true)? - zone_offset(zone)?)
        }
        _ => None,
    }
}

/// `ctime` writes days below ten with a space.
fn padded(day: &str) -> String {
    format!("{day:0>2}")
}

fn dated(day: &str, month: &str, year: &str) -> Option<Millis> {
    let month = MONTHS
        .iter()
        .position(|name| name.eq_ignore_ascii_case(month))?
        + 1;
    let numeric = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !numeric(day) || !numeric(year) || day.len() != 2 {
        return None;
    }
    let year: i64 = match year.len() {
        4 => year.parse().ok()?,
        2 => year.parse().ok().map(|short: i64| {
            if short >= 69 {
                1900 + short
            } else {
                2000 + short
            }
        })?,
        _ => return None,
    };
    midnight(year, i64::try_from(month).ok()?, day.parse().ok()?)
}

fn is_weekday(text: &str, short: bool) -> Option<()> {
    WEEKDAYS
        .iter()
        .any(|name| {
            if short {
                name[..3].eq_ignore_ascii_case(text)
            } else {
                *name == text
            }
        })
        .then_some(())
}

fn clock(text: &str, seconds: bool) -> Option<Millis> {
    let mut rest = Reader {
        bytes: text.as_bytes(),
    };
    let time = rest.time(seconds)?;
    rest.bytes.is_empty().then_some(time)
}

/// `±HHMM`, or the name of a zone, which counts as UTC.
fn zone_offset(text: &str) -> Option<Millis> {
    if text.starts_with(['+', '-']) {
        let mut rest = Reader {
            bytes: text.as_bytes(),
        };
        let offset = rest.offset(false)?;
        return rest.bytes.is_empty().then_some(offset);
    }
    is_zone_name(text.as_bytes()).then_some(0)
}

fn is_zone_name(text: &[u8]) -> bool {
    (3..=5).contains(&text.len()) && text.iter().all(u8::is_ascii_uppercase)
}

struct Reader<'a> {
    bytes: &'a [u8],
}

impl Reader<'_> {
    fn take(&mut self, byte: u8) -> bool {
        let found = self.bytes.first() == Some(&byte);
        if found {
            self.bytes = &self.bytes[1..];
        }
        found
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        self.take(byte).then_some(())
    }

    fn digits(&mut self, count: usize) -> Option<i64> {
        let part = self.bytes.get(..count)?;
        if !part.iter().all(u8::is_ascii_digit) {
            return None;
        }
        self.bytes = &self.bytes[count..];
        Some(
            part.iter()
                .fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0')),
        )
    }

    /// `H:MM` or `HH:MM`, with `:SS` and decimals where seconds are wanted; milliseconds since midnight.
    fn time(&mut self, seconds: bool) -> Option<Millis> {
        let hour = self.digits(2).or_else(|| self.digits(1))?;
        self.expect(b':')?;
        let minute = self.digits(2)?;
        let (mut second, mut milli) = (0, 0);
        if seconds {
            self.expect(b':')?;
            second = self.digits(2)?;
            if self.take(b'.') || self.take(b',') {
                milli = self.fraction()?;
            }
        }
        let valid = hour <= 23 && minute <= 59 && second <= 59;
        valid.then_some(hour * 3_600_000 + minute * 60_000 + second * 1000 + milli)
    }

    /// Decimals of a second as milliseconds, the rest cut off.
    fn fraction(&mut self) -> Option<i64> {
        let count = self
            .bytes
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        if count == 0 || count > 9 {
            return None;
        }
        let digits = &self.bytes[..count];
        let milli = (0..3).fold(0, |sum, at| {
            sum * 10 + i64::from(digits.get(at).map_or(0, |digit| digit - b'0'))
        });
        self.bytes = &self.bytes[count..];
        Some(milli)
    }

    /// Milliseconds east of UTC. `named`: a zone name may follow, as Go prints times.
    fn offset(&mut self, named: bool) -> Option<Millis> {
        if !named && self.take(b'Z') {
            return Some(0);
        }
        let sign = if self.take(b'+') {
            1
        } else if self.take(b'-') {
            -1
        } else {
            return None;
        };
        let hours = self.digits(2)?;
        self.take(b':');
        let minutes = self.digits(2)?;
        if named && self.take(b' ') {
            if !is_zone_name(self.bytes) {
                return None;
            }
            self.bytes = &[];
        }
        (hours <= 24 && minutes < 60).then_some(sign * (hours * 60 + minutes) * 60_000)
    }
}

fn midnight(year: i64, month: i64, day: i64) -> Option<Millis> {
    if !(1..=12).contains(&month) || day < 1 || day > days_in(year, month) {
        return None;
    }
    Some(days_from_civil(year, month, day) * 86_400_000)
}

fn days_in(year: i64, month: i64) -> i64 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01, by shifting the year to begin in March so that leap days come last.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// The reverse of [`days_from_civil`].
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day_of_year - (153 * shifted + 2) / 5 + 1)
}

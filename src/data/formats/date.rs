//! Dates as numbers: days since the beginning of 1970, with the time of the day as a part of one.

/// `2014-12-31`, `2014-12-31 23:00`, `2014-12-31T23:00:05.5Z`; nothing if it is not a date of the calendar.
pub(in crate::data) fn days(text: &str) -> Option<f64> {
    let text = text.strip_suffix('Z').unwrap_or(text);
    let (date, time) = match text.split_once(['T', ' ']) {
        Some((date, time)) => (date, Some(time)),
        None => (text, None),
    };
    let day = day(date)?;
    Some(day as f64 + time.map_or(Some(0.0), part_of_a_day)?)
}

fn day(date: &str) -> Option<i64> {
    let mut parts = date.splitn(3, '-');
    let mut next = |digits: usize| {
        let part = parts.next()?;
        let plain = part.len() == digits && part.bytes().all(|byte| byte.is_ascii_digit());
        if plain { part.parse::<i64>().ok() } else { None }
    };
    let (year, month, day) = (next(4)?, next(2)?, next(2)?);
    let leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    let february = if leap { 29 } else { 28 };
    let lengths = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let length = *lengths.get(usize::try_from(month - 1).ok()?)?;
    if !(1..=length).contains(&day) {
        return None;
    }
    let before: i64 = lengths[..month as usize - 1].iter().sum();
    let years = year - 1;
    let days = |years: i64| years * 365 + years / 4 - years / 100 + years / 400;
    Some(days(years) - days(1969) + before + day - 1)
}

fn part_of_a_day(time: &str) -> Option<f64> {
    let parts: Vec<&str> = time.split(':').collect();
    let plain = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let number = |k: usize, below: f64| match parts.get(k) {
        None => Some(0.0),
        Some(part) => part.parse::<f64>().ok().filter(|number| plain(part) && *number < below),
    };
    match parts.len() {
        2 | 3 => Some((number(0, 24.0)? * 3600.0 + number(1, 60.0)? * 60.0 + number(2, 60.0)?) / 86_400.0),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::days;

    #[test]
    fn days_are_those_of_the_calendar() {
        assert_eq!(days("1970-01-01"), Some(0.0));
        assert_eq!(days("2000-03-01"), Some(11017.0));
        assert_eq!(days("1969-12-31"), Some(-1.0));
        assert_eq!(days("2024-02-29T12:00:00Z"), Some(19782.5));
        assert_eq!(days("2010-01-02 06:00"), Some(14611.25));
    }

    #[test]
    fn what_is_no_date_has_no_number() {
        for text in
            ["2023-02-29", "2023-13-01", "2023-1-1", "01.02.2023", "2023-01-01 24:00", "2023", "x", ""]
        {
            assert_eq!(days(text), None, "{text}");
        }
    }
}

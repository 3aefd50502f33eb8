//! A time as a person says it: "14:02", "Tuesday 09:15", "3 March". Never a count of seconds, so that nothing needs redrawing until midnight.

use jiff::civil::Weekday;
use jiff::{Timestamp, Zoned};

use crate::language::Language;

crate::words! {
    /// Since a time.
    from_time(time): "{time}", "{time} 起";
    /// Since a day.
    from_day(day): "{day}", "{day}起";
    /// A time of another day of the last week.
    on_day(day, time): "{day} {time}", "{day} {time}";
    /// A day of another year.
    dated(year, date): "{date} {year}", "{year} 年 {date}";
    /// Weekday.
    monday(): "Monday", "周一";
    /// Weekday.
    tuesday(): "Tuesday", "周二";
    /// Weekday.
    wednesday(): "Wednesday", "周三";
    /// Weekday.
    thursday(): "Thursday", "周四";
    /// Weekday.
    friday(): "Friday", "周五";
    /// Weekday.
    saturday(): "Saturday", "周六";
    /// Weekday.
    sunday(): "Sunday", "周日";
    /// A day of this year.
    january(day): "{day} January", "1 月 {day} 日";
    /// A day of this year.
    february(day): "{day} February", "2 月 {day} 日";
    /// A day of this year.
    march(day): "{day} March", "3 月 {day} 日";
    /// A day of this year.
    april(day): "{day} April", "4 月 {day} 日";
    /// A day of this year.
    may(day): "{day} May", "5 月 {day} 日";
    /// A day of this year.
    june(day): "{day} June", "6 月 {day} 日";
    /// A day of this year.
    july(day): "{day} July", "7 月 {day} 日";
    /// A day of this year.
    august(day): "{day} August", "8 月 {day} 日";
    /// A day of this year.
    september(day): "{day} September", "9 月 {day} 日";
    /// A day of this year.
    october(day): "{day} October", "10 月 {day} 日";
    /// A day of this year.
    november(day): "{day} November", "11 月 {day} 日";
    /// A day of this year.
    december(day): "{day} December", "12 月 {day} 日";
}

/// The time of day of a moment (ms since 1970), in this computer's time zone: "14:02".
pub(crate) fn time_of_day(ms: i64) -> String {
    let then = Timestamp::from_millisecond(ms).unwrap_or(Timestamp::MIN);
    then.to_zoned(jiff::tz::TimeZone::system()).strftime("%H:%M").to_string()
}

/// When something happened, ms since 1970, as it is said at `now` and in its time zone.
pub(crate) fn moment(language: Language, ms: i64, now: &Zoned) -> String {
    let bound = if ms < 0 { Timestamp::MIN } else { Timestamp::MAX };
    let then = Timestamp::from_millisecond(ms).unwrap_or(bound).to_zoned(now.time_zone().clone());
    let time = then.strftime("%H:%M");
    match days_between(&then, now) {
        0 => time.to_string(),
        1..=6 => on_day(language, weekday(language, then.weekday()), time),
        _ if then.year() == now.year() => date(language, &then),
        _ => dated(language, then.year(), date(language, &then)),
    }
}

/// A time to the minute, the same in both languages: `2026-11-21 17:40`, in this computer's time zone.
pub fn exact(ms: i64) -> String {
    let then = Timestamp::from_millisecond(ms).unwrap_or(Timestamp::MAX);
    then.to_zoned(jiff::tz::TimeZone::system()).strftime("%Y-%m-%d %H:%M").to_string()
}

/// Since when, as it stands after "since" in English and by itself in Chinese.
pub(crate) fn since(language: Language, ms: i64, now: &Zoned) -> String {
    let said = moment(language, ms, now);
    if said.ends_with(|letter: char| letter.is_ascii_digit()) {
        from_time(language, said)
    } else {
        from_day(language, said)
    }
}

/// Midnights from one to the other.
fn days_between(then: &Zoned, now: &Zoned) -> i32 {
    // Two dates of the calendar's range always differ by a number of days within it.
    then.date().until(now.date()).map_or(i32::MAX, |span| span.get_days())
}

fn weekday(language: Language, day: Weekday) -> String {
    match day {
        Weekday::Monday => monday(language),
        Weekday::Tuesday => tuesday(language),
        Weekday::Wednesday => wednesday(language),
        Weekday::Thursday => thursday(language),
        Weekday::Friday => friday(language),
        Weekday::Saturday => saturday(language),
        Weekday::Sunday => sunday(language),
    }
}

fn date(language: Language, then: &Zoned) -> String {
    let day = then.day();
    match then.month() {
        1 => january(language, day),
        2 => february(language, day),
        3 => march(language, day),
        4 => april(language, day),
        5 => may(language, day),
        6 => june(language, day),
        7 => july(language, day),
        8 => august(language, day),
        9 => september(language, day),
        10 => october(language, day),
        11 => november(language, day),
        _ => december(language, day),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(then: &str, now: &str) -> (String, String) {
        let now: Zoned = now.parse().unwrap();
        let then: Zoned = then.parse().unwrap();
        let ms = then.timestamp().as_millisecond();
        (moment(Language::En, ms, &now), moment(Language::Zh, ms, &now))
    }

    fn both(en: &str, zh: &str) -> (String, String) {
        (en.to_owned(), zh.to_owned())
    }

    #[test]
    fn a_time_is_said_as_far_as_it_is_needed() {
        let now = "2026-03-12T15:00[Asia/Shanghai]";
        assert_eq!(said("2026-03-12T00:00[Asia/Shanghai]", now), both("00:00", "00:00"));
        assert_eq!(said("2026-03-11T23:59[Asia/Shanghai]", now), both("Wednesday 23:59", "周三 23:59"));
        assert_eq!(said("2026-03-06T09:15[Asia/Shanghai]", now), both("Friday 09:15", "周五 09:15"));
        assert_eq!(said("2026-03-05T09:15[Asia/Shanghai]", now), both("5 March", "3 月 5 日"));
        assert_eq!(said("2025-12-31T09:15[Asia/Shanghai]", now), both("31 December 2025", "2025 年 12 月 31 日"));
        assert_eq!(said("2026-03-13T09:15[Asia/Shanghai]", now), both("13 March", "3 月 13 日"));
    }

    #[test]
    fn chinese_says_since_behind_the_time() {
        let now: Zoned = "2026-03-12T15:00[Asia/Shanghai]".parse().unwrap();
        let said = |days: i64| since(Language::Zh, now.timestamp().as_millisecond() - days * 86_400_000, &now);
        assert_eq!([said(0), said(2), said(7)], ["15:00 起", "周二 15:00 起", "3 月 5 日起"]);
        assert_eq!(since(Language::En, now.timestamp().as_millisecond(), &now), "15:00");
    }

    #[test]
    fn the_zone_of_the_person_decides_the_day() {
        assert_eq!(said("2026-03-11T18:30[UTC]", "2026-03-12T08:00[Asia/Shanghai]").0, "02:30");
        assert_eq!(said("2026-03-29T01:30[Europe/Berlin]", "2026-03-29T12:00[Europe/Berlin]").0, "01:30");
        let now: Zoned = "2026-03-12T08:00[UTC]".parse().unwrap();
        assert_eq!(moment(Language::En, 0, &now), "1 January 1970");
        assert!(!moment(Language::En, i64::MAX, &now).is_empty() && !moment(Language::Zh, i64::MIN, &now).is_empty());
    }

    #[test]
    fn every_month_and_weekday_has_its_own_words() {
        let now: Zoned = "2026-12-31T12:00[UTC]".parse().unwrap();
        let months: std::collections::BTreeSet<String> = (1..=12)
            .map(|month| {
                moment(
                    Language::En,
                    jiff::civil::date(2025, month, 1).at(0, 0, 0, 0).in_tz("UTC").unwrap().timestamp().as_millisecond(),
                    &now,
                )
            })
            .collect();
        assert_eq!(months.len(), 12);
        assert!(months.contains("1 December 2025"));
        let days: std::collections::BTreeSet<String> =
            (0..7).map(|day| weekday(Language::Zh, Weekday::Monday.wrapping_add(day))).collect();
        assert_eq!(days.len(), 7);
    }
}

//! Time as the exchange keeps it: whole milliseconds since 1970-01-01 UTC, read from one clock.

use std::{fmt, time::Duration};

use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// A moment, in milliseconds since 1970-01-01 UTC. Leap seconds are not counted.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Timestamp(u64);

/// The end of the year 9999, the last moment RFC 3339 can write.
const LAST_MS: u64 = 253_402_300_799_999;
const DAY_MS: u64 = 24 * 60 * 60 * 1000;

impl Timestamp {
    /// The first moment.
    pub const EPOCH: Self = Self(0);

    /// Makes a moment from milliseconds since 1970; later than the year 9999 becomes its end.
    pub const fn from_ms(ms: u64) -> Self {
        if ms > LAST_MS { Self(LAST_MS) } else { Self(ms) }
    }

    /// Returns the milliseconds since 1970.
    pub const fn ms(self) -> u64 {
        self.0
    }

    /// Returns the moment `duration` later.
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        Self::from_ms(
            self.0.saturating_add(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)),
        )
    }

    /// Returns the moment `duration` earlier, not before 1970.
    #[must_use]
    pub fn before(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)))
    }

    /// Returns the moment `days` days later.
    #[must_use]
    pub const fn plus_days(self, days: u64) -> Self {
        Self::from_ms(self.0.saturating_add(days.saturating_mul(DAY_MS)))
    }

    /// Returns the same moment one calendar month later, or of the month's last day where it has no such day. So the
    /// time to answer a person's request is counted (UK GDPR Art 12(3), DPA 2018 s.54).
    #[must_use]
    pub fn plus_month(self) -> Self {
        let moment = OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1_000_000);
        let later = moment.ok().and_then(|moment| {
            let next = moment.month().next();
            let year = moment.year() + i32::from(next == time::Month::January);
            let day = moment.day().min(next.length(year));
            let date = time::Date::from_calendar_date(year, next, day).ok()?;
            u64::try_from(moment.replace_date(date).unix_timestamp_nanos() / 1_000_000).ok()
        });
        later.map_or(Self(LAST_MS), Self::from_ms)
    }

    /// Returns how long after `earlier` it is; nothing where it is not.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }

    /// Reads an RFC 3339 date and time.
    pub fn parse(text: &str) -> Option<Self> {
        let moment = OffsetDateTime::parse(text, &Rfc3339).ok()?;
        u64::try_from(moment.unix_timestamp_nanos() / 1_000_000).ok().map(Self::from_ms)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1_000_000)
            .ok()
            .and_then(|moment| moment.format(&Rfc3339).ok());
        f.write_str(text.as_deref().unwrap_or("9999-12-31T23:59:59.999Z"))
    }
}

/// Where the time comes from.
pub trait Clock: fmt::Debug + Send + Sync {
    /// Returns the time of day.
    fn now(&self) -> Timestamp;

    /// Returns the time since some moment, which nobody sets. A clock that has none moves with its time of day.
    fn steady(&self) -> Duration {
        self.now().since(Timestamp::EPOCH)
    }
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
    fn now(&self) -> Timestamp {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        Timestamp::EPOCH.after(since.unwrap_or_default())
    }

    #[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
    fn steady(&self) -> Duration {
        static BEGAN: std::sync::LazyLock<std::time::Instant> =
            std::sync::LazyLock::new(std::time::Instant::now);
        BEGAN.elapsed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_number_agree() {
        let moment = Timestamp::parse("2026-11-23T06:45:00.250Z").unwrap();
        assert_eq!(moment.to_string(), "2026-11-23T06:45:00.25Z");
        assert_eq!(Timestamp::parse("2026-11-23T07:45:00.250+01:00"), Some(moment));
        assert_eq!(Timestamp::parse("1969-12-31T23:59:59Z"), None);
        assert_eq!(Timestamp::from_ms(u64::MAX).to_string(), "9999-12-31T23:59:59.999Z");
    }

    #[test]
    fn a_request_is_due_one_calendar_month_later() {
        for (received, due) in [
            ("2026-11-27T10:00:00Z", "2026-12-27T10:00:00Z"),
            ("2026-12-31T23:59:59Z", "2027-01-31T23:59:59Z"),
            ("2027-01-31T00:00:00Z", "2027-02-28T00:00:00Z"),
            ("2028-01-31T00:00:00Z", "2028-02-29T00:00:00Z"),
            ("2027-03-31T08:00:00Z", "2027-04-30T08:00:00Z"),
        ] {
            let received = Timestamp::parse(received).unwrap();
            assert_eq!(received.plus_month().to_string(), due);
        }
        assert_eq!(Timestamp::from_ms(u64::MAX).plus_month(), Timestamp::from_ms(u64::MAX));
    }
}

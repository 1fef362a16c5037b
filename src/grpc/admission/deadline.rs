//! How long a call may take: as its caller says in `grpc-timeout`, and never longer than the broker's bound.

use std::time::Duration;

use http::HeaderMap;

const HEADER: &str = "grpc-timeout";

/// Returns the caller's bound or the broker's, whichever is shorter. What cannot be read is not there.
pub(super) fn of(headers: &HeaderMap, bound: Duration) -> Duration {
    let text = headers.get(HEADER).and_then(|value| value.to_str().ok());
    text.and_then(parse).map_or(bound, |asked| asked.min(bound))
}

/// Reads 1 to 8 digits and a unit (gRPC over HTTP/2, Requests, "Timeout").
fn parse(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if !(1..=8).contains(&digits.len()) || !digits.bytes().all(|it| it.is_ascii_digit()) {
        return None;
    }
    let number: u64 = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(number * 3600)),
        "M" => Some(Duration::from_secs(number * 60)),
        "S" => Some(Duration::from_secs(number)),
        "m" => Some(Duration::from_millis(number)),
        "u" => Some(Duration::from_micros(number)),
        "n" => Some(Duration::from_nanos(number)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shorter_bound_holds() {
        let bound = Duration::from_secs(30);
        for (text, due) in [
            ("5S", Duration::from_secs(5)),
            ("250m", Duration::from_millis(250)),
            ("99999999u", bound),
            ("1H", bound),
            ("0n", Duration::ZERO),
            ("", bound),
            ("S", bound),
            ("123456789n", bound),
            ("-1S", bound),
            ("5s", bound),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(HEADER, text.parse().unwrap());
            assert_eq!(of(&headers, bound), due, "{text:?}");
        }
        assert_eq!(of(&HeaderMap::new(), bound), bound);
    }
}

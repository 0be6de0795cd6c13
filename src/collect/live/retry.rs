//! When a request is worth repeating, and after how long.

use std::time::Duration;

use super::failure::Failure;

/// The first pause, where none is chosen.
const FIRST: Duration = Duration::from_millis(200);
/// The longest pause, unless the server asks for more.
const LONGEST: Duration = Duration::from_secs(5);
/// How often a failing server is asked again. A broken conversion webhook fails for as long as one asks.
const SERVER_ERRORS: u32 = 5;
/// How often a broken answer is asked for again.
const BROKEN_ANSWERS: u32 = 2;

/// How long to wait for a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// How long one request may take, its repetitions included.
    pub request_timeout: Duration,
    /// The pause before a request is repeated; each further one is twice as long.
    pub first_pause: Duration,
}

impl Patience {
    /// With pauses that let a server recover.
    pub const fn new(request_timeout: Duration) -> Self {
        Self {
            request_timeout,
            first_pause: FIRST,
        }
    }

    /// For a request that was not made yet.
    pub(super) const fn retries(self) -> Retries {
        Retries {
            first_pause: self.first_pause,
            made: 0,
        }
    }
}

/// Counts the repetitions of one request.
#[derive(Debug)]
pub(super) struct Retries {
    first_pause: Duration,
    made: u32,
}

impl Retries {
    /// How long to wait before the request is repeated; `None` when that is of no use, or when no time is left for it.
    pub(super) fn pause(&mut self, failure: &Failure, left: Duration) -> Option<Duration> {
        if self.made >= allowed(failure) {
            return None;
        }
        let backoff = self
            .first_pause
            .saturating_mul(1_u32.checked_shl(self.made).unwrap_or(u32::MAX))
            .min(LONGEST);
        let pause = match failure {
            Failure::Status {
                retry_after: Some(wish),
                ..
            } => backoff.max(*wish),
            _ => backoff,
        };
        self.made += 1;
        (pause < left).then_some(pause)
    }
}

/// How often this failure may be answered with another request; the deadline bounds it in any case.
fn allowed(failure: &Failure) -> u32 {
    match failure {
        Failure::Status { code: 429, .. } | Failure::Transport(_) => u32::MAX,
        Failure::Status {
            code: 500 | 502 | 503 | 504,
            ..
        } => SERVER_ERRORS,
        Failure::Cut | Failure::ContentType | Failure::Malformed => BROKEN_ANSWERS,
        Failure::Status { .. }
        | Failure::TooLarge
        | Failure::Timeout
        | Failure::Credentials(_)
        | Failure::Lost
        | Failure::Stale => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);

    fn status(code: u16, retry_after: Option<u64>) -> Failure {
        Failure::Status {
            code,
            reason: None,
            retry_after: retry_after.map(Duration::from_secs),
        }
    }

    fn pauses(failure: &Failure, left: Duration) -> Vec<u128> {
        let mut retries = Patience::new(left).retries();
        std::iter::from_fn(|| retries.pause(failure, left))
            .take(8)
            .map(|pause| pause.as_millis())
            .collect()
    }

    #[test]
    fn pauses_double_up_to_a_bound_and_end() {
        assert_eq!(
            pauses(&status(503, None), MINUTE),
            [200, 400, 800, 1600, 3200]
        );
        assert_eq!(
            pauses(&status(429, None), MINUTE),
            [200, 400, 800, 1600, 3200, 5000, 5000, 5000]
        );
        assert_eq!(pauses(&Failure::Cut, MINUTE), [200, 400]);
    }

    #[test]
    fn the_servers_wish_is_honoured_as_long_as_there_is_time() {
        assert_eq!(pauses(&status(429, Some(7)), MINUTE)[..2], [7000, 7000]);
        assert!(pauses(&status(429, Some(61)), MINUTE).is_empty());
        assert!(pauses(&status(503, None), Duration::from_millis(100)).is_empty());
    }

    #[test]
    fn an_answer_that_will_not_change_is_taken() {
        for code in [400, 401, 403, 404, 410, 501] {
            assert!(pauses(&status(code, Some(1)), MINUTE).is_empty(), "{code}");
        }
        assert!(pauses(&Failure::Timeout, MINUTE).is_empty());
    }

    #[test]
    fn many_repetitions_do_not_overflow() {
        let mut retries = Retries {
            made: 1000,
            ..Patience::new(MINUTE).retries()
        };
        assert_eq!(retries.pause(&status(429, None), MINUTE), Some(LONGEST));
    }
}

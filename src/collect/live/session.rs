//! Requests that end in time: each is repeated where that helps, and bounded by one deadline.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use http::header::{self, HeaderMap};
use http_body_util::BodyExt as _;
use kube::Client;
use kube::client::Body;
use serde::Deserialize;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::Clock;
use super::failure::Failure;
use super::retry::Patience;

/// Longest answer that is taken in.
const LONGEST_ANSWER: usize = 256 << 20;
/// Bytes by which a body grows at least.
const SMALLEST_GROWTH: usize = 64 << 10;
/// Longest answer to a refused request; only one word of it is read.
const LONGEST_REFUSAL: usize = 64 << 10;
/// How long a silent server has to show that it is there at all.
const SIGN_OF_LIFE: Duration = Duration::from_secs(5);
/// How the tool appears in the server's audit log.
const USER_AGENT: &str = concat!("sc39/", env!("CARGO_PKG_VERSION"));

/// A connection to one server.
pub(super) struct Session<'a> {
    client: Client,
    pub(super) patience: Patience,
    clock: Clock<'a>,
    /// Set once a response came, whatever its status.
    is_known: AtomicBool,
    /// Set once the server answers nobody any more, so that the remaining requests do not wait one by one.
    is_lost: AtomicBool,
    /// Bodies of pages that were decoded.
    spare: Mutex<Vec<Vec<u8>>>,
}

/// One request.
#[derive(Clone, Copy)]
pub(super) struct Question<'a> {
    path: &'a str,
    accept: &'static str,
    /// JSON to post; without it the request is a `GET`.
    post: Option<&'static str>,
    is_page: bool,
}

/// A successful answer.
pub(super) struct Answer {
    pub(super) body: Vec<u8>,
    /// Local clock minus the server's in milliseconds, if the server says what time it is.
    pub(super) clock_difference: Option<i64>,
}

impl<'a> Question<'a> {
    /// Asks for a document.
    pub(super) fn get(path: &'a str) -> Self {
        Self {
            path,
            accept: "application/json",
            post: None,
            is_page: false,
        }
    }

    /// Asks for a page of a list, whose body goes into a buffer of an earlier one.
    pub(super) fn page(path: &'a str) -> Self {
        Self {
            is_page: true,
            ..Self::get(path)
        }
    }

    /// Asks for a document in the form that suits.
    pub(super) fn accepting(self, accept: &'static str) -> Self {
        Self { accept, ..self }
    }

    /// Asks for a review, which creates nothing.
    pub(super) fn review(path: &'a str, post: &'static str) -> Self {
        Self {
            post: Some(post),
            ..Self::get(path)
        }
    }

    fn request(&self) -> Result<http::Request<Body>, http::Error> {
        let request = http::Request::builder()
            .uri(self.path)
            .header(header::ACCEPT, self.accept)
            .header(header::USER_AGENT, USER_AGENT);
        match self.post {
            Some(json) => request
                .method(http::Method::POST)
                .header(header::CONTENT_TYPE, "application/json")
                .body(Body::from(json.as_bytes().to_vec())),
            None => request.body(Body::empty()),
        }
    }
}

impl<'a> Session<'a> {
    pub(super) fn new(client: Client, patience: Patience, clock: Clock<'a>) -> Self {
        Self {
            client,
            patience,
            clock,
            is_known: AtomicBool::new(false),
            is_lost: AtomicBool::new(false),
            spare: Mutex::default(),
        }
    }

    /// Takes back the body of a page, for the next one: pages are large, and memory that is given back and asked for
    /// again in turns ends up in pieces.
    pub(super) fn recycle(&self, mut body: Vec<u8>) {
        body.clear();
        self.spare().push(body);
    }

    /// Gives the memory of pages back, when there are no more.
    pub(super) fn forget_pages(&self) {
        *self.spare() = Vec::new();
    }

    fn spare(&self) -> MutexGuard<'_, Vec<Vec<u8>>> {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The time, as evidence writes it.
    pub(super) fn now(&self) -> String {
        rfc3339((self.clock)())
    }

    /// When a request that begins now must have ended.
    pub(super) fn deadline(&self) -> Instant {
        Instant::now() + self.patience.request_timeout
    }

    /// Sends a request, and again while that helps.
    pub(super) async fn ask(&self, question: Question<'_>) -> Result<Answer, Failure> {
        self.ask_until(question, self.deadline()).await
    }

    /// As [`Session::ask`], within a deadline that began earlier.
    pub(super) async fn ask_until(
        &self,
        question: Question<'_>,
        deadline: Instant,
    ) -> Result<Answer, Failure> {
        let mut retries = self.patience.retries();
        loop {
            if self.is_lost.load(Ordering::Relaxed) {
                return Err(Failure::Lost);
            }
            let failure = match timeout_at(deadline, self.attempt(question)).await {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(failure)) => failure,
                Err(_) => Failure::Timeout,
            };
            // A server that was never there is not worth waiting for.
            if failure.is_silence() && !self.is_known.load(Ordering::Relaxed) {
                return Err(failure);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            let Some(pause) = retries.pause(&failure, left) else {
                self.notice_silence(&failure).await;
                return Err(failure);
            };
            sleep(pause).await;
        }
    }

    /// After a request without an answer: gives the server up if it does not answer the simplest one either.
    async fn notice_silence(&self, failure: &Failure) {
        if !failure.is_silence() {
            return;
        }
        let patience = SIGN_OF_LIFE.min(self.patience.request_timeout);
        let answer = timeout(patience, self.attempt(Question::get("/version"))).await;
        let silent = match answer {
            Ok(Ok(_)) => false,
            Ok(Err(failure)) => failure.is_silence(),
            Err(_) => true,
        };
        if silent {
            self.is_lost.store(true, Ordering::Relaxed);
        }
    }

    async fn attempt(&self, question: Question<'_>) -> Result<Answer, Failure> {
        let request = question
            .request()
            .map_err(|_| Failure::Transport("the request cannot be written".to_owned()))?;
        let asked = (self.clock)();
        let response = self
            .client
            .send(request)
            .await
            .map_err(|error| Failure::of_error(&error))?;
        let answered = (self.clock)();
        self.is_known.store(true, Ordering::Relaxed);
        let (head, body) = response.into_parts();
        if !head.status.is_success() {
            return Err(Failure::Status {
                code: head.status.as_u16(),
                reason: reason(body).await,
                retry_after: retry_after(&head.headers),
            });
        }
        if !is_json(&head.headers) {
            return Err(Failure::ContentType);
        }
        let buffer = if question.is_page {
            self.spare().pop().unwrap_or_default()
        } else {
            Vec::new()
        };
        Ok(Answer {
            clock_difference: clock_difference(&head.headers, asked, answered),
            body: read(body, buffer, LONGEST_ANSWER).await?,
        })
    }
}

/// Time as evidence writes it.
pub(super) fn rfc3339(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

async fn read(mut body: Body, mut bytes: Vec<u8>, longest: usize) -> Result<Vec<u8>, Failure> {
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| Failure::Cut)?.into_data() else {
            continue;
        };
        if bytes.len() + data.len() > longest {
            return Err(Failure::TooLarge);
        }
        make_room(&mut bytes, data.len());
        bytes.extend_from_slice(&data);
    }
    Ok(bytes)
}

/// Grows by an eighth and not by twice: pages are the largest thing in memory, and large blocks grow where they are.
fn make_room(bytes: &mut Vec<u8>, more: usize) {
    if bytes.capacity() - bytes.len() < more {
        bytes.reserve_exact(more.max(bytes.len() / 8).max(SMALLEST_GROWTH));
    }
}

/// The reasons that Kubernetes gives: `StatusReason` of `k8s.io/apimachinery/pkg/apis/meta/v1`.
const REASONS: [&str; 19] = [
    "AlreadyExists",
    "BadRequest",
    "Conflict",
    "Expired",
    "Forbidden",
    "Gone",
    "InternalError",
    "Invalid",
    "MethodNotAllowed",
    "NotAcceptable",
    "NotFound",
    "RequestEntityTooLarge",
    "ServerTimeout",
    "ServiceUnavailable",
    "StoreReadError",
    "Timeout",
    "TooManyRequests",
    "Unauthorized",
    "UnsupportedMediaType",
];

/// The one word that the API's `Status` gives as reason. Any other word may be what a gateway was shown, such as a token.
async fn reason(body: Body) -> Option<&'static str> {
    #[derive(Deserialize)]
    struct Status {
        reason: String,
    }
    let bytes = read(body, Vec::new(), LONGEST_REFUSAL).await.ok()?;
    let Status { reason } = serde_json::from_slice(&bytes).ok()?;
    REASONS.into_iter().find(|known| *known == reason)
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

fn is_json(headers: &HeaderMap) -> bool {
    text(headers, header::CONTENT_TYPE).is_some_and(|content_type| {
        let media_type = content_type.split(';').next().unwrap_or_default();
        media_type.trim().eq_ignore_ascii_case("application/json")
    })
}

/// `Retry-After` in seconds, the only form that API servers write.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = text(headers, header::RETRY_AFTER)?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// Compares the middle between question and answer with the server's `Date`, which is cut to whole seconds and so
/// half a second early on average.
fn clock_difference(
    headers: &HeaderMap,
    asked: DateTime<Utc>,
    answered: DateTime<Utc>,
) -> Option<i64> {
    let date = DateTime::parse_from_rfc2822(text(headers, header::DATE)?).ok()?;
    let server = date.to_utc() + TimeDelta::milliseconds(500);
    let local = asked + (answered - asked) / 2;
    Some((local - server).num_milliseconds())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: header::HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, header::HeaderValue::from_static(value))])
    }

    #[test]
    fn content_types_are_told_apart() {
        let cases = [
            ("application/json", true, "the usual answer"),
            (
                "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList",
                true,
                "aggregated discovery",
            ),
            ("text/html; charset=utf-8", false, "a login page"),
            ("application/jsonp", false, "another type that begins alike"),
        ];
        for (content_type, json, why) in cases {
            assert_eq!(
                is_json(&headers(header::CONTENT_TYPE, content_type)),
                json,
                "{why}"
            );
        }
        assert!(!is_json(&HeaderMap::new()));
    }

    /// A gateway may repeat a token that is one word.
    #[tokio::test]
    async fn only_words_of_the_api_are_reasons() {
        let cases = [
            (
                r#"{"kind":"Status","reason":"Forbidden"}"#,
                Some("Forbidden"),
            ),
            (r#"{"kind":"Status","reason":"canary7c1e5f"}"#, None),
            (r#"{"kind":"Status","reason":""}"#, None),
            (r#"{"kind":"Status"}"#, None),
            ("<html>", None),
        ];
        for (body, wanted) in cases {
            let found = reason(Body::from(body.as_bytes().to_vec())).await;
            assert_eq!(found, wanted, "{body}");
        }
    }

    #[test]
    fn waiting_times_are_whole_seconds() {
        assert_eq!(
            retry_after(&headers(header::RETRY_AFTER, "3")),
            Some(Duration::from_secs(3))
        );
        for odd in ["soon", "-1", "Fri, 21 Nov 2025 07:00:00 GMT"] {
            assert_eq!(
                retry_after(&headers(header::RETRY_AFTER, odd)),
                None,
                "{odd}"
            );
        }
    }

    #[test]
    fn clocks_are_compared_in_the_middle_of_the_exchange() {
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let headers = headers(header::DATE, "Fri, 21 Nov 2025 07:00:00 GMT");
        let difference = clock_difference(
            &headers,
            at("2025-11-21T07:01:00.400Z"),
            at("2025-11-21T07:01:00.600Z"),
        );
        assert_eq!(difference, Some(60_000));
    }
}

//! The faults: what may happen to a request on its way to the API server and back.

use super::proxy::Asked;

/// What the proxy does instead of passing an answer on as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The answer is held back for so many milliseconds.
    Late(u64),
    /// The answer comes in pieces of so many bytes, one every 20 milliseconds.
    Drip(usize),
    /// The connection ends before an answer.
    Dropped,
    /// The connection ends in the middle of the answer.
    Cut,
    /// 429, with a wish to be asked again after so many seconds.
    Busy(u64),
    /// Another refusal: 401, 403, 404, 410, 500, 502, 503 or 504.
    Refused(u16),
    /// The first half of the JSON, with a `Content-Length` that fits it.
    Half,
    /// A login page in HTML.
    LoginPage,
    /// Bytes that are no text, called JSON.
    Garbage,
    /// No bytes, called JSON.
    Empty,
    /// White space that does not end, called JSON.
    Huge,
    /// The answer compressed with gzip, which nobody asked for.
    Gzip,
    /// The items of the list's first page once more, in place of this page's.
    SamePage,
    /// The list's first page once more, with a continue token that was not there before.
    NoEnd,
}

impl Fault {
    /// Every fault, in the strengths that schedules draw from.
    pub(super) const ALL: &[Self] = &[
        Self::Late(200),
        Self::Late(3000),
        Self::Drip(4096),
        Self::Drip(16),
        Self::Dropped,
        Self::Cut,
        Self::Busy(0),
        Self::Busy(1),
        Self::Busy(3600),
        Self::Refused(401),
        Self::Refused(403),
        Self::Refused(404),
        Self::Refused(410),
        Self::Refused(500),
        Self::Refused(502),
        Self::Refused(503),
        Self::Refused(504),
        Self::Half,
        Self::LoginPage,
        Self::Garbage,
        Self::Empty,
        Self::Huge,
        Self::Gzip,
        Self::SamePage,
        Self::NoEnd,
    ];

    /// Whether it can happen to this request.
    pub(super) fn fits(self, asked: &Asked) -> bool {
        match self {
            // Only what a token stands for can have expired.
            Self::Refused(410) | Self::SamePage => asked.is_further_page(),
            Self::NoEnd => asked.is_page(),
            // A single object that is "not found" is an answer. When it is a lie, nobody can tell.
            Self::Refused(404) => !asked.is_object(),
            _ => true,
        }
    }
}

//! Answers: the API server's as they are, spoilt ones, and ones that it never gave.

use std::convert::Infallible;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::stream::{self, StreamExt as _};
use http::header::{self, HeaderValue};
use http::{Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Bytes, Frame};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::fault::Fault;
use super::proxy::TOKEN;

/// What the proxy sends.
pub(super) type Body = UnsyncBoxBody<Bytes, io::Error>;

/// An answer of the API server.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) content_type: Option<HeaderValue>,
    pub(super) body: Bytes,
}

impl Answer {
    /// As it came.
    pub(super) fn whole(self) -> Response<Body> {
        let body = full(self.body.clone());
        self.with(body)
    }

    /// With another body.
    fn with(self, body: Body) -> Response<Body> {
        let mut response = Response::new(body);
        *response.status_mut() = self.status;
        let content_type = self.content_type;
        response
            .headers_mut()
            .extend(content_type.map(|value| (header::CONTENT_TYPE, value)));
        response
    }

    /// The list that it holds.
    fn list(&self) -> Option<Value> {
        let list: Value = serde_json::from_slice(&self.body).ok()?;
        list["items"].is_array().then_some(list)
    }
}

/// An answer for which the API server need not be asked.
pub(super) fn made_up(fault: Fault) -> Result<Option<Response<Body>>, io::Error> {
    let json = |body: Body| json_response(200, body);
    let response = match fault {
        Fault::Dropped => return Err(ended()),
        Fault::Busy(seconds) => {
            let mut response = refusal(429);
            let wish = HeaderValue::from(seconds);
            response.headers_mut().insert(header::RETRY_AFTER, wish);
            response
        }
        Fault::Refused(code) => refusal(code),
        Fault::LoginPage => {
            let page = format!("<html>log in again, {TOKEN}</html>");
            let mut response = Response::new(full(page));
            let html = HeaderValue::from_static("text/html; charset=utf-8");
            response.headers_mut().insert(header::CONTENT_TYPE, html);
            response
        }
        Fault::Garbage => {
            let mut bytes = vec![0, 0xff, 0xfe, b'{', 0xc3];
            bytes.extend(TOKEN.as_bytes());
            json(full(bytes))
        }
        Fault::Empty => json(full("")),
        Fault::Huge => {
            let start = Bytes::from_static(b"{\"items\":[");
            let space = Bytes::from(vec![b' '; 1 << 20]);
            let pieces = stream::iter([start]).chain(stream::repeat(space));
            json(streamed(pieces.map(Ok)))
        }
        Fault::Late(_)
        | Fault::Drip(_)
        | Fault::Cut
        | Fault::Half
        | Fault::Gzip
        | Fault::SamePage
        | Fault::NoEnd => return Ok(None),
    };
    Ok(Some(response))
}

/// What a fault makes of an answer; `first` is the first page of the same list.
pub(super) async fn spoilt(
    fault: Fault,
    answer: Answer,
    first: Option<Answer>,
) -> Result<Response<Body>, io::Error> {
    let half = answer.body.slice(..answer.body.len() / 2);
    let response = match fault {
        Fault::Late(milliseconds) => {
            sleep(Duration::from_millis(milliseconds)).await;
            answer.whole()
        }
        Fault::Drip(size) => {
            let body = drip(&answer.body, size);
            answer.with(body)
        }
        Fault::Cut => {
            let length = HeaderValue::from(answer.body.len());
            let end = Err(ended());
            let mut response = answer.with(streamed(stream::iter([Ok(half), end])));
            response
                .headers_mut()
                .insert(header::CONTENT_LENGTH, length);
            response
        }
        Fault::Half => answer.with(full(half)),
        Fault::Gzip => {
            let body = full(gzip(&answer.body));
            let mut response = answer.with(body);
            let encoding = HeaderValue::from_static("gzip");
            response
                .headers_mut()
                .insert(header::CONTENT_ENCODING, encoding);
            response
        }
        Fault::SamePage | Fault::NoEnd => {
            let first = first.and_then(|first| first.list());
            match (answer.list(), first) {
                (Some(list), Some(first)) => {
                    let body = full(again(fault, list, first).to_string());
                    answer.with(body)
                }
                _ => answer.whole(),
            }
        }
        other => unreachable!("{other:?} was made up"),
    };
    Ok(response)
}

/// How a connection ends too early.
fn ended() -> io::Error {
    io::ErrorKind::ConnectionAborted.into()
}

/// A list whose items came before.
fn again(fault: Fault, mut list: Value, mut first: Value) -> Value {
    static TOKENS: AtomicU64 = AtomicU64::new(0);
    if fault == Fault::SamePage {
        list["items"] = first["items"].take();
        return list;
    }
    let token = format!("again-{}", TOKENS.fetch_add(1, Ordering::Relaxed));
    first["metadata"]["continue"] = token.into();
    first
}

/// A refusal as the API server words it, by a gateway that repeats what it was shown.
fn refusal(code: u16) -> Response<Body> {
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code,
        "reason": TOKEN, "message": format!("Bearer {TOKEN} is of no use here"),
    });
    json_response(code, full(status.to_string()))
}

fn json_response(code: u16, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(code).expect("the faults know their codes");
    let headers = response.headers_mut();
    let json = HeaderValue::from_static("application/json");
    headers.insert(header::CONTENT_TYPE, json);
    headers.insert(header::WARNING, HeaderValue::from_static(TOKEN));
    headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(TOKEN));
    response
}

fn full(bytes: impl Into<Bytes>) -> Body {
    let body = Full::new(bytes.into());
    body.map_err(|never: Infallible| match never {})
        .boxed_unsync()
}

fn streamed(
    pieces: impl futures::Stream<Item = Result<Bytes, io::Error>> + Send + 'static,
) -> Body {
    let frames = pieces.map(|piece| piece.map(Frame::data));
    StreamBody::new(frames).boxed_unsync()
}

fn drip(body: &[u8], size: usize) -> Body {
    let pieces: Vec<Bytes> = body.chunks(size).map(Bytes::copy_from_slice).collect();
    streamed(stream::iter(pieces).then(async |piece| {
        sleep(Duration::from_millis(20)).await;
        Ok(piece)
    }))
}

/// RFC 1952, with blocks that are stored and not compressed.
fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut file = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    let mut blocks = bytes.chunks(usize::from(u16::MAX)).peekable();
    while let Some(block) = blocks.next() {
        let length = u16::try_from(block.len()).expect("chunks are no longer than that");
        file.push(u8::from(blocks.peek().is_none()));
        file.extend(length.to_le_bytes());
        file.extend((!length).to_le_bytes());
        file.extend(block);
    }
    let length = u32::try_from(bytes.len()).expect("pages are shorter than that");
    file.extend(crc32(bytes).to_le_bytes());
    file.extend(length.to_le_bytes());
    file
}

fn crc32(bytes: &[u8]) -> u32 {
    let step = |sum: u32, _| (sum >> 1) ^ (0xedb8_8320 & (sum & 1).wrapping_neg());
    !bytes.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), step)
    })
}

#[test]
fn the_checksum_is_the_one_of_gzip() {
    // The check value of CRC-32/ISO-HDLC.
    assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
}

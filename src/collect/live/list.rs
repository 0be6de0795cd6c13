//! One list, page by page: the next page is on its way while the last one is decoded.

use std::collections::HashSet;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use futures::future::join;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep};

use super::Progress;
use super::decode::{self, Page, Place};
use super::failure::Failure;
use super::path;
use super::retry::{Patience, Retries};
use super::session::{Question, Session};
use crate::kind::Kind;
use crate::snapshot::{Interner, Object, ReadStatus, SourceRead, Unreadable, Verb};

/// More objects of one kind than any cluster holds; a list that goes on is broken.
const MOST_OBJECTS: usize = 1_000_000;
/// So many pages in a row may bring nothing new.
const MOST_IDLE_PAGES: u32 = 3;

/// Room for pages in memory, of all lists together: 500 pods are 5 to 15 MB, and most lists are short.
const ROOM: usize = 2 * OF_NEXT_PAGE as usize;
/// Of a list's first page, so that several kinds come at once where none has many objects.
const OF_FIRST_PAGE: u32 = 1;
/// Of each further page: one is decoded while the next one comes.
const OF_NEXT_PAGE: u32 = 2;

/// What all lists of a collection share.
pub(super) struct Lister<'a> {
    pub(super) session: &'a Session<'a>,
    pub(super) interner: Arc<Mutex<Interner>>,
    page_size: u32,
    room: Arc<Semaphore>,
}

/// What to list.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) kind: Kind,
    pub(super) version: &'static str,
    /// Absent for the whole cluster.
    pub(super) namespace: Option<String>,
}

/// What came of one list or get.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) source: SourceRead,
    pub(super) objects: Vec<Object>,
    pub(super) unreadable: Vec<Unreadable>,
}

/// Tells how many objects of a kind have been read, over all its lists.
pub(super) struct Counter<'a> {
    progress: &'a dyn Progress,
    kind: Kind,
    objects: AtomicU64,
}

impl<'a> Counter<'a> {
    pub(super) fn new(progress: &'a dyn Progress, kind: Kind) -> Self {
        Self {
            progress,
            kind,
            objects: AtomicU64::new(0),
        }
    }

    fn add(&self, page: &Page) {
        let count = size(&page.objects);
        let objects = self.objects.fetch_add(count, Ordering::Relaxed) + count;
        self.progress
            .page(self.kind, objects, page.list.remaining());
    }

    fn forget(&self, count: u64) {
        self.objects.fetch_sub(count, Ordering::Relaxed);
    }
}

impl<'a> Lister<'a> {
    pub(super) fn new(
        session: &'a Session<'a>,
        interner: Arc<Mutex<Interner>>,
        page_size: u32,
    ) -> Self {
        Self {
            session,
            interner,
            page_size,
            room: Arc::new(Semaphore::new(ROOM)),
        }
    }

    /// Reads a list to its end, or as far as it goes.
    pub(super) async fn list(&self, target: &Target, counter: &Counter<'_>) -> Outcome {
        let started_at = self.session.now();
        let mut reading = Reading::default();
        let mut end = self.read(target, counter, &mut reading).await;
        let restarted = matches!(end, End::Expired(_));
        if restarted {
            counter.forget(reading.received);
            reading = Reading::default();
            end = self.read(target, counter, &mut reading).await;
        }
        let (status, http_status, message) = reading.verdict(&end, restarted);
        Outcome {
            source: SourceRead {
                kind: target.kind,
                version: Some(target.version.to_owned()),
                verb: Verb::List,
                namespace: target.namespace.clone(),
                name: None,
                status,
                http_status,
                count: reading.received,
                pages: reading.pages,
                resource_version: reading.resource_version,
                started_at: Some(started_at),
                finished_at: Some(self.session.now()),
                message,
            },
            objects: reading.objects,
            unreadable: reading.unreadable,
        }
    }

    async fn read(&self, target: &Target, counter: &Counter<'_>, reading: &mut Reading) -> End {
        let (mut request, mut answer) = self.first_try(target, None).await;
        loop {
            let body = match answer {
                Ok(body) => body,
                Err(failure) if request.token.is_some() && failure.is_status(410) => {
                    return End::Expired(failure);
                }
                Err(failure) => return End::Failed(failure),
            };
            let next = decode::peek(&body.bytes).and_then(|list| list.next().map(str::to_owned));
            let (page, ahead) = join(
                self.decode(target, reading.pages + 1, body),
                self.fetch_ahead(target, next),
            )
            .await;
            let Some(page) = page else {
                // Its room is for others while this one waits.
                drop(ahead);
                match request.again() {
                    Some(pause) => sleep(pause).await,
                    None => return End::Failed(Failure::Malformed),
                }
                answer = self.fetch(target, &mut request).await;
                continue;
            };
            counter.add(&page);
            let token = match reading.take(page) {
                Ok(token) => token,
                Err(end) => return end,
            };
            let ahead = ahead.filter(|(next, _)| next.token.as_ref() == Some(&token));
            (request, answer) = match ahead {
                Some(ahead) => ahead,
                None => self.first_try(target, Some(token)).await,
            };
        }
    }

    /// Asks for a page as soon as there is room for it; its time begins then.
    async fn fetch(&self, target: &Target, request: &mut PageRequest) -> Result<Body, Failure> {
        let size = match &request.token {
            None => OF_FIRST_PAGE,
            Some(_) => OF_NEXT_PAGE,
        };
        let room = Arc::clone(&self.room).acquire_many_owned(size).await.ok();
        let deadline = *request
            .deadline
            .get_or_insert_with(|| self.session.deadline());
        let list = path::of(
            target.kind,
            target.version,
            target.namespace.as_deref(),
            None,
        );
        let path = path::of_page(&list, self.page_size, request.token.as_deref());
        let question = Question::page(&path);
        let answer = self.session.ask_until(question, deadline).await?;
        Ok(Body {
            bytes: answer.body,
            _room: room,
        })
    }

    async fn first_try(&self, target: &Target, token: Option<String>) -> Asked {
        let mut request = PageRequest::new(token, self.session.patience);
        let answer = self.fetch(target, &mut request).await;
        (request, answer)
    }

    async fn fetch_ahead(&self, target: &Target, token: Option<String>) -> Option<Asked> {
        let token = token?;
        Some(self.first_try(target, Some(token)).await)
    }

    /// Decodes where it does not hold up other requests.
    async fn decode(&self, target: &Target, page: u64, body: Body) -> Option<Page> {
        let interner = Arc::clone(&self.interner);
        let place = Place {
            kind: target.kind,
            version: target.version,
            page,
        };
        let decoded =
            spawn_blocking(move || (decode::page(place, &body.bytes, &interner), body)).await;
        let (page, body) = decoded.ok()?;
        self.session.recycle(body.bytes);
        page
    }
}

/// A page as it came, which takes room as long as it is here.
struct Body {
    bytes: Vec<u8>,
    _room: Option<OwnedSemaphorePermit>,
}

/// A page that was asked for, and what came.
type Asked = (PageRequest, Result<Body, Failure>);

/// One page to be read, however often it takes.
struct PageRequest {
    token: Option<String>,
    /// Set when it is asked for.
    deadline: Option<Instant>,
    /// Of answers that came whole and were no list.
    retries: Retries,
}

impl PageRequest {
    fn new(token: Option<String>, patience: Patience) -> Self {
        Self {
            token,
            deadline: None,
            retries: patience.retries(),
        }
    }

    fn again(&mut self) -> Option<std::time::Duration> {
        let deadline = self.deadline?;
        let left = deadline.saturating_duration_since(Instant::now());
        self.retries.pause(&Failure::Malformed, left)
    }
}

/// How a list ended.
#[derive(Debug)]
enum End {
    /// With its last page.
    Complete,
    /// The server has forgotten the state that the list began with.
    Expired(Failure),
    /// The server goes on in a way that leads nowhere.
    Endless(&'static str),
    Failed(Failure),
}

/// What was read of a list so far.
#[derive(Default)]
struct Reading {
    objects: Vec<Object>,
    unreadable: Vec<Unreadable>,
    received: u64,
    pages: u64,
    idle_pages: u32,
    repeated: u64,
    resource_version: Option<String>,
    hasher: RandomState,
    /// Hashes of the objects' namespaces and names.
    seen: HashSet<u64>,
    /// Hashes of the continue tokens.
    tokens: HashSet<u64>,
}

impl Reading {
    /// Adds a page, and gives the token of the next one.
    fn take(&mut self, page: Page) -> Result<String, End> {
        self.pages += 1;
        self.received += size(&page.objects) + size(&page.unreadable);
        if self.resource_version.is_none() {
            self.resource_version
                .clone_from(&page.list.resource_version);
        }
        let before = self.objects.len();
        for object in page.objects {
            let key = self.hasher.hash_one((object.namespace(), object.name()));
            if self.seen.insert(key) {
                self.objects.push(object);
            } else {
                self.repeated += 1;
            }
        }
        let is_idle = self.objects.len() == before && page.unreadable.is_empty();
        self.idle_pages = if is_idle { self.idle_pages + 1 } else { 0 };
        self.unreadable.extend(page.unreadable);
        let Some(token) = page.list.next() else {
            return Err(End::Complete);
        };
        if !self.tokens.insert(self.hasher.hash_one(token)) {
            return Err(End::Endless(
                "the server gave the same continue token twice",
            ));
        }
        if self.idle_pages >= MOST_IDLE_PAGES {
            return Err(End::Endless("the server's further pages bring nothing new"));
        }
        if self.objects.len() + self.unreadable.len() >= MOST_OBJECTS {
            return Err(End::Endless("the list does not end"));
        }
        Ok(token.to_owned())
    }

    /// What to record: status, HTTP status and message.
    fn verdict(&self, end: &End, restarted: bool) -> (ReadStatus, Option<u16>, Option<String>) {
        let pages = self.pages;
        match end {
            End::Complete if self.repeated > 0 => {
                let message = format!("the server sent {} objects twice", self.repeated);
                (ReadStatus::Truncated, Some(200), Some(message))
            }
            End::Complete => {
                let message = restarted.then(|| {
                    "read from the start again: the continue token had expired".to_owned()
                });
                (ReadStatus::Read, Some(200), message)
            }
            End::Endless(problem) => {
                let message = format!("{problem} (after page {pages})");
                (ReadStatus::Truncated, Some(200), Some(message))
            }
            End::Expired(failure) | End::Failed(failure) => {
                let (status, message) = if pages == 0 {
                    (failure.read_status(), failure.to_string())
                } else {
                    (
                        ReadStatus::Truncated,
                        format!("{failure} (after page {pages})"),
                    )
                };
                (status, failure.http_status(), Some(message))
            }
        }
    }
}

fn size<T>(items: &[T]) -> u64 {
    u64::try_from(items.len()).unwrap_or(u64::MAX)
}

//! Replies, whole and broken. A reply is booked before its last byte goes to the connection, so that a client that has
//! it finds it in the account.

use crate::connection::Line;
use crate::faults::Fault;
use crate::visit::Visit;
use axum::body::{Body, Bytes, HttpBody};
use axum::http::header::{CONTENT_TYPE, LOCATION};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use http_body::{Frame, SizeHint};
use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{self, Sleep};

/// Pieces of a slow body.
const PIECES: usize = 10;

/// What a body without end repeats.
const ENDLESS: &[u8] = &[b' '; 64 * 1024];

/// What a proxy between client and provider says.
const PAGE: &str =
    "<!DOCTYPE html>\n<html><head><title>Welcome</title></head><body><h1>Please sign in</h1></body></html>\n";

pub(crate) struct Reply {
    visit: Visit,
    status: u16,
    headers: HeaderMap,
}

impl Reply {
    pub(crate) fn new(mut visit: Visit, status: u16, headers: HeaderMap) -> Self {
        visit.status(status);
        Self { visit, status, headers }
    }

    /// With this body of this kind, unless a fault breaks it.
    pub(crate) fn with(self, fault: Fault, line: &Line, slow: Duration, body: Bytes, kind: &'static str) -> Response {
        match fault {
            Fault::Reset => self.reset(line),
            Fault::CutBody => self.cut(body.into()),
            Fault::SlowBody => self.slow(body.into(), slow),
            Fault::HugeBody => self.huge(),
            Fault::Html => self.page(),
            Fault::BrokenJson => self.broken(body.into()),
            _ => self.whole_of(body, kind),
        }
    }

    /// As it should be.
    pub(crate) fn whole(self, body: Vec<u8>) -> Response {
        self.whole_of(body.into(), "application/json")
    }

    fn whole_of(mut self, body: Bytes, kind: &'static str) -> Response {
        self.visit.delivered();
        self.respond(kind).1(body.into())
    }

    /// A page where JSON should be.
    pub(crate) fn page(mut self) -> Response {
        self.visit.lost();
        self.visit.delivered();
        self.respond("text/html; charset=utf-8").1(PAGE.into())
    }

    /// Half of the body as if it were all.
    pub(crate) fn broken(mut self, mut body: Vec<u8>) -> Response {
        self.visit.lost();
        self.visit.delivered();
        body.truncate(body.len() / 2);
        self.respond("application/json").1(body.into())
    }

    /// Nothing: the connection is reset.
    pub(crate) fn reset(mut self, line: &Line) -> Response {
        self.visit.status(0);
        self.visit.lost();
        line.reset();
        Response::new(Body::empty())
    }

    /// To another place.
    pub(crate) fn redirect(mut self, location: &str) -> Response {
        if let Ok(location) = HeaderValue::from_str(location) {
            self.headers.insert(LOCATION, location);
        }
        self.whole(Vec::new())
    }

    /// In pieces over this time.
    pub(crate) fn slow(self, body: Vec<u8>, duration: Duration) -> Response {
        let size = body.len().div_ceil(PIECES).max(1);
        let pieces = body.chunks(size).map(Bytes::copy_from_slice).collect();
        let total = body.len() as u64;
        self.trickle(pieces, duration / PIECES as u32, End::Whole, Some(total))
    }

    /// Headers and the first half.
    pub(crate) fn cut(mut self, body: Vec<u8>) -> Response {
        self.visit.lost();
        let half = Bytes::copy_from_slice(&body[..body.len() / 2]);
        let total = body.len() as u64;
        // A pause, so that the first half is out before the end.
        self.trickle(VecDeque::from([half]), Duration::from_millis(5), End::Cut, Some(total))
    }

    /// White space without end.
    pub(crate) fn huge(mut self) -> Response {
        self.visit.lost();
        self.trickle(VecDeque::new(), Duration::from_millis(1), End::Never, None)
    }

    fn trickle(self, pieces: VecDeque<Bytes>, pause: Duration, end: End, total: Option<u64>) -> Response {
        let (visit, respond) = self.respond("application/json");
        let sleep = Box::pin(time::sleep(Duration::ZERO));
        respond(Body::new(Trickle { visit, pieces, pause, sleep, end, total }))
    }

    fn respond(self, kind: &'static str) -> (Visit, impl FnOnce(Body) -> Response) {
        let Self { visit, status, mut headers } = self;
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        let respond = move |body| {
            let mut response = Response::new(body);
            *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            *response.headers_mut() = headers;
            response
        };
        (visit, respond)
    }
}

/// A body in pieces.
struct Trickle {
    visit: Visit,
    pieces: VecDeque<Bytes>,
    pause: Duration,
    sleep: Pin<Box<Sleep>>,
    end: End,
    total: Option<u64>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Whole,
    Cut,
    Never,
}

impl HttpBody for Trickle {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        ready!(self.sleep.as_mut().poll(context));
        let next = time::Instant::now() + self.pause;
        self.sleep.as_mut().reset(next);
        let piece = match (self.pieces.pop_front(), self.end) {
            (Some(piece), _) => piece,
            (None, End::Never) => Bytes::from_static(ENDLESS),
            (None, End::Whole) => return Poll::Ready(None),
            (None, End::Cut) => return Poll::Ready(Some(Err(io::ErrorKind::ConnectionAborted.into()))),
        };
        if self.pieces.is_empty() && self.end == End::Whole {
            self.visit.delivered();
        }
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn size_hint(&self) -> SizeHint {
        self.total.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

//! The way to providers: no redirects, no proxy, and no address that they should not have.

mod addresses;
mod envelope;

use crate::plan::Provider;
use crate::provider::{Charge, Failure, FailureClass};
use addresses::{AddressRefused, Resolver};
use bytes::Bytes;
use reqwest::header::HeaderMap;
use reqwest::{Body, Client, Method, Response, redirect};
use std::error::Error;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};
use url::Url;

/// Bytes of the longest reply that is read. A pack of hundreds of answers has some ten thousand.
pub const REPLY_BYTES: usize = 4 * 1024 * 1024;

/// As the SDKs of OpenAI and Anthropic have it.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A connection that nobody used for so long may be closed by the other side just as it is used again.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);

/// One client for hosts of the internet, and one for those that may be in the own network.
#[derive(Debug)]
pub(crate) struct Clients {
    public: Option<Client>,
    private: Option<Client>,
}

/// A reply as far as it came: its status is known, its body perhaps is not.
#[derive(Debug)]
pub(crate) struct Reply {
    /// The status.
    pub(crate) status: u16,
    /// The headers.
    pub(crate) headers: HeaderMap,
    /// The body, or why there is none.
    pub(crate) body: Result<Vec<u8>, Failure>,
}

impl Clients {
    /// Clients without connections.
    pub(crate) fn new() -> Self {
        Self { public: client(false), private: client(true) }
    }

    /// Sends a body, once, and reads the reply; tells how long that took.
    pub(crate) async fn post(
        &self,
        provider: &Provider,
        url: &Url,
        body: &str,
        time_limit: Duration,
    ) -> (Result<Reply, Failure>, Duration) {
        let start = Instant::now();
        let reply = self.exchange(provider, url, body, start + time_limit).await;
        (reply, start.elapsed())
    }

    async fn exchange(&self, provider: &Provider, url: &Url, body: &str, deadline: Instant) -> Result<Reply, Failure> {
        let call = Call { method: Method::POST, url, headers: HeaderMap::new(), body: Some(body.to_owned().into()) };
        read_reply(self.open(provider, call, deadline).await?, deadline).await
    }

    /// Sends a request, once, and reads the head of the reply.
    pub(crate) async fn open(
        &self,
        provider: &Provider,
        call: Call<'_>,
        deadline: Instant,
    ) -> Result<Response, Failure> {
        let private_allowed = provider.private_allowed;
        if !addresses::host_allowed(call.url, private_allowed) {
            return Err(not_sent(FailureClass::Stopped, "address not allowed"));
        }
        let client = if private_allowed { &self.private } else { &self.public };
        let client = client.as_ref().ok_or_else(|| not_sent(FailureClass::NotSent, "no TLS"))?;
        let headers = envelope::headers(provider);
        let mut headers = headers.map_err(|_| not_sent(FailureClass::Stopped, "the key is no header"))?;
        headers.extend(call.headers);
        let request = client.request(call.method, call.url.clone()).headers(headers);
        let request = if let Some(body) = call.body { request.body(body) } else { request };
        match timeout_at(deadline, request.send()).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => Err(failure(&error)),
            Err(_) => Err(timed_out()),
        }
    }
}

/// A request as far as it is not the same for all to its provider.
pub(crate) struct Call<'a> {
    /// The method.
    pub(crate) method: Method,
    /// The address.
    pub(crate) url: &'a Url,
    /// Headers that are set beside, and in the place of, those of all requests.
    pub(crate) headers: HeaderMap,
    /// The body.
    pub(crate) body: Option<Body>,
}

/// The whole of a reply, until a moment.
pub(crate) async fn read_reply(response: Response, deadline: Instant) -> Result<Reply, Failure> {
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let body = timeout_at(deadline, read(response)).await.unwrap_or_else(|_| Err(timed_out()));
    Ok(Reply { status, headers, body })
}

/// The next piece of a body, and `None` at its end.
pub(crate) async fn next_piece(response: &mut Response, time_limit: Duration) -> Result<Option<Bytes>, Failure> {
    match timeout_at(Instant::now() + time_limit, response.chunk()).await {
        Ok(piece) => piece.map_err(|error| failure(&error)),
        Err(_) => Err(timed_out()),
    }
}

fn client(private_allowed: bool) -> Option<Client> {
    Client::builder()
        .user_agent(concat!("pg_categorize/", env!("CARGO_PKG_VERSION")))
        .redirect(redirect::Policy::none())
        .no_proxy()
        .referer(false)
        // What is not in the own network is never spoken to in the clear.
        .https_only(!private_allowed)
        .connect_timeout(CONNECT_TIMEOUT)
        .pool_idle_timeout(IDLE_TIMEOUT)
        .dns_resolver(std::sync::Arc::new(Resolver { private_allowed }))
        .build()
        .ok()
}

/// A body, unless it is longer than any.
async fn read(mut response: Response) -> Result<Vec<u8>, Failure> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| failure(&error))? {
        if body.len() + chunk.len() > REPLY_BYTES {
            return Err(Failure::new(FailureClass::Unreadable, Charge::Unknown, "reply too long"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// What an error of the transport means. Only an error of connecting proves that nothing was sent; no detail quotes it,
/// since it may name the URL.
fn failure(error: &reqwest::Error) -> Failure {
    if address_refused(error) {
        not_sent(FailureClass::Stopped, "address not allowed")
    } else if error.is_connect() {
        not_sent(FailureClass::NotSent, if error.is_timeout() { "no connection in time" } else { "no connection" })
    } else if error.is_builder() {
        not_sent(FailureClass::Stopped, "the URL is not allowed")
    } else if error.is_timeout() {
        timed_out()
    } else {
        Failure::new(FailureClass::Cut, Charge::Unknown, "connection cut")
    }
}

fn address_refused(error: &(dyn Error + 'static)) -> bool {
    error.is::<AddressRefused>() || error.source().is_some_and(address_refused)
}

fn not_sent(class: FailureClass, detail: &str) -> Failure {
    Failure::new(class, Charge::None, detail)
}

fn timed_out() -> Failure {
    Failure::new(FailureClass::TimedOut, Charge::Unknown, "timed out")
}

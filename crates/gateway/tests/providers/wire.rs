//! A server that says what it is told to, and tells what it saw.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// What a server does once it has read a request.
#[derive(Clone)]
pub enum Act {
    /// Writes this, and waits for the next request.
    Say(Vec<u8>),
    /// Writes this, and closes.
    Cut(Vec<u8>),
    /// Writes the first, then the second for as long as somebody reads it.
    Endless(Vec<u8>, Vec<u8>),
    /// Closes so that the other side sees a reset.
    Reset,
}

/// What a server saw.
#[derive(Debug, PartialEq)]
pub enum Seen {
    Connection,
    Request(String),
    End,
}

pub async fn server(act: Act) -> (String, UnboundedReceiver<Seen>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (seen, sight) = unbounded_channel();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            _ = seen.send(Seen::Connection);
            let (act, seen) = (act.clone(), seen.clone());
            tokio::spawn(async move {
                while let Some(request) = read_request(&mut stream).await {
                    _ = seen.send(Seen::Request(request));
                    match &act {
                        Act::Say(bytes) => stream.write_all(bytes).await.unwrap(),
                        Act::Cut(bytes) => return stream.write_all(bytes).await.unwrap(),
                        Act::Endless(head, chunk) => {
                            stream.write_all(head).await.unwrap();
                            while stream.write_all(chunk).await.is_ok() {}
                        }
                        Act::Reset => return stream.set_zero_linger().unwrap(),
                    }
                }
                _ = seen.send(Seen::End);
            });
        }
    });
    (url, sight)
}

/// One request as text, or `None` where the connection ends.
async fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
        if body.len() >= length.unwrap_or(0) {
            return Some(text);
        }
    }
}

pub fn http(status: u16, headers: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n{headers}\r\n{body}", body.len()).into_bytes()
}

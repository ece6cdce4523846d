//! LiteLLM's proxy, where a virtual environment with it exists: `python3 -m venv target/peers/litellm` and
//! `target/peers/litellm/bin/pip install 'litellm[proxy]'`. It is large, and nobody fetches it by the way.

use crate::bench::step;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long it may take to start.
const STARTING: Duration = Duration::from_secs(120);

/// A running proxy; it ends when this is dropped.
pub struct Proxy {
    child: Child,
    port: u16,
}

impl Proxy {
    /// Starts one in front of a model.
    ///
    /// # Errors
    /// Why there is none.
    pub fn start(model: &str) -> Result<Self, String> {
        let program = crate::root().join("target/peers/litellm/bin/litellm");
        if !program.is_file() {
            return Err("target/peers/litellm is absent".to_owned());
        }
        let folder = crate::root().join("target/bench");
        let config = folder.join("litellm.yaml");
        let text = format!(
            "model_list:\n- model_name: gpt-6-luna\n  litellm_params:\n    model: openai/gpt-6-luna\n    api_base: {model}/v1\n    \
             api_key: none\nlitellm_settings:\n  telemetry: false\n"
        );
        std::fs::create_dir_all(&folder).and_then(|()| std::fs::write(&config, text)).map_err(|e| e.to_string())?;
        let port =
            TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).map_err(|e| e.to_string())?.port();
        let mut command = Command::new(program);
        command.arg("--config").arg(&config).args(["--host", "127.0.0.1", "--port", &port.to_string()]);
        // It is there for this machine and these minutes only.
        command.env("LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY", "true");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut proxy = Self { child: command.spawn().map_err(|e| e.to_string())?, port };
        step("starting the LiteLLM proxy", || proxy.wait())?;
        Ok(proxy)
    }

    /// Where it is, as the base of OpenAI's API.
    pub fn base(&self) -> String {
        format!("http://127.0.0.1:{}/v1", self.port)
    }

    fn wait(&mut self) -> Result<(), String> {
        let end = Instant::now() + STARTING;
        while Instant::now() < end {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Err(format!("the proxy ended with {status}"));
            }
            if self.is_alive().unwrap_or(false) {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(200));
        }
        Err(format!("the proxy did not start within {} s", STARTING.as_secs()))
    }

    fn is_alive(&self) -> std::io::Result<bool> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.set_read_timeout(Some(Duration::from_secs(1)))?;
        stream.write_all(b"GET /health/liveliness HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
        let mut reply = [0; 12];
        stream.read_exact(&mut reply)?;
        Ok(&reply == b"HTTP/1.1 200")
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // Where it has ended by itself, that is all we wanted.
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

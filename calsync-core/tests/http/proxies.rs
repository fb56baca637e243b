//! The environment's proxy is used for other machines, and never for loopback.
//!
//! The environment belongs to a process, so the requests are sent by a child process: this test
//! program, with [`CHILD`] set.

use std::process::Command;

use calsync_core::http::{HttpTransport, ReqwestTransport, TransportErrorKind};

use crate::raw::{RawServer, Then};
use crate::{get, kind};

/// The environment variable with the URL of the child's plain request.
const CHILD: &str = "CALSYNC_TEST_PROXIES";

#[tokio::test]
async fn the_proxy_is_not_used_for_loopback() {
    let proxy =
        RawServer::new(Then::SayAndClose(b"HTTP/1.1 502 No\r\ncontent-length: 0\r\n\r\n".into())).await;
    let server = RawServer::new(Then::say("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")).await;
    let (proxy_url, server_url) = (proxy.url(), server.url());
    let child = tokio::task::spawn_blocking(move || {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "proxies::child"]).env_remove("NO_PROXY").env_remove("no_proxy");
        for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"] {
            command.env(name, &proxy_url);
        }
        command.env(CHILD, &server_url).output().unwrap()
    });
    let child = child.await.unwrap();
    assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stdout));
    assert_eq!(server.log().requests.len(), 1, "a request to loopback is sent directly");
    let tunnels = proxy.log().requests;
    let expected = usize::from(ReqwestTransport::builder().build().is_ok() && TLS);
    assert_eq!(tunnels.len(), expected, "{tunnels:?}");
    assert!(
        tunnels.iter().all(|request| request.starts_with("CONNECT calendar.invalid:443 ")),
        "{tunnels:?}"
    );
    assert!(tunnels.iter().all(|request| !request.contains("canary")), "{tunnels:?}");
}

const TLS: bool = cfg!(any(feature = "rustls-no-provider", feature = "native-tls"));

/// The child process of [`the_proxy_is_not_used_for_loopback`]. Without [`CHILD`] it does nothing.
#[tokio::test]
async fn child() {
    let Ok(server) = std::env::var(CHILD) else { return };
    let transport = ReqwestTransport::builder();
    // Without certificates on the machine only the request to loopback is tested.
    let transport = transport.clone().build().or_else(|_| transport.without_tls().build()).unwrap();
    assert_eq!(transport.send(get(&server)).await.unwrap().status(), 200);
    for transport in
        [Ok(transport), ReqwestTransport::builder().without_proxy().build()].into_iter().flatten()
    {
        let mut request = get("https://calendar.invalid/");
        request.headers_mut().insert("authorization", "Bearer canary".parse().unwrap());
        let expected = [TransportErrorKind::NotSent, TransportErrorKind::Setup];
        assert!(expected.contains(&kind(transport.send(request).await)));
    }
}

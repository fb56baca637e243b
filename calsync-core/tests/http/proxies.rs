//! The proxy that the host's environment names is used for the world, and never for this machine.
//!
//! The environment belongs to a process, so each case runs in one of its own: this test program again, with [`CHILD`] set.

use std::process::Command;

use calsync_core::http::{HttpTransport, ReqwestTransport, TransportErrorKind};

use crate::raw::{RawServer, Then};
use crate::{get, kind};

/// Where the child's plain request goes.
const CHILD: &str = "CALSYNC_TEST_PROXIES";

#[tokio::test]
async fn the_proxy_is_for_the_world_only() {
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
    assert_eq!(server.log().requests.len(), 1, "a token for loopback goes there directly");
    let tunnels = proxy.log().requests;
    let expected = usize::from(ReqwestTransport::builder().build().is_ok() && TLS);
    assert_eq!(tunnels.len(), expected, "{tunnels:?}");
    assert!(tunnels.iter().all(|asked| asked.starts_with("CONNECT calendar.invalid:443 ")), "{tunnels:?}");
    assert!(tunnels.iter().all(|asked| !asked.contains("canary")), "{tunnels:?}");
}

const TLS: bool = cfg!(any(feature = "rustls-no-provider", feature = "native-tls"));

/// What [`the_proxy_is_for_the_world_only`] starts; on its own it has nothing to do.
#[tokio::test]
async fn child() {
    let Ok(server) = std::env::var(CHILD) else { return };
    let transport = ReqwestTransport::builder();
    // Without certificates on the machine there is no way to the world to be tried.
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

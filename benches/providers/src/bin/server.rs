//! The server in a process of its own, so that its CPU is not the clients'. Prints its URL; ends
//! when it is killed.

use calsync_bench_providers::server::serve;
use tokio::net::TcpListener;

fn main() -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("http://{}", listener.local_addr()?);
        serve(listener, None).await;
        Ok(())
    })
}

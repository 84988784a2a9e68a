//! The orchestrator of a demonstration: a store that is removed at the end, and its HTTP API on this machine.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::POLICIES;
use crate::domain::policy::Policies;
use crate::orchestrator::api::{self, Access};
use crate::orchestrator::engine::{Engine, Settings};
use crate::orchestrator::policy_file;
use crate::orchestrator::sweeper;
use crate::store::Sqlite;

/// Longest wait for the last tasks to let go of the store.
const GRACE: Duration = Duration::from_secs(3);

/// An orchestrator that serves until it is stopped.
#[derive(Debug)]
pub struct Host {
    url: String,
    directory: Option<PathBuf>,
    stop: CancellationToken,
    serving: JoinHandle<std::io::Result<()>>,
    sweeping: JoinHandle<()>,
}

impl Host {
    /// Starts on a free port of the loopback address.
    ///
    /// # Errors
    /// The temporary directory cannot be written, or no port is free.
    pub async fn start() -> anyhow::Result<Self> {
        let settings = Settings { policies: policies()?, ..Settings::default() };
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let store = Sqlite::temporary()?;
        let directory = store.path().parent().map(PathBuf::from);
        let engine = Engine::open(Arc::new(store), settings).await?;
        let stop = CancellationToken::new();
        let sweeping = sweeper::start(engine.clone(), stop.clone());
        let serving = tokio::spawn(api::serve(engine, listener, Access::Open, stop.clone()));
        Ok(Self { url, directory, stop, serving, sweeping })
    }

    /// Base URL it answers at, such as `http://127.0.0.1:40123`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Directory of its store; `None` after it has stopped.
    pub fn directory(&self) -> Option<&Path> {
        self.directory.as_deref()
    }

    /// Stops, and removes the store.
    ///
    /// # Errors
    /// The server had failed.
    pub async fn stop(self) -> anyhow::Result<()> {
        self.stop.cancel();
        self.sweeping.await?;
        self.serving.await??;
        // The store removes its directory when the last task that holds it has ended.
        let Some(directory) = self.directory else {
            return Ok(());
        };
        let removed = async {
            while directory.exists() {
                sleep(Duration::from_millis(10)).await;
            }
        };
        if timeout(GRACE, removed).await.is_err() {
            std::fs::remove_dir_all(&directory)?;
        }
        Ok(())
    }
}

fn policies() -> anyhow::Result<Policies> {
    policy_file::read(POLICIES).map_err(|mistakes| {
        let told: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
        anyhow::anyhow!(told.join("; "))
    })
}

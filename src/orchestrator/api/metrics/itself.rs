//! The figures of the server itself: what is connected, which limits were reached, and what failed.

use std::fmt::Write;
use std::sync::atomic::Ordering;

use crate::log;
use crate::orchestrator::api::Shared;

/// What kind of figure: one that goes up and down, or one that only grows while the server runs.
type Family = (&'static str, &'static str, u64);

/// The figures as Prometheus text.
pub fn render(api: &Shared) -> String {
    let traffic = &api.traffic;
    let (streams, waits) = (&traffic.streams, &traffic.waits);
    let gauges: [Family; 9] = [
        ("seam_connections", "Connections that are open", traffic.connections() as u64),
        ("seam_connections_limit", "Connections that are taken at once", traffic.limits.connections as u64),
        ("seam_streams", "Event streams that are open", streams.taken() as u64),
        ("seam_streams_limit", "Event streams that are served at once", streams.limit() as u64),
        ("seam_waiting_requests", "Requests that wait for work or events", waits.taken() as u64),
        ("seam_waiting_requests_limit", "Requests that may wait at once", waits.limit() as u64),
        ("seam_blob_bytes_in_flight", "Bytes of blobs in memory, on their way in or out", api.blobs.in_flight()),
        ("seam_blob_bytes", "Bytes of blobs that are kept, each as 1 KiB at least", api.blobs.used()),
        ("seam_blob_bytes_limit", "Bytes of blobs that may be kept", api.blobs.quota),
    ];
    let counters: [Family; 8] = [
        ("seam_connections_closed_total", "Connections closed because another needed the place", traffic.closed()),
        ("seam_connections_refused_total", "Connections turned away: every place was busy", traffic.turned_away()),
        ("seam_streams_refused_total", "Event streams refused because of the limit", streams.refused()),
        ("seam_waiting_requests_refused_total", "Requests that were not let wait", waits.refused()),
        ("seam_rate_limited_total", "Requests refused because their token made too many", api.rates.refused()),
        ("seam_blobs_refused_total", "Blobs refused: no room in memory or in the store", api.blobs.refused()),
        ("seam_log_lines_dropped_total", "Lines of the log that nobody took in time", log::lost()),
        ("seam_store_errors_total", "Requests that the store failed", api.store_errors.load(Ordering::Relaxed)),
    ];
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = writeln!(
        text,
        "# HELP seam_build_info The program that serves.\n# TYPE seam_build_info gauge\nseam_build_info{{version=\"{}\"}} 1",
        env!("CARGO_PKG_VERSION")
    );
    for (kind, families) in [("gauge", &gauges[..]), ("counter", &counters[..])] {
        for (name, help, value) in families {
            let _ = writeln!(text, "# HELP {name} {help}.\n# TYPE {name} {kind}\n{name} {value}");
        }
    }
    text
}
